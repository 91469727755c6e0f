# SPDX-License-Identifier: Apache-2.0
"""Durations and moments as people write them. Knows no YAML and no command line."""

import re

from transforms.model.times import parse_time

DURATION_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,9})?[smhd]$"
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def parse_duration(text: str) -> float:
    """`20s` → 20.0, `1.5h` → 5400.0: seconds.

    Raises:
      ValueError: anything but a number followed by s, m, h or d.
    """
    if not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is no duration: write a number followed by s, m, h or d, such as 20s or 4h")
    return float(text[:-1]) * _SECONDS[text[-1]]


def parse_moment(text: str) -> float:
    """`2026-01-31`, `2026-01-31T09:30`, `2026-01-31T09:30:00Z`: Unix seconds; UTC where no offset is written.

    Raises:
      ValueError: anything else, or no such date.
    """
    whole = text
    if re.fullmatch(r"[0-9-]{10}", text):
        whole = f"{text}T00:00:00"
    elif match := re.fullmatch(r"([0-9-]{10}[T ][0-9]{2}:[0-9]{2})(|Z|[+-][0-9:]+)", text):
        whole = f"{match[1]}:00{match[2]}"
    try:
        return parse_time(whole)
    except ValueError:
        examples = "2026-01-31 or 2026-01-31T09:30:00Z"
        raise ValueError(f"{text!r} is no time: write a date, or date and time, in UTC, such as {examples}") from None


def format_duration(seconds: float) -> str:
    """`45 s`, `7 min`, `3 h 20 min`, `2 d 4 h`: two units at most, rounded up to a whole one."""
    left = -(-seconds // 1)
    if left < 60:
        return f"{left:.0f} s"
    minutes = -(-left // 60)
    if minutes < 60:
        return f"{minutes:.0f} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours:.0f} h {minutes:.0f} min"
    return f"{hours // 24:.0f} d {hours % 24:.0f} h"
