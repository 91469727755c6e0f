# SPDX-License-Identifier: Apache-2.0
import pytest

from pipeline.sandbox.bench.figures import HEAD, Figure, Run, line_of, middle, slope


def test_a_slope_is_what_one_more_event_takes() -> None:
    """Start-up is in both runs, and so in none of it."""
    assert slope(Run(10_000, 1.5 + 0.3, 0), Run(100_000, 1.5 + 3.0, 0)) == pytest.approx(30.0)


def test_the_middle_of_three_runs_is_each_of_its_figures() -> None:
    assert middle([Run(10, 3.0, 200), Run(10, 1.0, 300), Run(10, 2.0, 100)]) == Run(10, 2.0, 200)


@pytest.mark.parametrize(
    ("figure", "is_met"),
    [
        (Figure("at most", 32.0, "µs", 32), True),
        (Figure("at most", 32.1, "µs", 32), False),
        (Figure("at least", 0.36, "%", 0.36, more_is_better=True), True),
        (Figure("at least", 0.35, "%", 0.36, more_is_better=True), False),
        (Figure("only told", 5.0), None),
    ],
)
def test_a_target_is_met_on_its_own_side(figure: Figure, is_met: bool | None) -> None:
    assert figure.is_met is is_met


def test_a_line_says_figure_targets_and_whether_it_is_met_in_80_columns() -> None:
    figures = [
        Figure("CPU an event, start-up apart", 44.25, "µs", 32, 25),
        Figure("peak memory, 1,000,000 events", 261.6, "MB", 300, 250),
        Figure("share of the loop's speed", 0.4, "%", 0.36, 0.5, more_is_better=True),
        Figure("batches full", 0.999, "%"),
    ]

    table = "\n".join([HEAD, *map(line_of, figures)])

    assert table == (
        "                                                      must         aim\n"
        "  CPU an event, start-up apart         44.2 µs   ≤ 32.0 µs   ≤ 25.0 µs  NOT MET\n"
        "  peak memory, 1,000,000 events         262 MB    ≤ 300 MB    ≤ 250 MB      met\n"
        "  share of the loop's speed              40.0%     ≥ 36.0%     ≥ 50.0%      met\n"
        "  batches full                           99.9%"
    )
    assert max(map(len, table.splitlines())) <= 80
