# SPDX-License-Identifier: Apache-2.0
"""How what a run takes grows with its events, as an SVG: `python -m pipeline.sandbox.bench.curves BENCH.json > FILE`.

Both scales are logarithmic: what is proportional is a straight line. Knows no measure but by its figures' names.
"""

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, TOP, GAP = 340, 200, 60, 40, 60  # pixels of a plot; around it, and between two
_SIZE = re.compile(r"^(CPU|peak memory|start-up CPU), (one event|[\d,]+ events)$")


class Curve(NamedTuple):
    """Points (events, value), values of `unit`."""

    title: str
    unit: str
    points: Sequence[tuple[float, float]]


def curves_of(figures: Iterable[Mapping[str, object]]) -> list[Curve]:
    """Of the measure `speed`."""
    points: dict[str, list[tuple[float, float]]] = {"CPU": [], "peak memory": []}
    for figure in figures:
        if found := _SIZE.match(str(figure["name"])):
            kind, size = found.groups()
            events = 1.0 if size.startswith("one") else float(size.split()[0].replace(",", ""))
            points[kind.removeprefix("start-up ")].append((events, float(str(figure["value"]))))
    return [Curve("CPU seconds of a run", "s", points["CPU"]), Curve("peak memory", "MB", points["peak memory"])]


def draw(curves: Sequence[Curve]) -> str:
    """One plot beside the other."""
    width = LEFT + (WIDTH + GAP) * len(curves)
    plots = "".join(
        f'<g transform="translate({LEFT + (WIDTH + GAP) * number},{TOP})">{_plot(curve)}</g>\n'
        for number, curve in enumerate(curves)
    )
    return (
        f'<svg viewBox="0 0 {width} {TOP + HEIGHT + 40}" xmlns="http://www.w3.org/2000/svg">\n'
        "<style>text { font: 12px sans-serif; fill: #667 } path { fill: none; stroke: #aab; stroke-width: 1 }"
        " .line { stroke: #26c; stroke-width: 2 } circle { fill: #26c }</style>\n"
        f"{plots}</svg>\n"
    )


def _plot(curve: Curve) -> str:
    xs, ys = (_Scale([point[axis] for point in curve.points]) for axis in (0, 1))
    at = [(WIDTH * xs.share(x), HEIGHT * (1 - ys.share(y))) for x, y in curve.points]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in at)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in at)
    values = "".join(
        f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{value:,.3g}</text>'
        for (x, y), (_, value) in zip(at, curve.points, strict=True)
    )
    across = "".join(
        f'<path d="M0 {HEIGHT * (1 - ys.share(y)):.1f}H{WIDTH}"/>'
        f'<text x="-6" y="{HEIGHT * (1 - ys.share(y)) + 4:.1f}" text-anchor="end">{y:,g} {curve.unit}</text>'
        for y in ys.decades()
    )
    below = "".join(
        f'<text x="{WIDTH * xs.share(x):.1f}" y="{HEIGHT + 18}" text-anchor="middle">{x:,.0f}</text>'
        for x, _ in curve.points
    )
    title = f'<text y="-22">{curve.title}</text><text x="{WIDTH}" y="{HEIGHT + 34}" text-anchor="end">events</text>'
    return f'{title}{across}{below}<path class="line" d="M{line}"/>{dots}{values}'


class _Scale:
    """Whole decades around what is there."""

    def __init__(self, values: Iterable[float]) -> None:
        logs = [math.log10(value) for value in values]
        self._low = math.floor(min(logs))
        self._high = max(math.ceil(max(logs)), self._low + 1)

    def share(self, value: float) -> float:
        return (math.log10(value) - self._low) / (self._high - self._low)

    def decades(self) -> list[float]:
        return [10.0**exponent for exponent in range(self._low, self._high + 1)]


if __name__ == "__main__":
    measured = json.loads(Path(sys.argv[1]).read_text())
    sys.stdout.write(draw(curves_of(measured["measures"]["speed"])))
