# SPDX-License-Identifier: Apache-2.0
"""How texts and figures are laid out within 80 columns. Knows no survey and no profile."""

from collections.abc import Iterator

WIDTH = 80


def fit(text: str, width: int) -> str:
    """At most so many characters of it."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def wrap(text: str, indent: str = "  ", first: str = "") -> Iterator[str]:
    """Lines of whole words; those after the first are indented."""
    line = first
    for word in text.split(" "):
        if line.strip() and len(line) + 1 + len(word) > WIDTH:
            yield line
            line = f"{indent}{word}"
        else:
            line = f"{line} {word}" if line.strip() else f"{line}{word}"
    yield line


def share(count: int, of: int) -> str:
    """`36 %`; never 0 % of something, nor 100 % of less than all."""
    percent = round(100 * count / of) if of else 0
    if count and not percent:
        return "under 1 %"
    return "over 99 %" if percent == 100 and count < of else f"{percent} %"


def figure(number: int) -> str:
    """Nothing for none."""
    return f"{number:,}" if number else ""
