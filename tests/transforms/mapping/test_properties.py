# SPDX-License-Identifier: Apache-2.0
import pickle
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tests.builders import source_at
from transforms.amplitude.paths import Path, parse_path
from transforms.mapping.conversions import Conversion
from transforms.mapping.properties import FieldMapping, PropertySelection, note_unknown, select_properties
from transforms.mapping.sources import ITEM, Handling, Source, parse_template
from transforms.model.errors import RejectedError
from transforms.model.reasons import Reason

ROW: dict[str, Any] = {
    "country": "France",
    "event_properties": {"total": 6396.0, "Drop Id": "2", "note": None, "ad": {"cost": "1.5"}, "email": "e", "bad": {}},
    "user_properties": {"plan": "pro", "total": 7},
}
RESERVED = frozenset({"email", "userId"})


def listed(path: str, target: str = "", type_name: str | None = None) -> FieldMapping:
    parsed = parse_path(path)
    return FieldMapping(source_at(path, *filter(None, [type_name])), target or parsed.name)


def select(*rows: FieldMapping, everything_in: str = "", row: dict[str, Any] = ROW) -> tuple[dict[str, Any], list[str]]:
    notes: list[Reason] = []
    selected = select_properties(PropertySelection(rows, everything_in), row, RESERVED, notes.append)
    return selected, [note.code for note in notes]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], {}),
        ([listed("event_properties.total")], {"total": 6396.0}),
        ([listed("event_properties.total", "amount", "integer")], {"amount": 6396}),
        ([listed("event_properties.Drop Id", "drop_id", "number")], {"drop_id": 2.0}),
        ([listed("event_properties.note")], {"note": None}),
        ([listed("event_properties.note", "note", "date")], {"note": None}),
        ([listed("event_properties.absent")], {}),
        ([listed("event_properties.absent", "absent", "integer")], {}),
        ([listed("group_properties.absent")], {}),
        ([listed("event_properties.ad.cost", "cost", "number")], {"cost": 1.5}),
        ([listed("event_properties.ad")], {"ad": {"cost": "1.5"}}),
        ([listed("country"), listed("user_properties.plan")], {"country": "France", "plan": "pro"}),
        ([listed("event_properties.total"), listed("user_properties.total", "t")], {"total": 6396.0, "t": 7}),
        ([listed("event_properties.total"), listed("event_properties.total", "t")], {"total": 6396.0, "t": 6396.0}),
    ],
)
def test_listed_properties_are_selected(rows: list[FieldMapping], expected: dict[str, Any]) -> None:
    """A listed property goes under its target, converted where asked; null is kept, a missing one left out."""
    actual, notes = select(*rows)

    assert (expected, []) == (actual, notes)


@pytest.mark.parametrize(
    ("path", "type_name", "detail"),
    [
        ("event_properties.bad", "number", "event_properties.bad as number"),
        ("user_properties.plan", "date", "user_properties.plan as date"),
        ("country", "boolean", "country as boolean"),
    ],
)
def test_what_cannot_be_converted_is_rejected(path: str, type_name: str, detail: str) -> None:
    """A value of another type rejects the record; the detail names the property, not the value."""
    expected = ("unconvertible_property", detail)

    with pytest.raises(RejectedError) as caught:
        select(listed(path, "target", type_name))

    assert expected == (caught.value.reason, caught.value.detail)


@pytest.mark.parametrize(
    ("scope", "rows", "row", "expected", "notes"),
    [
        ("user_properties", [], ROW, {"plan": "pro", "total": 7}, []),
        ("group_properties", [], ROW, {}, []),
        ("user_properties", [], {"user_properties": {"a": None, "b.c": [1]}}, {"a": None, "b.c": [1]}, []),
        (
            "user_properties",
            [],
            {"user_properties": {"email": "e", "userId": 1, "a": 1}},
            {"a": 1},
            ["reserved_field"] * 2,
        ),
        ("user_properties", [], {"user_properties": {"Email": "e"}}, {"Email": "e"}, []),
        ("user_properties", [listed("country")], ROW, {"plan": "pro", "total": 7, "country": "France"}, []),
        (
            "user_properties",
            [listed("user_properties.total", "total", "number")],
            ROW,
            {"plan": "pro", "total": 7.0},
            [],
        ),
        ("user_properties", [listed("user_properties.total", "t", "string")], ROW, {"plan": "pro", "t": "7"}, []),
        ("user_properties", [listed("event_properties.total")], ROW, {"plan": "pro", "total": 6396.0}, []),
        ("user_properties", [listed("event_properties.plan", "p")], ROW, {"plan": "pro", "total": 7}, []),
        ("user_properties", [listed("event_properties.absent", "total")], ROW, {"plan": "pro", "total": 7}, []),
        (
            "user_properties",
            [listed("user_properties.email", "mail")],
            {"user_properties": {"email": "e"}},
            {"mail": "e"},
            [],
        ),
    ],
)
def test_everything_in_a_scope(
    scope: str, rows: list[FieldMapping], row: dict[str, Any], expected: dict[str, Any], notes: list[str]
) -> None:
    """All of a scope goes under its own names, but for reserved ones and those with a row of their own."""
    actual = select(*rows, everything_in=scope, row=row)

    assert (expected, notes) == actual


