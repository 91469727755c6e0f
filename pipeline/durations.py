"""Durations as people write them: 20s, 5m, 4h, 2d. Knows no YAML and no command line."""

import re

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
