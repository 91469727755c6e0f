# SPDX-License-Identifier: Apache-2.0
"""The bar while rows are read."""

import pytest

from pipeline.reports.reading import EVERY, show_reading
from pipeline.reports.screen import show


def test_elsewhere_than_at_a_terminal_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """The rows come through as they are."""
    assert list(show_reading(range(2 * EVERY), lambda: 0.5)) == list(range(2 * EVERY))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("done", [lambda: 0.5, None])
def test_at_a_terminal_it_says_how_far_it_is(
    done: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr: stdout is for data."""
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert list(show_reading(range(2 * EVERY), done)) == list(range(2 * EVERY))  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{2 * EVERY:,} rows" in err
    assert ("50%" in err) is bool(done)


def test_data_goes_to_stdout_while_the_bar_is_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a pipe would get nothing of it."""
    monkeypatch.setenv("FORCE_COLOR", "1")

    for row in show_reading(range(2 * EVERY), lambda: 0.5):
        if row == EVERY:
            show("data")
    assert capsys.readouterr().out == "data\n"
