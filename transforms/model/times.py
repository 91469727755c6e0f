# SPDX-License-Identifier: Apache-2.0
"""Timestamps as Amplitude writes them → Unix seconds, UTC; spans for a person. Knows no record and no field name.

A pattern of its own, not `datetime.fromisoformat`: that accepts other shapes on 3.10 than on 3.11 and later.
"""

import math
import re
from datetime import date
from functools import lru_cache

FIRST_SECOND = -62_135_596_800  # 0001-01-01 00:00:00
LAST_SECOND = 253_402_300_799  # 9999-12-31 23:59:59
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EXACT = (1 << 33) * 1_000_000  # microseconds from 1970 to 2242, each of which a float has room for

_MINUTE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01][0-9]|2[0-3]):[0-5][0-9]"
_WHOLE_MINUTE = re.compile(_MINUTE)
_TIMESTAMP = re.compile(
    rf"({_MINUTE}):([0-5][0-9])"
    r"(?:\.([0-9]{0,9}))?"
    r"(?: ?(?:Z|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?))?"
)


def parse_time(text: str) -> float:
    """`2025-07-01 16:34:54.837000`, with a T, a shorter or longer fraction, `Z` or an offset; no zone means UTC.

    Exact to the microsecond wherever a float can be (to the year 2242); the whole second is exact always.

    Raises:
      ValueError: another shape, no such date, or a year outside 1–9999 in UTC.
    """
    # Nearly every one is `2025-07-01 16:34:54.837000`: half the price of what reads all of them.
    if len(text) == 26 and text[16] == ":" and text[19] == ".":
        digits = text[17:19] + text[20:]
        if digits.isdigit() and digits.isascii() and digits < "6":
            microseconds = _seconds_to(text[:16]) * 1_000_000 + int(digits)
            if 0 <= microseconds < _EXACT:
                return microseconds / 1_000_000
    return _parse_any(text)


def _parse_any(text: str) -> float:
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise ValueError("not a timestamp")
    minute, second, fraction, sign, offset_hours, offset_minutes = match.groups()
    seconds = _seconds_to(minute) + int(second)
    if sign:
        offset = int(offset_hours) * 3_600 + int(offset_minutes or 0) * 60
        seconds += offset if sign == "-" else -offset
    return _unix_seconds(seconds, int(fraction[:6].ljust(6, "0")) if fraction else 0)


def from_epoch_ms(milliseconds: int) -> float:
    """Milliseconds since 1970, as in HTTP V2's `time`.

    Raises:
      ValueError: a year outside 1–9999.
    """
    seconds, rest = divmod(milliseconds, 1_000)
    return _unix_seconds(seconds, rest * 1_000)


@lru_cache(maxsize=4096)
def _seconds_to(minute: str) -> int:
    """From 1970 to `2025-07-01 16:34`: events that come together are of few minutes."""
    if not _WHOLE_MINUTE.fullmatch(minute):
        raise ValueError("not a timestamp")
    try:
        days = date(int(minute[:4]), int(minute[5:7]), int(minute[8:10])).toordinal() - _EPOCH_DAY
        return days * 86_400 + int(minute[11:13]) * 3_600 + int(minute[14:]) * 60
    except ValueError:
        raise ValueError("no such date") from None  # newer Pythons put the value into their text


def _unix_seconds(seconds: int, microseconds: int) -> float:
    if not FIRST_SECOND <= seconds <= LAST_SECOND:
        raise ValueError("not within the years 1 to 9999")
    time = (seconds * 1_000_000 + microseconds) / 1_000_000  # of integers: rounded once
    # Far from 1970 a float is coarser than a microsecond: .999999 must not become the next second.
    return time if time < seconds + 1 else math.nextafter(seconds + 1, -math.inf)


def format_span(seconds: float) -> str:
    """`41 s`, `1 min 26 s`, `2 h 5 min`, `3 d 4 h`: two units at most, what is below them left out."""
    left = max(0, math.floor(seconds))
    for (large, of_large), (small, of_small) in (
        (("d", 86_400), ("h", 3_600)),
        (("h", 3_600), ("min", 60)),
        (("min", 60), ("s", 1)),
    ):
        if left >= of_large:
            rest = left % of_large // of_small
            return f"{left // of_large} {large}" + (f" {rest} {small}" if rest else "")
    return f"{left} s"
