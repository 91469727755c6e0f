# SPDX-License-Identifier: Apache-2.0
"""Pictures of a report, as numbers and paths: x in percent of the width, y in pixels. Knows no HTML and no record."""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

Anchor = Literal["start", "middle", "end"]

_FLOW_PIXELS = 220  # of all items together; more, where there are many thin bands
_THINNEST = 17  # pixels of a band: as high as its label
_GAP = 3  # between bands of a group
_HEAD = 34  # above a group: its title
_STARTS, _GROUPS, _ENDS = 2, 26, 42  # percent, where bands bend

_TOP, _BOTTOM, _CHART = 18, 128, 146  # pixels of a chart over time: the plot, and its height with the times below
_TICKS = (60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000)  # seconds
_MOST_TICKS = 6  # as many as a phone has room for
_MOST_DECADES = 5


class Shape(NamedTuple):
    """`kind` says what it is of, and so its colour."""

    kind: str
    path: str


class Label(NamedTuple):
    """Text; `y` is that of its foot."""

    x: float
    y: float
    text: str
    anchor: Anchor = "start"


class Picture(NamedTuple):
    """In the order of drawing."""

    height: float
    shapes: Sequence[Shape]
    labels: Sequence[Label]


class Group(NamedTuple):
    """What ended alike, and what it is made of: names with counts."""

    kind: str
    title: str
    parts: Sequence[tuple[str, int]]


class Axis(NamedTuple):
    """Time, in Unix seconds."""

    began: float
    ended: float

    def x(self, at: float) -> float:
        return min(max((at - self.began) / (self.ended - self.began), 0.0), 1.0) * 100

    def ticks(self) -> Iterator[Label]:
        """Days by their date, else the time (UTC)."""
        span = self.ended - self.began
        step = next((step for step in _TICKS if span / step <= _MOST_TICKS), span)
        at = math.ceil(self.began / step) * step
        while at <= self.ended:
            x = self.x(at)
            anchor: Anchor = "start" if x < 4 else "end" if x > 96 else "middle"
            yield Label(x, _CHART - 3, time.strftime("%H:%M" if at % 86400 else "%d %b", time.gmtime(at)), anchor)
            at += step


def flow(title: str, total: int, groups: Iterable[Group]) -> Picture:
    """From all of `total` to groups, to their parts. As wide as their counts, but none thinner than its label."""
    shapes: list[Shape] = []
    labels = [Label(0, 14, title), Label(0, 30, f"{total:,}")]
    source = top = _HEAD + 6.0
    for group in groups:
        heights = [max(_THINNEST, _FLOW_PIXELS * count / total) for _, count in group.parts]
        height = sum(heights)
        begin = y = top + _GAP * (len(heights) - 1) / 2
        labels.append(Label(_GROUPS, top - 7, f"{group.title} {sum(count for _, count in group.parts):,}"))
        shapes.append(Shape(f"{group.kind} band", _band(_STARTS, source, _GROUPS, begin, height)))
        shapes.append(Shape(group.kind, _box(0, source, _STARTS, height)))
        shapes.append(Shape(group.kind, _box(_GROUPS, begin, 1.5, height)))
        for (name, count), part in zip(group.parts, heights, strict=True):
            shapes.append(Shape(f"{group.kind} band", _band(_GROUPS + 1.5, y, _ENDS, top, part)))
            shapes.append(Shape(group.kind, _box(_ENDS, top, 1, part)))
            labels.append(Label(_ENDS + 2.5, top + part / 2 + 4, f"{count:,} {name}"))
            y += part
            top += part + _GAP
        source += height
        top += _HEAD - _GAP
    return Picture(max(top - _HEAD, source) + 4, shapes, labels)


def bars(axis: Axis, series: Mapping[str, Sequence[int]], unit: str, outages: Iterable[Axis]) -> Picture:
    """Counts of steps of time, one kind upon the other."""
    totals = [sum(counts) for counts in zip(*series.values(), strict=True)]
    most = max(totals) or 1
    width = 100 / len(totals)
    shapes = [Shape("grid", f"M0 {_TOP}H100M0 {_BOTTOM}H100")]
    bases = [0] * len(totals)
    for kind, counts in series.items():
        path = ""
        for number, count in enumerate(counts):
            if count:
                bases[number] += count
                y = _BOTTOM - (_BOTTOM - _TOP) * bases[number] / most
                path += _box(number * width + width * 0.06, y, width * 0.88, (_BOTTOM - _TOP) * count / most)
        shapes.append(Shape(kind, path))
    shapes.append(_shade(axis, outages))
    return Picture(_CHART, shapes, [Label(0, _TOP - 5, f"{most:,} {unit}"), *axis.ticks()])


def steps(axis: Axis, series: Mapping[str, Sequence[float | None]], outages: Iterable[Axis]) -> Picture:
    """Seconds over time, on a logarithmic scale; a line is broken where nothing is known."""
    known = [value for values in series.values() for value in values if value and math.isfinite(value)]
    low = math.floor(math.log10(min(known, default=1.0)))
    high = max(math.ceil(math.log10(max(known, default=1.0))), low + 1)
    every = math.ceil((high - low) / _MOST_DECADES)

    def y(value: float) -> float:
        share = (math.log10(max(value, 10.0**low)) - low) / (high - low) if math.isfinite(value) else 1.0
        return _BOTTOM - (_BOTTOM - _TOP) * min(share, 1.0)

    decades = range(low, high + 1, every)
    shapes = [_shade(axis, outages), Shape("grid", "".join(f"M0 {_n(y(10.0**one))}H100" for one in decades))]
    for kind, values in series.items():
        width = 100 / len(values)
        path, is_drawn = "", False
        for number, value in enumerate(values):
            if value is not None:
                begin = f"V{_n(y(value))}" if is_drawn else f"M{_n(number * width)} {_n(y(value))}"
                path += f"{begin}H{_n((number + 1) * width)}"
            is_drawn = value is not None
        shapes.append(Shape(f"{kind} line", path))
    names = [Label(0, y(10.0**one) - 4, f"{10.0**one:,g} s") for one in decades if one > low]
    return Picture(_CHART, shapes, [*names, *axis.ticks()])


def _shade(axis: Axis, outages: Iterable[Axis]) -> Shape:
    spans = [(axis.x(outage.began), axis.x(outage.ended)) for outage in outages]
    return Shape("outage", "".join(_box(x, _TOP, max(to - x, 0.4), _BOTTOM - _TOP) for x, to in spans))


def _band(x: float, y: float, to_x: float, to_y: float, height: float) -> str:
    middle = _n((x + to_x) / 2)
    there = f"M{_n(x)} {_n(y)}C{middle} {_n(y)} {middle} {_n(to_y)} {_n(to_x)} {_n(to_y)}"
    back = f"C{middle} {_n(to_y + height)} {middle} {_n(y + height)} {_n(x)} {_n(y + height)}"
    return f"{there}v{_n(height)}{back}z"


def _box(x: float, y: float, width: float, height: float) -> str:
    return f"M{_n(x)} {_n(y)}h{_n(width)}v{_n(height)}h{_n(-width)}z"


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
