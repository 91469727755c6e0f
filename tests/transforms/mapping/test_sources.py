# SPDX-License-Identifier: Apache-2.0
import pickle
from typing import Any

import pytest

from tests.builders import source_at
from transforms.amplitude.paths import MISSING, Path, parse_path
from transforms.mapping.conversions import Conversion
from transforms.mapping.properties import FieldMapping, PropertySelection, merge_fields, parse_target, select_properties
from transforms.mapping.sources import ITEM, Handling, Source, parse_template
from transforms.model.errors import RejectedError

ROW: dict[str, Any] = {
    "user_id": "u1",
    "event_properties": {
        "blank": " ",
        "null": None,
        "n": 5,
        "text": " Ada ",
        "list": [{"id": "1"}, {}],
        "o": {"a": [1]},
    },
}
BLANK, NULL, TEXT = (parse_path(f"event_properties.{name}") for name in ("blank", "null", "text"))
NO = Path("event_properties", "no")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (Source((BLANK,)), " "),
        (Source((NULL, BLANK, NO)), None),
        (Source((NO, BLANK, NULL)), " "),
        (Source((NO, BLANK, TEXT)), " Ada "),
        (Source((NO,)), MISSING),
        (Source((NO,), default=0), 0),
        (Source((BLANK,), conversions=(Conversion("integer"),), default=False), False),
        (Source((TEXT,), conversions=(Conversion("trim"), Conversion("lower"))), "ada"),
        (Source((TEXT,), conversions=(Conversion("integer"),), handling=Handling("leave_out")), MISSING),
        (Source((TEXT,), conversions=(Conversion("integer"),), default=1, handling=Handling("leave_out")), 1),
        (Source((TEXT,), conversions=(Conversion("trim"), Conversion("date")), handling=Handling("as_is")), " Ada "),
        (Source((NULL,), handling=Handling(nulls="leave_out")), MISSING),
        (Source(template=parse_template("{{{user_id}}} {event_properties.n}")), "{u1} 5"),
        (Source(template=parse_template("{event_properties.o}")), '{"a":[1]}'),
        (Source(template=parse_template("{user_id} {event_properties.blank}")), MISSING),
        (source_at("event_properties.o.a[0]"), 1),
        (source_at("event_properties.list[1].id"), MISSING),
        (source_at("event_properties.list[2]"), MISSING),
        (source_at("event_properties.o[0]"), MISSING),
        (source_at("event_properties.list[0].id[0]"), MISSING),
    ],
)
def test_a_source_reads(source: Source, value: Any) -> None:
    """What is asked in its order, blank and null as no value; the same after its way to a worker."""
    copy = pickle.loads(pickle.dumps(source))

    assert (source.read(ROW), copy.read(ROW)) == (value, value)
    assert copy == source


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        (Source((NO, TEXT), conversions=(Conversion("trim"), Conversion("date"))), f"{NO}, {TEXT} as trim, date"),
        (Source((TEXT,), each=PropertySelection(())), f"{TEXT} as objects"),
        (
            Source(
                (parse_path("event_properties.list"),),
                each=PropertySelection(
                    (FieldMapping(Source((Path(ITEM, "id"),), conversions=(Conversion("date"),)), "id"),)
                ),
            ),
            "item.id as date",
        ),
    ],
)
def test_what_cannot_be_made_is_rejected_without_its_value(source: Source, detail: str) -> None:
    """The detail says where the value is, and as what it is wanted."""
    with pytest.raises(RejectedError) as caught:
        source.read(ROW)

    assert (caught.value.reason, caught.value.detail) == ("unconvertible_property", detail)


@pytest.mark.parametrize(
    "mapping",
    [
        FieldMapping(Source((TEXT,)), "text"),
        FieldMapping(Source(template=parse_template("{event_properties.text}!")), "text"),
    ],
)
def test_items_that_bring_the_events_own_text_along_are_bounded_before_they_fill_the_memory(
    mapping: FieldMapping,
) -> None:
    """A small event that makes gigabytes costs itself: here 100 kB would become 10 GB."""
    properties = {"text": "x" * 50_000, "list": [{}] * 200_000}
    source = Source((parse_path("event_properties.list"),), each=PropertySelection((mapping,)))

    with pytest.raises(RejectedError) as caught:
        source.read({"event_properties": properties})

    assert (caught.value.reason, caught.value.detail) == (
        "item_too_large",
        "more than 10,000,000 bytes of 200,000 items",
    )
    assert len(source.read({"event_properties": {**properties, "list": [{}] * 100}})) == 100


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("city", ("city",)),
        ("address.city", ("address", "city")),
        (r"a\.b.c", ("a.b", "c")),
        (r"a\b", (r"a\b",)),
        ("Sign Up Date", ("Sign Up Date",)),
        (r"\.", (".",)),
    ],
)
def test_dots_of_a_target_make_objects(text: str, keys: tuple[str, ...]) -> None:
    """But for those that are escaped; no other backslash means anything."""
    assert parse_target(text) == keys


@pytest.mark.parametrize("text", ["", ".", "a..b", ".a", "a."])
def test_a_target_has_no_empty_name(text: str) -> None:
    """There is no field without a name."""
    with pytest.raises(ValueError, match="an empty name beside a dot"):
        parse_target(text)


def test_fields_of_an_object_are_of_both_lists() -> None:
    """What rows of two lists put into one object becomes one; an object that only one of them makes goes before."""
    shadowed: list[bool] = []
    fields = {"address": {"city": "Bonn", "geo": {"x": 1}}, "plan": "pro", "note": {"a": 1}}

    both = merge_fields(
        fields, {"address": {"geo": {"y": 2}}, "note": {"b": 2}}, frozenset({"address"}), lambda: shadowed.append(True)
    )

    assert both == {"address": {"city": "Bonn", "geo": {"x": 1, "y": 2}}, "plan": "pro", "note": {"b": 2}}
    assert shadowed == [True]


def test_a_field_of_an_object_goes_into_what_everything_brings() -> None:
    """Into a copy of it: the event stays as it was; what is no object there gives way."""
    row = {"event_properties": {"address": {"zip": "1"}, "o": "text", "city": "Bonn"}}
    rows = [FieldMapping(source_at("event_properties.city"), target, ("city",)) for target in ("address", "o")]

    fields = select_properties(PropertySelection(tuple(rows), "event_properties"), row, frozenset(), lambda _: None)

    assert fields == {"address": {"zip": "1", "city": "Bonn"}, "o": {"city": "Bonn"}}
    assert row["event_properties"]["address"] == {"zip": "1"}
