# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from pipeline.config.loader import load_config
from pipeline.readiness.sent import what_is_sent

HEAD = "name: Shop\nstatus: enabled\ndestination: {api_key: env:KEY, project_type: email}\n"


ROWS = """\
create_and_update_users:
  enabled: true
  user_properties: [plan]
  events: [{event: Paid, user_properties: [plan, tier]}]
send_events:
  enabled: true
  events:
    - A
    - {event: B, event_properties: [x, y]}
    - {event: B, event_properties: [y], user_properties: [plan]}
"""
CALLS = """\
calls:
  - {event: A, call: users/updateEmail, fields: {newEmail: event_properties.new}}
  - {event: B, call: users/forget, confirm: forgets users in Iterable for good}
  - {event: C, call: users/forget, confirm: forgets users in Iterable for good}
"""


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ("create_and_update_users: {enabled: true, user_properties: [plan, total]}", ["2 user properties"]),
        ('create_and_update_users: {enabled: true, user_properties: ["*"]}', ["all user properties"]),
        ('create_and_update_users: {enabled: true, user_properties: ["*", {property: a}]}', ["all user properties"]),
        ("send_events: {enabled: true, events: [Paid]}", ["1 event with no properties"]),
        (
            'send_events: {enabled: true, events: ["*"], event_properties: "*"}',
            ["all events with all event properties"],
        ),
        (ROWS, ["2 user properties", "2 events with 2 event properties and 1 user property"]),
        (CALLS, ["calls users/updateEmail, users/forget (cannot be undone)"]),
    ],
)
def test_all_that_a_config_sends_is_counted_in_words(tmp_path: Path, sections: str, told: list[str]) -> None:
    """Lists within event rows, "*" among rows, and calls, too."""
    (tmp_path / "shop.yaml").write_text(f"{HEAD}{sections}\n", encoding="utf-8")

    assert [*what_is_sent(load_config(str(tmp_path / "shop.yaml")).config)] == told
