# SPDX-License-Identifier: Apache-2.0
import math
from datetime import datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.model.times import FIRST_SECOND, LAST_SECOND, format_span, from_epoch_ms, parse_time

EPOCH = datetime(1970, 1, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-07-01 16:34:54.837000", 1751387694.837),
        ("2025-07-01T16:34:54.837000", 1751387694.837),
        ("2025-07-01 16:34:54", 1751387694.0),
        ("2025-07-01 16:34:54.", 1751387694.0),
        ("2025-07-01 16:34:54.8", 1751387694.8),
        ("2025-07-01 16:34:54.837", 1751387694.837),
        ("2025-07-01 16:34:54.837000999", 1751387694.837),
        ("2025-07-01T16:34:54Z", 1751387694.0),
        ("2025-07-01T16:34:54.837Z", 1751387694.837),
        ("2023-08-24T07:00:00+00:00", 1692860400.0),
        ("2023-08-24T07:00:00+0000", 1692860400.0),
        ("2023-08-24T07:00:00+00", 1692860400.0),
        ("2023-08-24 07:00:00 +00:00", 1692860400.0),
        ("2023-08-24T09:00:00+02:00", 1692860400.0),
        ("2023-08-24T03:30:00-03:30", 1692860400.0),
        ("2023-08-24T12:45:00.5+0545", 1692860400.5),
        ("1970-01-01 00:00:00", 0.0),
        ("1969-12-31 23:59:59.5", -0.5),
        ("2024-02-29 00:00:00", 1709164800.0),
        ("0001-01-01 00:00:00", float(FIRST_SECOND)),
        ("9999-12-31 23:59:59", float(LAST_SECOND)),
    ],
)
def test_parse_time_reads_every_shape_seen(text: str, expected: float) -> None:
    """A timestamp is read with blank or T, 0 to 9 digits of fraction, and no zone, Z or an offset."""
    actual = parse_time(text)

    assert expected == actual


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2025-07-01",
        "2025-07-01 16:34",
        "2025-07-01 24:00:00",
        "2025-07-01 16:60:00",
        "2025-07-01 23:59:60",
        "2025-02-29 00:00:00",
        "2025-04-31 00:00:00",
        "2025-13-01 00:00:00",
        "2025-00-01 00:00:00",
        "0000-01-01 00:00:00",
        "2025-7-1 16:34:54",
        "20250701T163454Z",
        "2025-W27-2T16:34:54",
        "2025-07-01_16:34:54",
        "2025-07-01  16:34:54",
        "2025-07-01 16:34:54,837",
        "2025-07-01 16:34:54.1234567890",
        "2025-07-01 16:34:54 UTC",
        "2025-07-01 16:34:54+24:00",
        "2025-07-01 16:34:54+00:60",
        "2025-07-01 16:34:54+0",
        "2025-07-01 16:34:54\n",
        " 2025-07-01 16:34:54",
        "２０２５-07-01 16:34:54",
        "0001-01-01 00:00:00+00:01",
        "9999-12-31 23:59:59-00:01",
        "1751387694",
    ],
)
def test_parse_time_refuses_the_rest(text: str) -> None:
    """Another shape, an impossible date, or a year outside 1 to 9999 is a ValueError that does not hold the text."""
    with pytest.raises(ValueError, match=r"^(not a timestamp|no such date|not within the years 1 to 9999)$"):
        parse_time(text)


@given(st.datetimes(datetime(1727, 1, 1), datetime(2242, 1, 1)), st.sampled_from("T "))
@settings(deadline=None)
def test_parse_time_is_exact_to_the_microsecond(moment: datetime, separator: str) -> None:
    """No microsecond is lost from 1727 to 2242, where a float has room for it."""
    expected = (moment - EPOCH) // timedelta(microseconds=1)

    actual = round(Fraction(parse_time(moment.isoformat(separator, "microseconds"))) * 1_000_000)

    assert expected == actual


@given(st.datetimes())
@settings(deadline=None)
def test_the_whole_second_is_exact_in_every_year(moment: datetime) -> None:
    """A fraction never rounds into the next second, though in far years a float has no microseconds."""
    expected = (moment.replace(microsecond=0) - EPOCH) // timedelta(seconds=1)

    actual = math.floor(parse_time(moment.isoformat(" ", "microseconds")))

    assert expected == actual


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)), st.integers(-1439, 1439))
@settings(deadline=None)
def test_an_offset_names_the_same_moment(moment: datetime, offset_minutes: int) -> None:
    """The same moment written with any offset is the same time."""
    expected = parse_time(moment.isoformat())

    zone = timezone(timedelta(minutes=offset_minutes))
    actual = parse_time(moment.replace(tzinfo=timezone.utc).astimezone(zone).isoformat())

    assert expected == actual


def told_of(text: str) -> float | str:
    try:
        return parse_time(text)
    except ValueError as error:
        return str(error)


@given(
    st.datetimes(datetime(1900, 1, 1)).map(lambda moment: moment.isoformat(" ", "microseconds")),
    st.dictionaries(st.integers(0, 25), st.sampled_from("0123456789:.T_６²"), max_size=3),
)
@settings(deadline=None, max_examples=500)
def test_what_is_written_as_amplitude_does_is_read_as_all_else(text: str, others: dict[int, str]) -> None:
    """The short way for 26 characters takes and refuses what the long one does: one that says UTC is 27."""
    near = "".join(others.get(place, character) for place, character in enumerate(text))

    assert told_of(near) == told_of(f"{near}Z")


def test_a_last_fraction_stays_in_its_second() -> None:
    """The last microsecond of the year 9999, which no float can hold, is still in the last second."""
    expected = LAST_SECOND

    actual = math.floor(parse_time("9999-12-31 23:59:59.999999999"))

    assert expected == actual


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (0, 0.0),
        (1690737188521, 1690737188.521),
        (-1, -0.001),
        (FIRST_SECOND * 1000, float(FIRST_SECOND)),
        (LAST_SECOND * 1000, float(LAST_SECOND)),
    ],
)
def test_from_epoch_ms(milliseconds: int, expected: float) -> None:
    """Milliseconds since 1970 become seconds, the fraction kept."""
    actual = from_epoch_ms(milliseconds)

    assert expected == actual


@pytest.mark.parametrize("milliseconds", [FIRST_SECOND * 1000 - 1, (LAST_SECOND + 1) * 1000, 10**400, -(10**400)])
def test_from_epoch_ms_refuses_years_outside_1_to_9999(milliseconds: int) -> None:
    """A year that no date has is a ValueError, however large the number."""
    with pytest.raises(ValueError, match=r"^not within the years 1 to 9999$"):
        from_epoch_ms(milliseconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1.0, "0 s"),
        (59.9, "59 s"),
        (60.0, "1 min"),
        (86.0, "1 min 26 s"),
        (3_600.0, "1 h"),
        (7_530.0, "2 h 5 min"),
        (3 * 86_400.0 + 59.0, "3 d"),
        (3 * 86_400.0 + 4 * 3_600.0, "3 d 4 h"),
    ],
)
def test_a_span_has_two_units_at_most(seconds: float, text: str) -> None:
    """What is below them is left out, and so is a second unit that is none."""
    assert format_span(seconds) == text
