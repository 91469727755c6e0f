# SPDX-License-Identifier: Apache-2.0
"""A record as JSON lines, and what they come to when it is read. Knows no run and no folder.

    start    which run it is
    settled  counts of one settlement, numbered; `chunk`: they count only if the source was settled that far
    asked    requests since the line before, what was in flight then, and outages that are over
    resume   another process goes on, from the source's mark: of what was settled later all comes again
    end      how it ended

A line that nobody can read is what a crash or another version left, and is counted.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from pipeline.records.activity import Outage
from pipeline.records.counts import Counts

VERSION = 1


class Mark(NamedTuple):
    """How far a record counts, as the checkpoint of its source holds it: lines to `line`, of chunks to `chunk`.

    Chunks are numbered by each process anew; `process`: which one wrote this.
    """

    run: str
    line: int
    chunk: int
    process: int


@dataclass
class Slice:
    """Counts of some time that ended at `at` (Unix seconds); see `settled` above for `chunk`."""

    at: float
    counts: Counts
    number: int = 0
    chunk: int | None = None
    process: int = 0
    is_void: bool = False

    def comes_again(self, mark: Mark) -> bool:
        """Where a source goes on from `mark`."""
        if self.chunk is None:
            return False
        return self.number > mark.line or (self.process == mark.process and self.chunk > mark.chunk)


class Resume(NamedTuple):
    """Another process goes on; `rows`: that were settled before."""

    at: float
    rows: int


class End(NamedTuple):
    """`how`: done, stopped, fatal or fault; `in_flight`: items that were not settled."""

    at: float
    how: str
    exit: int
    in_flight: int


@dataclass
class Record:
    """One run as its record tells it. `start` holds what is told of it at its beginning."""

    start: dict[str, Any] = field(default_factory=dict)
    settled: list[Slice] = field(default_factory=list)
    asked: list[Slice] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    resumes: list[Resume] = field(default_factory=list)
    end: End | None = None
    repeated: int = 0  # items that were settled and, after a kill, settled again
    in_flight: int = 0  # as it was told last
    strange: int = 0  # lines
    is_running: bool = False

    @property
    def run(self) -> str:
        return str(self.start.get("run", ""))

    @property
    def began(self) -> float:
        return float(self.start.get("at", 0.0))

    @property
    def last(self) -> float:
        """When it ended, or is last heard of."""
        slices = [one[-1].at for one in (self.settled, self.asked) if one]
        return self.end.at if self.end else max([self.began, *slices, *(resume.at for resume in self.resumes)])

    @property
    def counts(self) -> Counts:
        """All that counts."""
        whole = Counts()
        for one in self.slices():
            whole.merge(one.counts)
        return whole

    @property
    def rows(self) -> list[int]:
        """Settled by each process in turn."""
        ends = [
            *(resume.rows for resume in self.resumes),
            sum(one.counts.read for one in self.settled if not one.is_void),
        ]
        return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]

    def slices(self) -> Iterator[Slice]:
        yield from (one for one in self.settled if not one.is_void)
        yield from self.asked

    def resume(self, line: dict[str, Any]) -> None:
        if "after" in line:
            mark = Mark(self.run, line["after"], line["chunk"], line["process"])
            for one in self.settled:
                if not one.is_void and one.comes_again(mark):
                    one.is_void = True
                    self.repeated += one.counts.settled
        rows = line.get("rows", sum(one.counts.read for one in self.settled if not one.is_void))
        self.resumes.append(Resume(line["at"], rows))
        self.end = None

    def add(self, line: dict[str, Any]) -> None:
        """Raises KeyError, TypeError or ValueError if it is no line of a record."""
        kind = line["line"]
        if kind == "start":
            self.start = line
        elif kind == "settled":
            counts = Counts.from_json(line["counts"])
            self.settled.append(Slice(line["at"], counts, line["n"], line.get("chunk"), len(self.resumes)))
        elif kind == "asked":
            self.asked.append(Slice(line["at"], Counts.from_json(line["counts"])))
            self.outages += [Outage(*outage) for outage in line.get("outages", ())]
            self.in_flight = int(line.get("in_flight", 0))
        elif kind == "resume":
            self.resume(line)
        elif kind == "repeated":
            self.repeated += int(line["items"])
        elif kind == "end":
            self.end = End(line["at"], line["how"], line["exit"], line["in_flight"])
        else:
            raise ValueError(kind)


def read_lines(lines: Iterable[bytes]) -> Record:
    record = Record()
    for line in lines:
        try:
            record.add(orjson.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError):
            record.strange += 1
    return record


def to_line(line: str, at: float, **rest: Any) -> bytes:
    return orjson.dumps({"line": line, "at": round(at, 3), **rest}, option=orjson.OPT_APPEND_NEWLINE)


def settled_line(one: Slice) -> bytes:
    chunk = {} if one.chunk is None else {"chunk": one.chunk}
    return to_line("settled", one.at, n=one.number, **chunk, counts=one.counts.to_json())


def asked_line(one: Slice, in_flight: int, outages: Iterable[Outage] = ()) -> bytes:
    spans = {"outages": spans} if (spans := [list(outage) for outage in outages]) else {}
    return to_line("asked", one.at, counts=one.counts.to_json(), in_flight=in_flight, **spans)
