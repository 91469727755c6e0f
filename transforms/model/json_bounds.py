# SPDX-License-Identifier: Apache-2.0
"""Whether JSON may be parsed at all: three bytes of it, `[],`, become 64 bytes of objects. Knows no event."""

MAX_VALUES = 500_000  # at some 100 bytes each; an event of Amplitude's has a few hundred


def has_too_many_values(data: bytes) -> bool:
    """Told without parsing, by commas and closed brackets; so those within texts count, too."""
    if len(data) <= MAX_VALUES:  # nearly every event pays for this alone
        return False
    return data.count(b",") + data.count(b"]") + data.count(b"}") > MAX_VALUES
