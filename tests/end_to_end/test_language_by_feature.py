# SPDX-License-Identifier: Apache-2.0
"""Each feature of the mapping language against a little interpreter that knows the pages alone, config_language.py.

A feature that breaks fails the test that has its name.
"""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.model import Config
from pipeline.config.to_rules import rules_of
from tests.builders import event_of
from tests.config_language import made_of
from tests.feature_cases import FEATURES
from tests.filter_cases import FILTERS
from tests.operation_cases import OPERATIONS
from transforms.mapping.operators import BY_NAME
from transforms.mapping.translate import Rules, items_of
from transforms.model.items import MADE_OF_TRACK, TRACK
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, Outcome

OF_EVERY_EVENT = ("id", "createdAt")
CASES = FEATURES | OPERATIONS | FILTERS


def made(rules: Rules, event: dict[str, Any]) -> dict[str, Any]:
    """By the program, as made_of tells it."""
    outcomes: list[Outcome] = []
    items = items_of(rules, event_of({**event, "event_time": "2025-07-01 00:00:00"}), outcomes)
    bodies = {TRACK if item.part in MADE_OF_TRACK else item.part: json.loads(item.body) for item in items}
    ends: dict[str, Any] = {one.part: one.reason for one in outcomes if one.kind in (DROPPED, DEAD_LETTERED)}
    return ends | {part: {key: body[key] for key in body if key not in OF_EVERY_EVENT} for part, body in bodies.items()}


@pytest.mark.parametrize("feature", CASES)
@given(seed=st.integers(0, 2**64))
@settings(deadline=None, max_examples=60, database=None)
def test_a_config_makes_of_an_event_what_the_pages_say(feature: str, seed: int) -> None:
    """Of configs that use the feature, and events for which it matters."""
    config, events = CASES[feature](Random(seed))
    rules = rules_of(Config.model_validate(config))

    for event in events:
        expected, actual = made_of(config, event), made(rules, event)
        assert json.dumps(actual, sort_keys=True) == json.dumps(expected, sort_keys=True), (config, event)


def test_each_operator_has_a_test_of_its_own() -> None:
    """The table of the program is the list."""
    assert {name.removeprefix("operator ") for name in FILTERS if name.startswith("operator ")} == set(BY_NAME)
