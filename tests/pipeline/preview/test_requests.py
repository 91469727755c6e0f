# SPDX-License-Identifier: Apache-2.0
"""Previewed is sent: the bodies that preview shows are those that the run's own steps and sender make."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.loader import load_config
from pipeline.config.model import Config
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.preview.requests import request_of
from pipeline.preview.way import way_of
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from transforms.amplitude.parse import parse_event
from transforms.delivery.coalescing import SentValues
from transforms.delivery.scheduler import Scheduler
from transforms.mapping.apply import apply_rule
from transforms.mapping.routing import route
from transforms.mapping.track_events import filter_track, map_track
from transforms.mapping.translate import translate
from transforms.mapping.user_updates import filter_identify, map_identify
from transforms.model.items import MESSAGE, TRACK, USER, Item, Message
from transforms.model.outcomes import Outcome

ROOT = Path(__file__).parents[3]
CONFIGS = ("demo.yaml", "full.yaml", "user_id_project.yaml", "email_project.yaml")
ROWS = 3_000  # 100,000 were compared by hand


def messages_of(seed: int, count: int) -> Iterator[Message]:
    for number, (data, attributes) in enumerate(Traffic(TrafficSettings(seed=seed, messages=count))):
        yield Message(data, attributes, str(number), 1_767_607_200.0)


def items_of_run(config: Config, message: Message) -> list[Item]:
    """What the graph's steps make of it: filter and map are steps of their own there."""
    rules, outcomes = rules_of(config), list[Outcome]()
    event = apply_rule(parse_event, message, MESSAGE, message, outcomes)
    items = []
    for part in route(rules.branch, event, outcomes) if event else ():
        if part == USER and event:
            updated = apply_rule(partial(filter_identify, rules.users), event, part, message, outcomes)
            items.append(updated and apply_rule(partial(map_identify, rules.users), updated, part, message, outcomes))
        elif part == TRACK and event:
            chosen = apply_rule(partial(filter_track, rules.tracks), event, part, message, outcomes)
            items.append(chosen and apply_rule(partial(map_track, rules.tracks), chosen, part, message, outcomes))
    return [item for item in items if item]


def sent_bodies(config: Config, message: Message) -> list[bytes]:
    """By the scheduler that a run's sender asks for its next request."""
    bodies = []
    for item in items_of_run(config, message):
        scheduler = Scheduler(sender_settings_of(config, None).rules, SentValues())
        scheduler.add(item, now=0.0)
        batch = scheduler.next_batch(0.0, scheduler.parts, flush=True)
        assert batch
        bodies.append(batch.body)
    return bodies


def compare(config: Config, messages: Iterable[Message]) -> int:
    """How many bodies were the same; all of them are."""
    rules, sender, compared = rules_of(config), sender_settings_of(config, None), 0
    for message in messages:
        previewed = [request_of(item, sender).body for item in translate(rules, message).items]
        assert previewed == sent_bodies(config, message)
        compared += len(previewed)
    return compared


@pytest.mark.parametrize("name", CONFIGS)
def test_the_bodies_of_generated_rows_are_those_of_a_run(name: str) -> None:
    """Byte for byte, for every row, in the examples of each project type."""
    config = load_config(str(ROOT / "configs" / name)).config

    assert compare(config, messages_of(1, ROWS // len(CONFIGS))) > 0


@given(st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_one_rows_way_ends_with_that_request(seed: int) -> None:
    """Whatever the traffic."""
    loaded = load_config(str(ROOT / "configs/demo.yaml"))

    for message in messages_of(seed, 20):
        shown = [part.request.body for part in way_of(message, loaded).parts if part.request]
        assert sorted(shown) == sorted(sent_bodies(loaded.config, message))
