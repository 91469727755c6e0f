# SPDX-License-Identifier: Apache-2.0
"""A small shop's rows and configs, for screens that are tested as whole texts. Knows no test."""

import json
from pathlib import Path
from typing import Any

CONFIG = """\
name: Shop
status: enabled
destination: {region: eu, api_key: "env:SHOP_KEY", project_type: user_id}
create_and_update_users:
  enabled: true
  user_properties:
    - plan
    - {property: Signed Up, as: signed_up, type: date}
send_events:
  enabled: true
  events:
    - event: Order Completed
      as: purchase
      where:
        - {property: event_properties.total, operator: ">=", value: 10}
    - Song Played
    - event: Video Played
      where:
        - {property: event_properties.kind, operator: is, value: film}
    - Trial Startd
  event_properties:
    - total
    - {property: Ordered At, as: ordered_at, type: date}
    - {property: Drop Type, as: drop_type, type: integer}
    - {path: platform}
"""


def event(name: str, user_id: str | None = "user-1", **columns: Any) -> dict[str, Any]:
    properties = columns.pop("properties", {})
    number = columns.pop("number", 1)
    return {
        "event_type": name,
        "event_time": "2026-01-05 10:00:00.250000",
        "$insert_id": f"insert-{number}",
        "device_id": "device-1",
        "app": 1,
        "user_id": user_id,
        "event_properties": properties,
        "user_properties": {"email": "ada@example.com"},
        **columns,
    }


def identify(user_id: str | None, **properties: Any) -> dict[str, Any]:
    return {"event_type": "$identify", "user_id": user_id, "device_id": "device-1", "user_properties": properties}


ROWS: tuple[dict[str, Any] | str, ...] = (
    event("Order Completed", properties={"total": 12, "Drop Type": "7"}, platform="iOS"),
    event("Order Completed", properties={"total": 12.5}, number=2),
    event("Order Completed", properties={"total": 5}, number=3),
    event("Order Completed", number=4),
    event("Order Completed", properties={"total": 40, "Drop Type": "express"}, number=5),
    event("Song Played", properties={"total": 1}, number=6),
    event("Song Played", None, number=7),
    event("Video Played", properties={"kind": "clip"}, number=8),
    event("Trial Started", number=9),
    event("session_start", number=10),
    identify("user-1", plan="pro", **{"Signed Up": "2026-01-01T10:00:00Z"}),
    identify(None, plan="pro"),
    identify("user-2", theme="dark"),
    "no JSON",
)


def write(folder: Path, config: str = CONFIG, rows: tuple[dict[str, Any] | str, ...] = ROWS) -> tuple[str, str]:
    """The paths of the config and of the rows."""
    paths = folder / "shop.yaml", folder / "rows.jsonl"
    paths[0].write_text(config)
    paths[1].write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return str(paths[0]), str(paths[1])
