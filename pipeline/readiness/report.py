# SPDX-License-Identifier: Apache-2.0
"""What was found, and what was asked for it. Knows no question."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Level = Literal["ok", "unknown", "warning", "problem"]


class Finding(NamedTuple):
    """`unknown`: what nobody could be asked, or what the answer does not tell. It is neither good nor bad."""

    subject: str
    level: Level
    what: str
    told: str
    line: int = 0  # of the config; 0: of none


class Request(NamedTuple):
    """One that went over the network, and why it changes nothing."""

    request: str
    harmless: str


@dataclass
class Report:
    """In the order in which it was found."""

    findings: list[Finding] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def add(self, subject: str, level: Level, what: str, told: str, line: int = 0) -> None:
        self.findings.append(Finding(subject, level, what, told, line))

    def count(self, level: Level) -> int:
        return sum(finding.level == level for finding in self.findings)
