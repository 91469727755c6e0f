# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.delivery.coalescing import SentValues, coalesce, coalescible
from transforms.model.items import Item

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


def test_the_memory_is_bounded_in_values(new_update: NewItem) -> None:
    """However few users they are of."""
    sent = SentValues(max_leaves=3)
    for user, names in (("u1", "ab"), ("u2", "c"), ("u3", "d")):
        sent.remember(new_update(user, dict.fromkeys(names, 1), time=10), now=100)
    expected = {"u1": 0.0, "u2": 100.0, "u3": 100.0}

    assert expected == {user: sent.last_update(f"userId:{user}") for user in expected}


def test_a_user_is_remembered_under_every_id(new_update: NewItem) -> None:
    """An update that names both ids is one of the user that is known by either."""
    sent = SentValues(two_ids=True)
    sent.remember(new_update("u1", {"plan": "pro"}, 10, email="Ada@example.com"), now=100)

    late = coalesce([new_update("", {"plan": "free"}, 5, email="ada@example.com")], sent)

    assert fields_of(late) == {}
    assert (sent.last_update("userId:u1"), sent.last_update("email:ada@example.com")) == (100, 100)


@pytest.mark.parametrize(
    ("sent_fields", "late_fields", "expected"),
    [
        ({"address": {"city": "new"}}, {"address": None, "age": 3}, {"age": 3}),
        ({"address": None}, {"address": {"city": "old"}, "age": 3}, {"age": 3}),
        ({"address": {"city": "new"}}, {"address": {"city": "old", "zip": "1"}}, {"address": {"zip": "1"}}),
        ({"address": {"city": "new"}}, {"addressee": None}, {"addressee": None}),
    ],
)
def test_a_late_value_is_compared_with_what_is_in_it_and_around_it(
    new_update: NewItem, sent_fields: dict[str, Any], late_fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Where nested objects are merged, a part and the whole are not independent."""
    sent = SentValues()
    sent.remember(new_update(fields=sent_fields, time=10, mergeNestedObjects=True), now=100)

    late = coalesce([new_update(fields=late_fields, time=5, mergeNestedObjects=True)], sent)

    assert expected == fields_of(late)


def test_a_late_update_does_not_bring_an_old_user_id_back(new_update: NewItem) -> None:
    """Where the email identifies, the userId is a value like others."""
    sent = SentValues()
    new, late = (
        new_update("", {"plan": str(time)}, time, email="ada@example.com")._replace(
            body=orjson.dumps({"email": "ada@example.com", "userId": f"u{time}", "dataFields": {"age": time}})
        )
        for time in (10, 5)
    )
    sent.remember(new, now=100)

    assert orjson.loads(coalesce([late], sent)) == {"email": "ada@example.com", "dataFields": {}}


# One name keeps one kind of value, or none: Iterable refuses another one.
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "plan": st.none() | st.integers(0, 3),
        "address": st.none() | st.dictionaries(st.sampled_from("xyz"), st.none() | st.integers(0, 3), max_size=2),
    },
)


@settings(deadline=None)
@given(
    updates=st.lists(st.tuples(st.integers(0, 5), FIELDS), min_size=1, max_size=6),
    profile=FIELDS,
    merge=st.booleans(),
)
def test_few_objects_do_what_all_updates_do_in_time_order(
    new_update: NewItem, updates: list[tuple[int, dict[str, Any]]], profile: dict[str, Any], merge: bool
) -> None:
    """A profile is the same after the coalesced updates as after their parts one by one, oldest first."""
    updates = sorted(updates, key=lambda update: update[0])
    items = [new_update(fields=fields, time=time, mergeNestedObjects=merge) for time, fields in updates]
    expected = dict(profile)
    for _, fields in updates:
        expected = applied(expected, fields, merge)

    actual, objects = dict(profile), 0
    while items:
        count = coalescible(items)
        actual = applied(actual, fields_of(coalesce(items[:count], SentValues())), merge)
        items, objects = items[count:], objects + 1

    assert objects == 1 or merge

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
