# SPDX-License-Identifier: Apache-2.0
import xml.etree.ElementTree as ElementTree

from pipeline.sandbox.bench.curves import Curve, curves_of, draw
from pipeline.sandbox.bench.figures import Figure

FIGURES = [
    Figure("start-up CPU, one event", 1.0, "s"),
    Figure("peak memory, one event", 118.0, "MB"),
    Figure("CPU, 10,000 events", 1.3, "s"),
    Figure("peak memory, 10,000 events", 160.0, "MB"),
    Figure("first request, 2,000 rows", 1.3, "s"),
]


def test_curves_are_made_of_the_figures_of_each_size() -> None:
    assert curves_of(figure._asdict() for figure in FIGURES) == [
        Curve("CPU seconds of a run", "s", [(1, 1.0), (10_000, 1.3)]),
        Curve("peak memory", "MB", [(1, 118.0), (10_000, 160.0)]),
    ]


def test_what_is_proportional_is_a_straight_line() -> None:
    picture = draw([Curve("CPU", "s", [(1, 1), (10, 10), (100, 100)])])

    line = next(path for path in ElementTree.fromstring(picture).iter() if path.get("class") == "line")
    assert line.get("d") == "M0.0 200.0L170.0 100.0L340.0 0.0"
