# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.amplitude.identify_operators import CLEAR_ALL, OPERATORS, KnownProperties, apply_operators
from transforms.amplitude.parse import parse_event
from transforms.model.errors import RejectedError
from transforms.model.items import Message

CLEAR: dict[str, Any] = {CLEAR_ALL: "-"}
READING = ["$setOnce", "$add", "$append", "$prepend", "$preInsert", "$postInsert", "$remove"]


def applied(*order: dict[str, Any]) -> dict[str, Any]:
    """The values after an identify that holds all of these operators."""
    return apply_operators({operator: operand for one in order for operator, operand in one.items()}).values


@pytest.mark.parametrize(
    ("user_properties", "values"),
    [
        ({}, {}),
        ({"plan": "pro", "old": None}, {"plan": "pro", "old": None}),
        ({"$set": {"plan": "pro", "old": None}}, {"plan": "pro", "old": None}),
        ({"$set": {}, "$unset": {}}, {}),
        ({"$set": None, "$add": None, "plan": "pro"}, {"plan": "pro"}),
        ({"$unset": {"utm_source": "-", "plan": 1}}, {"utm_source": None, "plan": None}),
        ({"$set": {"a.b c": {"d": [1]}}}, {"a.b c": {"d": [1]}}),
        ({"$price": 5}, {"$price": 5}),
    ],
)
def test_what_needs_no_old_value(user_properties: dict[str, Any], values: dict[str, Any]) -> None:
    """Plain keys and `$set` are the value, `$unset` is null whatever its operand says; nothing is unknown."""
    assert KnownProperties(values, cleared=False, unknown={}) == apply_operators(user_properties)


@pytest.mark.parametrize("operator", READING)
def test_an_unknown_old_value_is_never_guessed(operator: str) -> None:
    """An operator that reads a value that this identify does not make known is reported with its properties."""
    user_properties = {operator: {"visits": 1, "tags": 2}, "$set": {"plan": "pro"}}

    assert KnownProperties({"plan": "pro"}, cleared=False, unknown={operator: ["visits", "tags"]}) == apply_operators(
        user_properties
    )


@pytest.mark.parametrize(
    ("operator", "old", "operand", "new"),
    [
        ("$setOnce", "pro", "free", "pro"),
        ("$setOnce", 0, 5, 0),
        ("$setOnce", None, "free", "free"),
        ("$add", 3, 2, 5),
        ("$add", 3, -1.5, 1.5),
        ("$add", None, 2, 2),
        ("$add", "3", 2, "3"),
        ("$add", 3, "2", 3),
        ("$add", True, 1, True),
        ("$add", 1, True, 1),
        ("$append", ["a"], "b", ["a", "b"]),
        ("$append", ["a"], ["a", "b"], ["a", "a", "b"]),
        ("$append", "a", "b", ["a", "b"]),
        ("$append", None, "b", ["b"]),
        ("$prepend", ["a"], ["b", "c"], ["b", "c", "a"]),
        ("$prepend", "a", "b", ["b", "a"]),
        ("$prepend", None, ["b"], ["b"]),
        ("$preInsert", ["a"], ["b", "a", "c"], ["b", "c", "a"]),
        ("$preInsert", ["a"], "a", ["a"]),
        ("$preInsert", None, ["b", "c"], ["b", "c"]),
        ("$postInsert", ["a"], ["b", "a", "c"], ["a", "b", "c"]),
        ("$postInsert", "a", "b", ["a", "b"]),
        ("$postInsert", None, "b", ["b"]),
        ("$remove", ["a", "b", "a"], "a", ["b"]),
        ("$remove", ["a", "b", "c"], ["a", "c"], ["b"]),
        ("$remove", ["a"], "z", ["a"]),
        ("$remove", None, "a", None),
    ],
)
def test_a_known_old_value_is_read(operator: str, old: Any, operand: Any, new: Any) -> None:
    """Where the same identify sets or unsets the property first, the operator's result is known."""
    before: dict[str, Any] = {"$unset": {"p": "-"}} if old is None else {"$set": {"p": old}}
    expected = KnownProperties({"p": new}, cleared=False, unknown={})

    actual = apply_operators({operator: {"p": operand}, **before})

    assert expected == actual


@pytest.mark.parametrize(
    ("operator", "new"),
    [
        ("$setOnce", "a"),
        ("$append", ["a"]),
        ("$prepend", ["a"]),
        ("$preInsert", ["a"]),
        ("$postInsert", ["a"]),
        ("$remove", None),
        ("$add", None),
    ],
)
def test_a_cleared_profile_is_known(operator: str, new: Any) -> None:
    """After `$clearAll` there is no old value, so no operator is unknown."""
    expected = KnownProperties({"p": new}, cleared=True, unknown={})

    actual = apply_operators({operator: {"p": "a"}, **CLEAR})

    assert expected == actual


