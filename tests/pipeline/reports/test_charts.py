# SPDX-License-Identifier: Apache-2.0
"""The pictures' geometry: widths are counts, labels do not lie on each other, lines break where nothing is known."""

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.reports.charts import Axis, Group, bars, flow, steps

DAY = Axis(1_767_744_000.0, 1_767_830_400.0)  # 2026-01-07, UTC


def heights(kind: str, picture_path: str) -> list[float]:
    return [float(height) for height in re.findall(r"h[\d.]+v([\d.]+)h-", picture_path)]


def test_bars_are_as_high_as_their_counts() -> None:
    """Of steps, one kind upon the other; the highest reaches the line that tells its count."""
    picture = bars(DAY, {"delivered": [30, 0, 60], "dropped": [10, 0, 60]}, "an hour", [])
    paths = {shape.kind: shape.path for shape in picture.shapes}

    assert heights("delivered", paths["delivered"]) == [27.5, 55]
    assert heights("dropped", paths["dropped"]) == [9.17, 55]
    assert "M68.67 18h" in paths["dropped"]
    assert picture.labels[0].text == "120 an hour"


def test_a_line_breaks_where_nothing_is_known() -> None:
    """A step for each value, a decade for each power of ten; what is endless lies at the top."""
    picture = steps(DAY, {"p95": [1.0, None, 10.0, 100.0, float("inf")]}, [])
    line = next(shape.path for shape in picture.shapes if shape.kind == "p95 line")

    assert line == "M0 128H20M40 73H60V18H80V18H100"
    assert [label.text for label in picture.labels if label.text.endswith("s")] == ["10 s", "100 s"]


def test_an_outage_is_shaded_where_it_was() -> None:
    """One that began before is cut; a short one can still be seen."""
    outages = [Axis(DAY.began - 60, DAY.began + 8640), Axis(DAY.began + 43_200, DAY.began + 43_201)]
    picture = bars(DAY, {"delivered": [1]}, "a day", outages)

    assert [shape.path for shape in picture.shapes if shape.kind == "outage"] == [
        "M0 18h10v110h-10zM50 18h0.4v110h-0.4z"
    ]


def test_times_are_told_at_round_hours_and_days() -> None:
    """As many as a phone has room for; the outermost stay within the picture."""
    assert [(label.text, label.x, label.anchor) for label in DAY.ticks()] == [
        ("07 Jan", 0, "start"),
        ("06:00", 25, "middle"),
        ("12:00", 50, "middle"),
        ("18:00", 75, "middle"),
        ("08 Jan", 100, "end"),
    ]
    assert [label.text for label in Axis(DAY.began + 90, DAY.began + 330).ticks()] == [
        "00:02",
        "00:03",
        "00:04",
        "00:05",
    ]
    assert len(list(Axis(DAY.began, DAY.began + 90 * 86_400).ticks())) <= 7


counts = st.lists(st.integers(1, 10**9), min_size=1, max_size=6)


@given(st.lists(counts, min_size=1, max_size=4))
def test_labels_of_the_flow_do_not_lie_on_each_other(groups: list[list[int]]) -> None:
    """However uneven the counts are; all of it is within the picture."""
    total = sum(map(sum, groups))
    picture = flow("Items", total, [Group("delivered", "Title", [("x", one) for one in each]) for each in groups])
    for x in {label.x for label in picture.labels}:
        feet = sorted(label.y for label in picture.labels if label.x == x)
        assert all(below - above >= 15 for above, below in itertools.pairwise(feet))
        assert feet[-1] < picture.height


def test_bands_of_the_flow_are_as_wide_as_their_counts() -> None:
    """Above a least width, at both ends."""
    picture = flow(
        "Items", 100, [Group("delivered", "Delivered", [("a", 60), ("b", 39)]), Group("dead", "Dead", [("c", 1)])]
    )
    ends = [
        heights(shape.kind, shape.path)[0]
        for shape in picture.shapes
        if shape.path.startswith("M42 ") and " band" not in shape.kind
    ]

    assert ends == [132, 85.8, 17]
    assert [label.text for label in picture.labels] == [
        "Items", "100", "Delivered 99", "60 a", "39 b", "Dead 1", "1 c",
    ]  # fmt: skip
