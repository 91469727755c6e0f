# SPDX-License-Identifier: Apache-2.0
"""For each operator of filters, for groups and for case: configs that use it, and events. Knows no meaning."""

from functools import partial
from random import Random
from typing import Any

from tests.draws import (
    EVENTS,
    TEXTS,
    Case,
    Config,
    Event,
    a_clause,
    an_event,
    config_of,
    sending,
)


def _operator(operator: str, values: list[Any], held: list[Any], draw: Random) -> tuple[Config, list[Event]]:
    value = {"value": draw.choice([draw.choice(values), draw.sample(values, 2)])} if values else {}
    return _filter(draw, {"property": "event_properties.a", "operator": operator, **value}, held)


def _filter(draw: Random, clause: Config, held: list[Any]) -> tuple[Config, list[Event]]:
    events = [{**an_event(draw, held), "event_type": "A"} for _ in range(EVENTS)]
    return config_of(send_events=sending(events=[{"event": "A", "where": [clause]}])), events


def _group(draw: Random, depth: int = 3) -> Config:
    inner = [_group(draw, depth - 1) if depth > 1 and draw.random() < 0.5 else a_clause(draw) for _ in range(2)]
    return {draw.choice(["any", "all"]): inner}


def _case(draw: Random) -> tuple[Config, list[Event]]:
    operator, values = draw.choice(list(_OF_TEXTS.items()))
    case = draw.choice(["sensitive", "insensitive"])
    clause = {"property": "event_properties.a", "operator": operator, "value": draw.choice(values), "case": case}
    return _filter(draw, clause, TEXTS)


_OF_TEXTS = {
    "is": ["ab", "Ab", "c"],
    "is not": ["ab", "Ab", "c"],
    "contains": ["b", "AB", "c"],
    "does not contain": ["b", "AB", "c"],
    "starts with": ["a", "A", "ab"],
    "does not start with": ["a", "A", "ab"],
    "ends with": ["b", "B", "c"],
    "does not end with": ["b", "B", "c"],
    "glob match": ["a*", "A?", "**b", "*/?"],
    "glob does not match": ["a*", "A?", "**b", "*/?"],
}
_LISTS = [["a", "b"], ["b", "a", "a"], ["a"], [], [1, "a"], [True, "a"], ["a", {"k": 1}], "a", None]
_OPERATORS: dict[str, tuple[list[Any], list[Any]]] = {
    **{name: (values, [*TEXTS, None, 5, True, ["ab"], {"k": "ab"}]) for name, values in _OF_TEXTS.items()},
    **dict.fromkeys(("is", "is not"), (["ab", 5, True, "(none)", 1], [*TEXTS[:3], None, 5, 5.0, 1, True, ["ab"]])),
    **dict.fromkeys(("exists", "does not exist"), ([], [None, "", 0, "x", []])),
    **dict.fromkeys(("<", "<=", ">", ">="), ([1, 2.5, -3], [None, 1, 1.0, 2.5, 3, -3, -4.5, True, "1", [1]])),
    **dict.fromkeys(("set is", "set is not"), (["a", "b", 1], _LISTS)),
    **dict.fromkeys(("set contains", "set does not contain"), (["a", "b", 1], _LISTS)),
}

FILTERS: dict[str, Case] = {
    "groups": lambda draw: _filter(draw, _group(draw), ["x", None, 1, 5]),
    "case": _case,
    **{f"operator {name}": partial(_operator, name, *drawn) for name, drawn in _OPERATORS.items()},
}
