# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sandbox.iterable.schema import Types, fits, infer
from pipeline.sandbox.iterable.settings import Settings

DEFAULTS = Settings()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "boolean"),
        (5, "long"),
        (5.0, "double"),
        ("pro", "string"),
        ("", "string"),
        ({"city": "Bern"}, "object"),
        ({"lat": 1.0, "lon": 2.0}, "object"),
        (None, None),
        ([], None),
        ([None], None),
        ([None, 3, "x"], "long"),
        ([{"a": 1}], "object"),
        ([["2026-01-31"]], "date"),
        ("2026-01-31", "date"),
        ("2026-01-31 10:00:00", "date"),
        ("2026-01-31 10:00:00 +00:00", "date"),
        ("2026-01-31T10:00:00.000+01:00", "date"),
        ("2026-01-31T10:00:00.000Z", "date"),
        ("2026-01-31 10:00:00.000", "string"),
        ("2026-01-31 10:00:00.000000", "string"),
        ("2026-01-31T10:00:00Z", "string"),
        ("2026-13-31", "string"),
        ("2026-01-32", "string"),
        ("2026-01-31 24:00:00", "string"),
        ("2026-01-31\n", "string"),
    ],
)
def test_infer(value: Any, expected: Any) -> None:
    """A JSON value has one type; only the documented date formats are dates."""
    assert infer("field", value, DEFAULTS) == expected


def test_infer_geo_location() -> None:
    """A location needs both coordinates and a field whose name says so."""
    assert infer("home_geo_location", {"lat": 1.0, "lon": 2.0}, DEFAULTS) == "geo_location"
    assert infer("home_geo_location", {"lat": 1.0}, DEFAULTS) == "object"


def test_infer_dates_off() -> None:
    """With dates switched off a date is a string."""
    assert infer("field", "2026-01-31", Settings(infer_dates=False)) == "string"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("double", "long", True),
        ("long", "double", False),
        ("string", "date", True),
        ("date", "string", False),
        ("string", "long", True),
        ("string", "double", True),
        ("string", "boolean", True),
        ("string", "object", False),
        ("long", "string", False),
        ("boolean", "long", False),
        ("date", "long", False),
        ("object", "string", False),
        ("geo_location", "object", False),
    ],
)
def test_fits(field: str, value: Any, expected: Any) -> None:
    """A field takes its own type and what widens into it."""
    assert fits(field, value, DEFAULTS) == expected


def test_fits_switches() -> None:
    """Both doubtful coercions can be had the other way."""
    other = Settings(double_into_long="coerce", scalar_into_string="clash")

    assert fits("long", "double", other)
    assert not fits("string", "boolean", other)


def test_look_through_claims_nested_paths() -> None:
    """New fields are claimed with every path in them, also through an array of objects."""
    types = Types({}, DEFAULTS)

    fields = types.look_through({"a": {"b": {"c": 1}}, "items": [{"price": 1.5}], "none": None}, allow_new=True)

    expected = {"a": "object", "a.b": "object", "a.b.c": "long", "items": "object", "items.price": "double"}
    assert fields.created == expected
    assert types.claimed == expected


def test_look_through_holds_the_claims_of_the_same_request() -> None:
    """The first value of a request fixes the type for the rest of it, and each item that uses the field creates it."""
    types = Types({}, DEFAULTS)
    types.look_through({"n": 1}, allow_new=True)

    again = types.look_through({"n": 2}, allow_new=True)
    other = types.look_through({"n": "x"}, allow_new=True)

    assert again.created == {"n": "long"}
    assert other.clashes == [("n", "long", "string", "x")]


def test_look_through_claims_nothing_for_a_clash() -> None:
    """An item that clashes leaves its other fields unclaimed."""
    types = Types({"n": "long"}, DEFAULTS)

    types.look_through({"new": 1, "n": "x"}, allow_new=True)

    assert types.claimed == {}


def test_look_through_filters_unknown_fields() -> None:
    """Where new fields are not allowed they are taken out and named by path, in objects and arrays of them too."""
    types = Types({"a": "object", "a.b": "long", "list": "object", "list.x": "long"}, DEFAULTS)

    fields = types.look_through(
        {"a": {"b": 1, "c": 2}, "list": [{"x": 1, "y": 2}], "d": 3, "nothing": None}, allow_new=False
    )

    assert fields.values == {"a": {"b": 1}, "list": [{"x": 1}]}
    assert fields.filtered == ["a.c", "list.y", "d"]
    assert fields.created == {}


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=5))
def test_look_through_takes_back_what_it_claimed(values: dict[str, Any]) -> None:
    """Whatever created a schema fits it."""
    types = Types({}, DEFAULTS)
    created = types.look_through(values, allow_new=True)
    if created.clashes:  # "a.b" and {"a": {"b": …}} are one path
        return

    again = Types(created.created, DEFAULTS).look_through(values, allow_new=True)

    assert again.clashes == []
    assert again.created == {}
