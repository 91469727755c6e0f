# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import re
from typing import Any

import pytest

from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY, AsyncDelay, Key, Settings, dump_settings, load_settings


def test_settings_survive_json() -> None:
    """What is dumped as JSON loads as the same settings."""
    settings = Settings(
        keys={"k": Key("ReadOnly", enabled=False)},
        disallowed_events=frozenset({"x"}),
        forgotten_emails=frozenset({"A@example.com"}),
        async_delay=AsyncDelay(1, 2),
        rate=None,
    )

    assert load_settings(json.loads(json.dumps(dump_settings(settings)))) == settings


def test_the_defaults() -> None:
    """Those that the facts name."""
    expected = Settings(
        project_type="hybrid",
        keys={DEFAULT_API_KEY: Key("ServerSide", enabled=True)},
        max_body_bytes=4_000_000,
        oversize="413",
        max_items=None,
        track_unknown_user="create_on_email",
        type_mismatch_in_bulk="whole_request",
        async_delay=AsyncDelay(users=2, events=2),
    )

    assert load_settings({}) == expected


def test_switches_are_set_over_others() -> None:
    """Each as a whole; the rest stays."""
    before = Settings(project_id=7, async_delay=AsyncDelay(0, 0), max_items=5)

    after = load_settings({"async_delay": {"users": 1}, "max_items": None}, over=before)

    assert dataclasses.replace(before, async_delay=AsyncDelay(users=1, events=2), max_items=None) == after


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({"projectType": "email"}, "projectType: no such switch; did you mean project_type?"),
        ({"zzz": 1}, "zzz: no such switch; there are project_type, "),
        ({"project_type": "userId"}, "project_type: Input should be 'email', 'user_id' or 'hybrid'"),
        ({"rate": {"trackbulk": 1}}, "rate.trackbulk"),
        ({"rate": {"trackBulk": -1}}, "rate.trackBulk"),
        ({"burst": {"trackBulk": 0}}, "burst.trackBulk"),
        ({"async_delay": {"user": 1}}, "async_delay.user: "),
        ({"max_body_bytes": -1}, "max_body_bytes: "),
    ],
)
def test_a_wrong_switch(switches: dict[str, Any], expected: str) -> None:
    """Is named with what is wrong."""
    with pytest.raises(ValueError, match=re.escape(expected)):
        load_settings(switches)


def test_a_wrong_key_is_not_told() -> None:
    """An error in a key's entry does not hold the key."""
    with pytest.raises(ValueError, match="keys") as caught:
        load_settings({"keys": {"s3cret": {"type": "Root"}}})

    assert "s3cret" not in str(caught.value)
