# SPDX-License-Identifier: Apache-2.0
"""docs/reasons.md, made from the registry of reasons: `python -m pipeline.reports.reasons_page`, or `make docs`."""

from collections.abc import Iterator

from pipeline.reports.screen import show
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, NOTED
from transforms.model.reasons import of_kind

_OF_DEAD_LETTERS = (
    "`dl_reason` of what could not be delivered. [Dead letters](dead_letters.md) says how to look at them and how to"
    " replay them. What waits, for its user or because it fails alone, has the reason that it would end with."
)
_SECTIONS = (
    (DEAD_LETTERED, "Dead letters", _OF_DEAD_LETTERS),
    (DROPPED, "Drops", "What is left out on purpose, as the summary counts it under *Dropped by rule*."),
    (NOTED, "Notes", "What was sent, with something to know, as the summary counts it under *Noted*."),
)


def page() -> str:
    """Markdown, without the newline at its end."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Reasons: what they mean, what to do"
    yield ""
    yield "Made from `transforms/model/reasons.py` by `make docs`."
    for kind, title, text in _SECTIONS:
        yield from ("", f"## {title}", "", text, "")
        yield "| Reason | Given by | What it means | What to do |"
        yield "| --- | --- | --- | --- |"
        for reason in of_kind(kind).values():
            yield f"| `{reason.code}` | {', '.join(reason.stages)} | {reason.meaning} | {reason.remedy or '–'} |"


if __name__ == "__main__":
    show(page())
