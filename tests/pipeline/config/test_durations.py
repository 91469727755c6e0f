# SPDX-License-Identifier: Apache-2.0
import pytest

from pipeline.config.durations import format_duration, parse_duration, parse_moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20s", 20.0), ("5m", 300.0), ("4h", 14_400.0), ("2d", 172_800.0), ("1.5h", 5_400.0), ("0.5s", 0.5), ("0s", 0.0)],
)
def test_a_number_and_a_unit_is_a_duration(text: str, seconds: float) -> None:
    """s, m, h and d count seconds; decimals are fine."""
    parsed = parse_duration(text)

    assert seconds == parsed


@pytest.mark.parametrize(
    "text", ["", "5", "s", "500ms", "-5m", "5 m", "5M", "1e3s", ".5s", "5.s", "5m\n", "٥m", "1h30m"]
)
def test_anything_else_is_refused(text: str) -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match="is no duration: write a number followed by s, m, h or d"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-05", 1_767_571_200.0),
        ("2026-01-05T10:00", 1_767_607_200.0),
        ("2026-01-05 10:00:00", 1_767_607_200.0),
        ("2026-01-05T10:00:00Z", 1_767_607_200.0),
        ("2026-01-05T10:00:00.5+01:00", 1_767_603_600.5),
    ],
)
def test_a_moment_is_of_utc(text: str, expected: float) -> None:
    """A date begins at midnight; an offset is honoured."""
    assert expected == parse_moment(text)


@pytest.mark.parametrize("text", ["", "today", "2026", "2026-02-30", "2026-01-05T25:00", "1767571200", "05.01.2026"])
def test_what_is_no_moment_says_how_to_write_one(text: str) -> None:
    """With examples, and what was given."""
    with pytest.raises(
        ValueError, match=rf"^'{text}' is no time: write a date, or date and time, in UTC, such as 2026-"
    ):
        parse_moment(text)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (0.2, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "2 min"),
        (3_541, "1 h 0 min"),
        (12_000, "3 h 20 min"),
        (86_400, "1 d 0 h"),
        (187_200, "2 d 4 h"),
    ],
)
def test_how_long_something_takes(seconds: float, expected: str) -> None:
    """Two units at most, and never less than it takes."""
    assert expected == format_duration(seconds)
