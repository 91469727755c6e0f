# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
from typing import Any

from pipeline.config.loader import LoadedConfig, load_config
from pipeline.readiness.report import Report
from pipeline.readiness.sample import look_at_sample
from transforms.model.items import Message

CONFIG = """\
name: Shop
status: enabled
destination: {api_key: env:KEY, project_type: user_id}
create_and_update_users: {enabled: true, user_properties: [plan, age]}
send_events:
  enabled: true
  events:
    - Played
    - Paused
"""


def load(folder: Path, text: str = CONFIG) -> LoadedConfig:
    path = folder / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(str(path))


def rows(*given: dict[str, Any]) -> list[Message]:
    return [Message(json.dumps({**FIXED, **row}).encode(), {}, str(number), 0.0) for number, row in enumerate(given)]


FIXED = {"user_id": "u1", "event_time": "2026-01-31 10:00:00.000000", "uuid": "x"}
IDENTIFY = {"event_type": "$identify", "user_properties": {"plan": "pro", "age": 5}}


def test_what_is_not_in_the_sample_is_a_warning_with_the_line_of_the_config(tmp_path: Path) -> None:
    """An event that no row has."""
    report = Report()
    look_at_sample(report, load(tmp_path), rows(IDENTIFY, {"event_type": "Played"}))

    assert [(found.level, found.what, found.line) for found in report.findings] == [("warning", "line 9", 9)]
    assert report.findings[0].told.startswith("Paused: ")


def test_types_of_values_are_told_by_field(tmp_path: Path) -> None:
    """As Iterable infers them, of profiles alone; a sample in which all is found is one line."""
    report = Report()
    events = [{"event_type": name, "event_properties": {"total": 1}} for name in ("Played", "Paused")]
    types = look_at_sample(report, load(tmp_path), rows(IDENTIFY, *events))

    assert {name: [*of] for name, of in types.items()} == {"plan": ["string"], "age": ["long"]}
    assert [found.told for found in report.findings] == ["3, in which all is found that the config names"]


def test_a_sample_without_rows_says_nothing_of_the_config(tmp_path: Path) -> None:
    """But that it is empty."""
    report = Report()

    assert look_at_sample(report, load(tmp_path), []) == {}
    assert [(found.level, found.told) for found in report.findings] == [("warning", "there is none in it")]