@pytest.mark.parametrize("operand", ["-", {}, None, {"plan": "-"}, True])
def test_clear_all_needs_no_operand(operand: Any) -> None:
    """`$clearAll` clears everything whatever it holds: the SDKs write a "-" there."""
    expected = KnownProperties({"plan": "pro"}, cleared=True, unknown={})

    actual = apply_operators({CLEAR_ALL: operand, "$set": {"plan": "pro"}})

    assert expected == actual


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        ({"$unset": {"p": "-"}}, {"$set": {"p": 1}}, 1),
        ({"$set": {"p": 1}}, {"$setOnce": {"p": 2}}, 1),
        ({"$setOnce": {"p": 1}}, {"$add": {"p": 2}}, 3),
        ({"$add": {"p": 1}}, {"$append": {"p": 2}}, [1, 2]),
        ({"$append": {"p": 1}}, {"$prepend": {"p": 2}}, [2, 1]),
        ({"$prepend": {"p": 1}}, {"$preInsert": {"p": [1, 2]}}, [2, 1]),
        ({"$preInsert": {"p": 1}}, {"$postInsert": {"p": [1, 2]}}, [1, 2]),
        ({"$postInsert": {"p": 1}}, {"$remove": {"p": 1}}, []),
        ({"$remove": {"p": 1}}, {"p": 2}, 2),
    ],
)
def test_operators_go_in_amplitudes_order(first: dict[str, Any], second: dict[str, Any], value: Any) -> None:
    """The order is Amplitude's, not the object's; plain keys come last."""
    start = {"$unset": {"p": "-"}} if "$set" not in {*first, *second} else {}

    assert [{"p": value}] * 2 == [applied(CLEAR, start, first, second), applied(second, first, start, CLEAR)]


@pytest.mark.parametrize("operator", sorted(OPERATORS - {CLEAR_ALL}))
@pytest.mark.parametrize("operand", ["-", 5, [], ["a"], True, 0, ""])
def test_an_operator_without_an_object_is_rejected(operator: str, operand: Any) -> None:
    """Which properties it means is not known, and the detail names the operator."""
    with pytest.raises(RejectedError) as caught:
        apply_operators({operator: operand})

    assert ("wrong_type", f"user_properties.{operator} must be an object") == (
        caught.value.reason,
        caught.value.detail,
    )


def test_the_operators_are_amplitudes() -> None:
    """Its ten: any other key with a dollar is a property, such as the SDK's own `$price`."""
    assert {CLEAR_ALL, "$unset", "$set", *READING} == OPERATORS


@pytest.mark.parametrize(
    "before", [{"$set": {"n": 1e308, "m": 1}}, {**CLEAR, "$set": {"n": 1e308, "m": 1}}], ids=["set", "cleared"]
)
def test_a_sum_that_is_no_number_is_not_known(before: dict[str, Any]) -> None:
    """JSON has no infinity: null would be written, which clears the field. What is done to it later is unknown too."""
    user_properties = {**before, "$add": {"n": 1e308, "m": 1}, "$append": {"n": 5}}
    expected = KnownProperties({"m": 2}, cleared=CLEAR_ALL in before, unknown={"$add": ["n"], "$append": ["n"]})

    assert expected == apply_operators(user_properties)


def naive_new_in(old: Any, value: Any) -> list[Any]:
    """Every entry compared with every other."""
    return [entry for entry in value if entry not in old]


def json_strings(value: list[Any]) -> list[str]:
    return list(map(json.dumps, value))


@given(st.data())
@settings(deadline=None)
def test_entries_are_equal_as_python_compares_them(data: st.DataObject) -> None:
    """Whatever is in both lists: 1, 1.0 and true are equal, "1" is not; objects in any order of keys."""
    small: st.SearchStrategy[Any] = st.sampled_from(
        [0, 1, 1.0, True, False, None, "1", "", "a", [], {}, -0.0, 2**53 + 1, float(2**53)]
    )
    entries = st.lists(
        st.recursive(
            small,
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            max_leaves=4,
        ),
        max_size=8,
    )
    old, value = data.draw(entries), data.draw(entries)
    new = naive_new_in(old, value)

    assert json_strings([*new, *old]) == json_strings(applied({"$set": {"p": old}}, {"$preInsert": {"p": value}})["p"])
    assert json_strings([*old, *new]) == json_strings(applied({"$set": {"p": old}}, {"$postInsert": {"p": value}})["p"])
    assert json_strings(naive_new_in(value, old)) == json_strings(
        applied({"$set": {"p": old}}, {"$remove": {"p": value}})["p"]
    )


@pytest.mark.timeout(20)
@pytest.mark.parametrize("operator", ["$preInsert", "$postInsert", "$remove"])
def test_long_lists_are_read_once(operator: str) -> None:
    """Not once for each entry of the other: this takes less than a second, and would take an hour."""
    old, new = [{"tags": [f"old {i}"]} for i in range(50_000)], [{"tags": [f"new {i}"]} for i in range(50_000)]
    lengths = {"$preInsert": 100_000, "$postInsert": 100_000, "$remove": 50_000}

    actual = applied({"$set": {"p": old}}, {operator: {"p": new}})

    assert lengths[operator] == len(actual["p"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
OPERANDS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)
IDENTIFIES = st.dictionaries(st.sampled_from([*sorted(OPERATORS), "a", "d"]), OPERANDS | JSON, max_size=5)


@given(IDENTIFIES)
@settings(deadline=None)
def test_any_identify_is_applied_or_rejected(user_properties: dict[str, Any]) -> None:
    """A property's value is known or reported as unknown; both only where a plain key, which comes last, sets it."""
    row = {"event_type": "$identify", "user_properties": user_properties}
    parsed = parse_event(Message(json.dumps(row).encode(), {}, "1", 0.0)).row
    try:
        known = apply_operators(parsed["user_properties"])
    except RejectedError:
        return
    reported = {name for names in known.unknown.values() for name in names}

    assert (CLEAR_ALL in user_properties) == known.cleared
    assert not (known.cleared and known.unknown) or "$add" in known.unknown  # of the known, a sum may be no number
    assert set(known.unknown) <= set(READING)
    assert not known.values.keys() & OPERATORS
    assert reported & known.values.keys() <= user_properties.keys()
