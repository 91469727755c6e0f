# SPDX-License-Identifier: Apache-2.0
"""Configs that a measure runs with, as text. Knows no event."""

import tempfile
from pathlib import Path

from pipeline.config.loader import Config, load_config

_HEAD = """\
name: Bench
status: enabled
destination: {api_key: env:ITERABLE_API_KEY, project_type: %s}
"""
EVERYTHING = (
    _HEAD % "hybrid"
    + """\
create_and_update_users: {enabled: true, user_properties: "*"}
send_events: {enabled: true, events: ["*"], event_properties: "*"}
"""
)
EMAIL_PROJECT = _HEAD % "email" + EVERYTHING.removeprefix(_HEAD % "hybrid")
EXAMPLE = Path("configs/full.yaml")  # listed and typed properties, filters


def with_rows(filters: int, properties: int) -> str:
    """So many filter rows, of which the last two match, and so many properties, of which an event has a handful."""
    rows = "".join(
        f'    - {{event: "Event {number}", where: [{{property: event_properties.total, operator: ">=", value: 1}}]}}\n'
        for number in range(filters - 2)
    )
    listed = "".join(f"    - Property {number}\n" for number in range(properties - 3))
    return (
        f"{_HEAD % 'hybrid'}create_and_update_users:\n  enabled: true\n  user_properties:\n"
        f"    - plan\n    - login_count\n    - roles\n{listed}"
        f"send_events:\n  enabled: true\n  events:\n{rows}    - Song Played\n    - Order Completed\n"
        f"  event_properties:\n    - total\n    - currency\n    - Genre\n{listed}"
    )


def loaded(text: str) -> Config:
    """Raises ConfigError."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        return load_config(file.name).config
