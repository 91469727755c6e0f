# SPDX-License-Identifier: Apache-2.0
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from pipeline.config.loader import Config, LoadedConfig

Load = Callable[[str], LoadedConfig]
Problems = Callable[[str], list[str]]


UNKNOWN = [
    ("send_event: {}", "send_event: is not a known key. Did you mean 'send_events'?"),
    (
        "region: us",
        (
            "region: is not a known key. Known keys: name, status, destination, create_and_update_users, send_events, "
            "calls, mappings, delivery."
        ),
    ),
    ("delivery: {batch: {max_item: 1}}", "delivery.batch.max_item: is not a known key. Did you mean 'max_items'?"),
]


@pytest.mark.parametrize(("section", "problem"), UNKNOWN)
def test_a_wrong_value_says_place_value_rule_and_remedy(
    head: str, problems: Problems, section: str, problem: str
) -> None:
    """One line for one mistake, word for word."""
    assert problems(f"{head}{section}\n") == [f"sync.yaml:6: {problem}"]


@pytest.mark.parametrize("section", [section for section, _ in UNKNOWN])
def test_an_editor_sees_what_the_program_refuses(head: str, schema_allows: Callable[[str], bool], section: str) -> None:
    """The JSON Schema holds all that one key alone shows."""
    assert not schema_allows(f"{head}{section}\n")


def test_all_problems_come_at_once_in_the_order_of_the_file(problems: Problems) -> None:
    """A mistake in one key hides none in another, of whatever kind they are."""
    told = problems(
        """\
name: Test
status: on
destination:
  project_type: email
  region: eu
send_events:
  enabled: true
  enabled: false
  events:
    - event: A
      where:
        - {property: user_id, operator: like, value: 010}
  event_properties: [{property: total, type: money}, plan, plan]
mappings:
  email: null
  campaign: x
delivery: {batch: {max_items: 0}}
"""
    )
    places = [line.split(": ")[0].split(":")[1] + " " + line.split(": ")[1] for line in told]
    expected = [
        "2 status",
        "3 destination.api_key",
        "5 destination.region",
        "8 send_events.enabled",
        "12 send_events.events[0].where[0].value",
        "12 send_events.events[0].where[0].operator",
        "13 send_events.event_properties[2]",
        "13 send_events.event_properties[0].type",
        "15 mappings.email",
        "16 mappings.campaign",
        "17 delivery.batch.max_items",
    ]

    assert expected == places


@pytest.mark.parametrize("wrong", ["[email]", "{}", "null", "1.5", '"a\\nb"'])
@pytest.mark.parametrize(
    "path",
    [
        "name",
        "status",
        "destination",
        "destination.region",
        "destination.project_type",
        "destination.api_key",
        "destination.update_only",
        "create_and_update_users",
        "create_and_update_users.enabled",
        "create_and_update_users.on",
        "create_and_update_users.user_properties",
        "send_events",
        "send_events.events",
        "send_events.event_properties",
        "mappings",
        "mappings.email",
        "delivery",
        "delivery.batch",
        "delivery.batch.max_items",
        "delivery.retry.give_up_after",
        "delivery.retry.unknown_user_delays",
    ],
)
def test_any_value_in_any_place_is_told_in_lines(problems: Problems, path: str, wrong: str) -> None:
    """Never a traceback: it loads, or every line names the file."""
    text = path.replace(".", ": {") + f": {wrong}" + "}" * path.count(".") + "\nmappings: {email: null}\n"
    told = problems(text)

    assert all(line.startswith("sync.yaml:") for line in told)


@pytest.mark.parametrize("text", ["- a\n", "a\n", "~\n", "5\n"])
def test_a_file_of_another_shape_names_the_keys(problems: Problems, text: str) -> None:
    """A list or a scalar at the top is no config."""
    expected = [
        (
            "sync.yaml:1: must be a mapping of keys. Its keys: name, status, destination, create_and_update_users, "
            "send_events, calls, mappings, delivery."
        )
    ]

    assert expected == problems(text)


def test_the_hash_is_of_the_meaning(head: str, load: Load) -> None:
    """Layout, defaults written out and the place of the key do not count; anything that acts differently does."""
    same = [
        head,
        head.replace("env:KEY", "file:key"),
        '{"status": "enabled", "name": "Test", "destination": {"project_type": "hybrid", "api_key": "env:KEY"}}',
        head + "delivery: {batch: {max_age_seconds: 2}, retry: {give_up_after: 240m}}\n",
    ]
    other = [head.replace("hybrid", "user_id"), head + "delivery: {batch: {max_age_seconds: 3}}\n"]
    hashes = [load(text).hash for text in [*same, *other]]
    expected = [True] * len(same) + [False] * len(other)

    assert expected == [one == hashes[0] for one in hashes]
    assert all(re.fullmatch("[0-9a-f]{12}", one) for one in hashes)


def test_anchors_are_shared_lists(head: str, load: Load) -> None:
    """An alias saves listing the same properties twice."""
    config = load(
        head + "create_and_update_users: {enabled: true, user_properties: &shared [plan]}\n"
        "send_events: {enabled: true, events: [A], user_properties: *shared}\n"
    ).config

    assert config.create_and_update_users.user_properties == config.send_events.user_properties


def test_every_required_key_has_a_remedy_when_it_is_missing(problems: Problems) -> None:
    """No section, no row and no clause can be incomplete without a word on what to add."""
    text = "destination: {}\ncreate_and_update_users: {}\nsend_events: {events: [{as: {}, where: [{}]}]}\ncalls: [{}]\n"
    told = problems(text) + problems("name: Test\n") + problems("status: enabled\n")

    assert sorted([*required_keys(Config), "value"]) == sorted(
        {line.split(":")[2].strip().split(".")[-1] for line in told}
    )


def required_keys(model: type[BaseModel]) -> list[str]:
    definitions = model.model_json_schema()
    schemas = [definitions, *definitions["$defs"].values()]
    return sorted({key for schema in schemas for key in schema.get("required", [])})


def test_the_config_is_read_without_beam_or_requests() -> None:
    """Validating takes no second, and what it knows stops at the file."""
    code = "import sys, pipeline.config; print({'apache_beam', 'requests'} & set(sys.modules))"
    root = Path(__file__).parents[3]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    expected = "set()\n"

    assert expected == run.stdout
