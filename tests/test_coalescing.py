from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.coalescing import SentValues, coalesce
from transforms.events import Item

NewItem = Callable[..., Item]


def fields_of(body: bytes) -> Any:
    return orjson.loads(body)["dataFields"]


def test_one_update_goes_as_it_is(new_update: NewItem) -> None:
    """There is nothing to decide: the bytes of the mapping are the bytes of the request."""
    update = new_update(fields={"plan": "pro"})

    assert update.body is coalesce([update], SentValues())


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ([(1, {"plan": "free"}), (2, {"plan": "pro"})], {"plan": "pro"}),
        ([(2, {"plan": "pro"}), (1, {"plan": "free"})], {"plan": "pro"}),
        ([(1, {"plan": "free"}), (1, {"plan": "pro"})], {"plan": "pro"}),
        ([(1, {"plan": "free", "age": 3}), (2, {"plan": "pro"})], {"plan": "pro", "age": 3}),
        ([(2, {"plan": "pro"}), (1, {"plan": "free", "age": 3})], {"plan": "pro", "age": 3}),
        ([(1, {"plan": "free"}), (2, {"plan": None})], {"plan": None}),
        ([(2, {"plan": None}), (1, {"plan": "free"})], {"plan": None}),
        ([(1, {"address": {"city": "X"}}), (2, {"address": {"zip": 1}})], {"address": {"zip": 1}}),
        ([(1, {"tags": ["a"]}), (2, {"tags": ["b"]})], {"tags": ["b"]}),
        ([(1, {}), (2, {"plan": "pro"})], {"plan": "pro"}),
        ([(1, {}), (2, {})], {}),
    ],
)
def test_the_last_writer_wins_per_property(
    new_update: NewItem, updates: list[tuple[float, dict[str, Any]]], expected: dict[str, Any]
) -> None:
    """By event time, not by arrival; what came later decides between equal times; an object is one property."""
    items = [new_update(fields=fields, time=time) for time, fields in updates]

    assert expected == fields_of(coalesce(items, SentValues()))


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ([(1, {"address": {"city": "X"}}), (2, {"address": {"zip": 1}})], {"address": {"city": "X", "zip": 1}}),
        (
            [(2, {"address": {"zip": 2}}), (1, {"address": {"city": "X", "zip": 1}})],
            {"address": {"city": "X", "zip": 2}},
        ),
        ([(1, {"a": {"b": {"c": 1}}}), (2, {"a": {"b": {"d": 2}}})], {"a": {"b": {"d": 2}}}),
        ([(1, {"address": {"city": "X"}}), (2, {"address": None})], {"address": None}),
        ([(1, {"address": {"city": "X"}}), (2, {"address": {}})], {"address": {"city": "X"}}),
        ([(1, {"tags": ["a"]}), (2, {"tags": ["b"]})], {"tags": ["b"]}),
    ],
)
def test_merged_objects_are_many_properties(
    new_update: NewItem, updates: list[tuple[float, dict[str, Any]]], expected: dict[str, Any]
) -> None:
    """Where Iterable merges nested objects it merges one level, so there each key of an object has its own writer."""
    items = [new_update(fields=fields, time=time, mergeNestedObjects=True) for time, fields in updates]

    assert expected == fields_of(coalesce(items, SentValues()))


def test_ids_and_switches_are_those_of_the_latest(new_update: NewItem) -> None:
    """What stands beside dataFields is one value each, and the latest update knows it best."""
    items = [
        new_update("", {"plan": "pro"}, 2, "Ada@example.com", preferUserId=True),
        new_update("", {"age": 3}, 1, "ada@example.com", userId="u1"),
    ]
    expected = {
        "email": "Ada@example.com",
        "userId": "u1",
        "preferUserId": True,
        "dataFields": {"plan": "pro", "age": 3},
    }

    assert expected == orjson.loads(coalesce(items, SentValues()))


def test_an_older_value_does_not_overwrite_a_sent_one(new_update: NewItem) -> None:
    """What was sent is remembered per property: of a late update only the rest goes."""
    sent = SentValues()
    sent.remember(new_update(fields={"plan": "pro"}, time=10), now=100)

    late = coalesce([new_update(fields={"plan": "free", "age": 3}, time=5)], sent)
    equal = coalesce([new_update(fields={"plan": "free"}, time=10)], sent)
    stranger = coalesce([new_update("u2", fields={"plan": "free"}, time=5)], sent)
    expected = [{"age": 3}, {"plan": "free"}, {"plan": "free"}]

    assert expected == [fields_of(body) for body in (late, equal, stranger)]


def test_a_late_update_of_many_is_cut_alone(new_update: NewItem) -> None:
    """Each update is compared by its own time, in a coalesced record too."""
    sent = SentValues()
    sent.remember(new_update(fields={"plan": "pro", "age": 3}, time=10), now=100)
    updates = [new_update(fields={"plan": "team"}, time=11), new_update(fields={"plan": "free", "age": 2}, time=5)]
    expected = {"plan": "team"}

    assert expected == fields_of(coalesce(updates, sent))


def test_a_later_answer_to_an_older_update_does_not_turn_the_memory_back(new_update: NewItem) -> None:
    """Remembered is the newest time per property, in whatever order the answers come."""
    sent = SentValues()
    for time in (10, 4):
        sent.remember(new_update(fields={"plan": "pro"}, time=time), now=100)

    assert frozenset({("plan",)}) == sent.newer_than(new_update(time=9))


def test_the_memory_is_bounded(new_update: NewItem) -> None:
    """The user that was not sent for longest is forgotten, and with it when it was sent."""
    sent = SentValues(max_users=2)
    for user in ("u1", "u2", "u1", "u3"):
        sent.remember(new_update(user, time=10), now=100)
    expected = {"u1": 100.0, "u2": 0.0, "u3": 100.0}

    assert expected == {user: sent.last_update(f"userId:{user}") for user in expected}
    assert not sent.newer_than(new_update("u2", time=5))


# One name keeps one kind of value: Iterable refuses another one.
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "plan": st.none() | st.integers(0, 3),
        "address": st.dictionaries(st.sampled_from("xyz"), st.none() | st.integers(0, 3), max_size=2),
    },
)


@settings(deadline=None)
@given(
    updates=st.lists(st.tuples(st.integers(0, 5), FIELDS), min_size=1, max_size=6),
    profile=FIELDS,
    merge=st.booleans(),
)
def test_one_object_does_what_all_of_them_do_in_time_order(
    new_update: NewItem, updates: list[tuple[int, dict[str, Any]]], profile: dict[str, Any], merge: bool
) -> None:
    """A profile is the same after the coalesced update as after its parts one by one, oldest first."""
    items = [new_update(fields=fields, time=time, mergeNestedObjects=merge) for time, fields in updates]
    expected = dict(profile)
    for _, fields in sorted(updates, key=lambda update: update[0]):
        expected = applied(expected, fields, merge)

    actual = applied(dict(profile), fields_of(coalesce(items, SentValues())), merge)

    assert without_empties(expected) == without_empties(actual)


def applied(profile: Mapping[str, Any], fields: Mapping[str, Any], merge: bool) -> dict[str, Any]:
    """What Iterable makes of an update: null clears; an object replaces, or is merged one level deep."""
    result = dict(profile)
    for name, value in fields.items():
        if merge and isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = applied(result[name], value, merge=False)
        elif value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = applied({}, value, merge=False)
        else:
            result[name] = value
    return result


def without_empties(profile: dict[str, Any]) -> dict[str, Any]:
    """An empty object and none at all are one to whoever reads a profile."""
    return {name: value for name, value in profile.items() if value not in ({}, None)}
