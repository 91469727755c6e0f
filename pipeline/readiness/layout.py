# SPDX-License-Identifier: Apache-2.0
"""What was found, as a screen of 80 columns and as JSON. Asks nothing."""

import textwrap
from collections.abc import Iterator
from typing import Any

from pipeline.config.loader import LoadedConfig
from pipeline.readiness.report import Finding, Level, Report

WIDTH = 80
_SUBJECT, _WHAT = 13, 12
_MARGIN = 2
_TOLD = _SUBJECT + 3 + _WHAT  # where the third column begins
MARKS: dict[Level, str] = {"ok": "✔", "unknown": "–", "warning": "!", "problem": "✘"}
# For a terminal that has only ASCII.
_PLAIN = {"✔": "+", "–": "?", "✘": "X", "→": "->"}


def describe(report: Report, asks: str, *, verbose: bool = False) -> str:
    """Lines for a person.

    Args:
      report: of all that was asked.
      asks: what is said of the network, in a sentence.
      verbose: with each request, and why it changes nothing.
    """
    lines = [*_finding_lines(report.findings)]
    if verbose and report.requests:
        lines += ["", "What was asked:"]
        for request in report.requests:
            lines += textwrap.wrap(
                f"{request.request}: {request.harmless}", WIDTH, initial_indent="  ", subsequent_indent="    ", **_WHOLE
            )
    counted = [_count(report.count("warning"), "warning"), _count(report.count("problem"), "problem")]
    verdict = f"{', '.join(filter(None, counted)) or 'No problems'}. {asks}"
    return "\n".join([*lines, "", *textwrap.wrap(verdict, WIDTH)])


def in_ascii(text: str) -> str:
    """For who has no other characters; a name's own become question marks."""
    for character, plain in _PLAIN.items():
        text = text.replace(character, plain)
    return text.encode("ascii", "replace").decode()


def as_json(report: Report, loaded: LoadedConfig) -> dict[str, Any]:
    """The same, as configs/schemas/check.schema.json says."""
    return {
        "config": loaded.path,
        "sync": loaded.config.name,
        "warnings": report.count("warning"),
        "problems": report.count("problem"),
        "findings": [{**finding._asdict(), "line": finding.line or None} for finding in report.findings],
        "requests": [request._asdict() for request in report.requests],
    }


_WHOLE: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def _finding_lines(findings: list[Finding]) -> Iterator[str]:
    before = ""
    for finding in findings:
        subject = finding.subject if finding.subject != before else ""
        head = f"{subject:<{_SUBJECT}}{MARKS[finding.level]} {finding.what:<{_WHAT}} "
        place = f"line {finding.line}" if finding.line else ""
        told = f"{place}: {finding.told}" if place not in ("", finding.what) else finding.told
        yield from _column(told, head)
        before = finding.subject


def _column(told: str, head: str) -> Iterator[str]:
    """Lines whose third column it is. A word that is longer stands alone, whole, and further left if it fits there."""
    line, is_begun = head, False
    for word in told.split():
        if is_begun and len(line) + 1 + len(word) > WIDTH:
            yield line
            line, is_begun = " " * _TOLD, False
        if WIDTH - _TOLD < len(word) <= WIDTH - _MARGIN:
            if line.strip():
                yield line.rstrip()
            line = " " * (WIDTH - len(word))
        line, is_begun = f"{line}{' ' if is_begun else ''}{word}", True
    yield line


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number > 1 else ''}" if number else ""