@pytest.mark.parametrize("length", [5, 500])
def test_a_list_of_any_length_is_read_alike(length: int) -> None:
    """The fields come in the order of the rows, where a name has several rows, too: one event always has one body."""
    names = Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=length)
    rows = [listed(f"event_properties.{name}", f"field {number}") for number, name in enumerate(names)]
    properties = {name: number for number, name in enumerate("zebra")}
    expected = [(f"field {number}", properties[name]) for number, name in enumerate(names) if name in properties]

    actual, _ = select(*rows, row={"event_properties": properties})

    assert expected == list(actual.items())


def test_the_row_stays_as_it_was() -> None:
    """Selecting under "*" copies the scope: the event is not changed."""
    row = {"user_properties": {"plan": "pro"}}
    expected = {"user_properties": {"plan": "pro"}}

    select(listed("user_properties.plan", "plan", "list"), everything_in="user_properties", row=row)

    assert expected == row


def test_the_selection_survives_pickling() -> None:
    """The selection is the same after its way to a worker."""
    expected = PropertySelection((FieldMapping(source_at("country", "string"), "country"),), "user_properties")

    actual = pickle.loads(pickle.dumps(expected))

    assert expected == actual


def test_a_row_of_a_whole_scope_reads_each_of_its_properties() -> None:
    """So an operator that leaves one of them without a value is noted; one of another scope does not."""
    each = PropertySelection((FieldMapping(Source((Path(ITEM, "plan"),)), "plan"),))
    rows = [FieldMapping(Source((Path("", scope),), each=each), "all") for scope in ("user_properties", "groups")]
    notes: list[list[str]] = []
    for row in rows:
        noted: list[Reason] = []
        note_unknown([PropertySelection((row,))], {"$add": ["visits"]}, noted.append)
        notes.append([reason.code for reason in noted])

    assert notes == [["not_expressible_add"], []]
    assert select(rows[0]) == ({"all": [{"plan": "pro"}]}, [])


AS_INTEGER = (Conversion("integer"),)
LEFT_OUT = Handling("leave_out", "leave_out")


@pytest.mark.parametrize(
    ("source", "expected", "is_noted"),
    [
        (source_at("country", "integer"), {}, True),
        (Source((Path("", "country"),), conversions=AS_INTEGER, default=0), {"target": 0}, True),
        (Source(template=parse_template("{country}"), conversions=AS_INTEGER), {}, True),
        (source_at("event_properties.total", "integer"), {"target": 6396}, False),
        (source_at("event_properties.note", "integer"), {}, False),
        (source_at("event_properties.absent", "integer"), {}, False),
        (source_at("country"), {"target": "France"}, False),
    ],
)
@pytest.mark.parametrize("inner", [(), ("inner",)])
def test_a_value_that_is_left_out_for_what_it_is_is_noted(
    source: Source, expected: dict[str, Any], is_noted: bool, inner: tuple[str, ...]
) -> None:
    """Whether a default stands in or not; one that is not there, or is null, is not malformed."""
    row = FieldMapping(replace(source, handling=LEFT_OUT), "target", inner)

    fields, notes = select(row)
    assert fields == ({"target": {"inner": expected["target"]}} if inner and expected else expected)
    assert notes == ["left_out_value"] * is_noted


def test_one_that_is_left_out_of_an_item_is_noted() -> None:
    """As deep as it may be."""
    inner = FieldMapping(replace(source_at("item.id", "integer"), handling=LEFT_OUT), "id")
    each = Source((Path("event_properties", "items"),), each=PropertySelection((inner,)))
    row = {"event_properties": {"items": [{"id": "1"}, {"id": "x"}]}}

    assert select(FieldMapping(each, "items"), row=row) == ({"items": [{"id": 1}, {}]}, ["left_out_value"])


def test_what_makes_a_dead_letter_or_goes_as_it_is_is_not_left_out() -> None:
    """The first is told by its letter."""
    source = source_at("country", "integer")
    assert select(FieldMapping(replace(source, handling=Handling("as_is")), "c")) == ({"c": "France"}, [])
    with pytest.raises(RejectedError, match="unconvertible_property"):
        select(FieldMapping(source, "c"))
