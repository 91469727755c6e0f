# SPDX-License-Identifier: Apache-2.0
import re
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transforms.mapping.conversions import TYPES, Conversion, convert, iso_dates
from transforms.model.json_bounds import MAX_DEPTH


def test_the_types_are_these() -> None:
    """The types a config may ask for."""
    expected = {"string", "integer", "number", "boolean", "date", "list", "trim", "lower", "upper", "json", "split"}

    assert expected == TYPES


@pytest.mark.parametrize("type_name", sorted(TYPES))
def test_null_stays_null(type_name: str) -> None:
    """Null clears a field, whatever its type."""
    actual = convert(None, type_name)

    assert actual is None


@pytest.mark.parametrize(
    ("type_name", "value", "expected"),
    [
        ("string", "a", "a"),
        ("string", " a ", " a "),
        ("string", "", ""),
        ("string", True, "true"),
        ("string", False, "false"),
        ("string", 42, "42"),
        ("string", 2**64 - 1, "18446744073709551615"),
        ("string", 10.0, "10.0"),
        ("string", 0.1, "0.1"),
        ("string", ["a", 1, None], '["a",1,null]'),
        ("string", {"a": {"é": True}}, '{"a":{"é":true}}'),
        ("integer", 42, 42),
        ("integer", -(2**63), -(2**63)),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("integer", 42.0, 42),
        ("integer", -0.0, 0),
        ("integer", "42", 42),
        ("integer", " -42 ", -42),
        ("integer", "+42", 42),
        ("integer", "0042", 42),
        ("integer", "0" * 5_000 + "42", 42),
        ("integer", "-000.00", 0),
        ("integer", "42.000", 42),
        ("integer", "9007199254740993", 2**53 + 1),
        ("integer", "9007199254740993.0", 2**53 + 1),
        ("integer", "9223372036854775807", 2**63 - 1),
        ("integer", "1e3", 1000),
        ("number", 5, 5.0),
        ("number", 5.5, 5.5),
        ("number", 2**64, 1.8446744073709552e19),
        ("number", "5", 5.0),
        ("number", " -5.25 ", -5.25),
        ("number", "1e3", 1000.0),
        ("number", "1E-3", 0.001),
        ("number", ".5", 0.5),
        ("number", "5.", 5.0),
        ("boolean", True, True),
        ("boolean", False, False),
        ("boolean", "true", True),
        ("boolean", "FALSE", False),
        ("boolean", " True ", True),
        ("boolean", 1, True),
        ("boolean", 0, False),
        ("boolean", 1.0, True),
        ("boolean", "1", True),
        ("boolean", "0", False),
        ("date", "2026-01-31 10:00:00.000000", "2026-01-31 10:00:00 +00:00"),
        ("date", "2026-01-31T10:00:00.999999Z", "2026-01-31 10:00:00 +00:00"),
        ("date", "2026-01-31T10:00:00+02:00", "2026-01-31 08:00:00 +00:00"),
        ("date", "2026-01-31 10:00:00 +00:00", "2026-01-31 10:00:00 +00:00"),
        ("date", " 2026-01-31 10:00:00 ", "2026-01-31 10:00:00 +00:00"),
        ("date", "1969-12-31 23:59:59.5", "1969-12-31 23:59:59 +00:00"),
        ("date", "0001-01-01 00:00:00", "0001-01-01 00:00:00 +00:00"),
        ("date", "9999-12-31 23:59:59.999999", "9999-12-31 23:59:59 +00:00"),
        ("date", "2026-01-31", "2026-01-31"),
        ("date", " 2024-02-29 ", "2024-02-29"),
        ("date", 0, "1970-01-01 00:00:00 +00:00"),
        ("date", 1751387694, "2025-07-01 16:34:54 +00:00"),
        ("date", 1751387694.837, "2025-07-01 16:34:54 +00:00"),
        ("date", 1751387694837, "2025-07-01 16:34:54 +00:00"),
        ("date", 1751387694837.9, "2025-07-01 16:34:54 +00:00"),
        ("date", -1, "1969-12-31 23:59:59 +00:00"),
        ("date", -0.5, "1969-12-31 23:59:59 +00:00"),
        ("date", 99_999_999_999, "5138-11-16 09:46:39 +00:00"),
        ("date", 100_000_000_000, "1973-03-03 09:46:40 +00:00"),
        ("date", -100_000_000_000, "1966-10-31 14:13:20 +00:00"),
        ("date", 253_402_300_799_999, "9999-12-31 23:59:59 +00:00"),
        ("list", [], []),
        ("list", ["a", None], ["a", None]),
        ("list", "a", ["a"]),
        ("list", "", [""]),
        ("list", 0, [0]),
        ("list", False, [False]),
        ("list", {"a": 1}, [{"a": 1}]),
        ("trim", " a ", "a"),
        ("trim", [" a ", 1, None], ["a", 1, None]),
        ("trim", 5, 5),
        ("lower", "ÄB", "äb"),
        ("upper", {"a": "b"}, {"a": "b"}),
        ("json", '{"a": [1, null]}', {"a": [1, None]}),
        ("json", "null", None),
        ("json", {"a": 1}, {"a": 1}),
        ("json", "[" * MAX_DEPTH + "]" * MAX_DEPTH, orjson.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)),
        ("split", "a, b,", ["a", " b", ""]),
        ("split", " ", []),
        ("split", [1], [1]),
    ],
)
def test_convert(type_name: str, value: Any, expected: Any) -> None:
    """Each type's value, exactly and of exactly that Python type."""
    actual = convert(value, type_name)

    assert (type(expected), expected) == (type(actual), actual)


@pytest.mark.parametrize(
    ("conversion", "value", "expected"),
    [
        (Conversion("split", (";",)), "a;b,c", ["a", "b,c"]),
        (Conversion("replace", (".", "")), "1.000.5", "10005"),
        (Conversion("replace", ("aa", "a")), ["aaaa", 1, None], ["aa", 1, None]),
        (Conversion("replace", ("1", "2")), 1, 1),
        (Conversion("replace", ("a", "b")), None, None),
    ],
)
def test_a_conversion_with_texts(conversion: Conversion, value: Any, expected: Any) -> None:
    """They are no patterns; what is no text stays."""
    assert conversion.apply(value) == expected


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("string", float("nan")),
        ("string", float("inf")),
        ("string", [2**64]),
        ("string", ["\ud800"]),
        ("integer", True),
        ("integer", 1.5),
        ("integer", 2**63),
        ("integer", -(2**63) - 1),
        ("integer", 2.0**63),
        ("integer", float("nan")),
        ("integer", float("-inf")),
        ("integer", "9223372036854775808"),
        ("integer", "9" * 10_000),
        ("integer", "1.5"),
        ("integer", ""),
        ("integer", " "),
        ("integer", "1_000"),
        ("integer", "1,000"),
        ("integer", "0x10"),
        ("integer", "٣"),
        ("integer", "4 2"),
        ("integer", "+ 42"),
        ("integer", "1e999"),
        ("integer", [1]),
        ("integer", {}),
        ("number", True),
        ("number", "nan"),
        ("number", "Infinity"),
        ("number", "1e999"),
        ("number", "1_000.0"),
        ("number", "٣.٥"),
        ("number", "5 EUR"),
        ("number", "."),
        ("number", ""),
        ("number", 10**400),
        ("number", float("nan")),
        ("number", float("inf")),
        ("number", [5]),
        ("boolean", 2),
        ("boolean", 0.5),
        ("boolean", float("nan")),
        ("boolean", "yes"),
        ("boolean", ""),
        ("boolean", "1.0"),
        ("boolean", [True]),
        ("date", ""),
        ("date", "yesterday"),
        ("date", "2025-02-29"),
        ("date", "2025-02-29 10:00:00"),
        ("date", "2025-2-3"),
        ("date", "20250203"),
        ("date", "２０２６-01-31"),
        ("date", "0000-01-01"),
        ("date", "1751387694"),
        ("date", True),
        ("date", -99_999_999_999),
        ("date", 253_402_300_800_000),
        ("date", 10**400),
        ("date", 1e300),
        ("date", float("nan")),
        ("date", float("-inf")),
        ("date", ["2026-01-31"]),
        ("date", {}),
        ("text", "a"),
        ("", None),
        ("json", "{"),
        ("json", ""),
        ("json", "NaN"),
        ("json", "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)),
        ("json", '{"a":' * 900 + "1" + "}" * 900),
        ("split", 5),
        ("split", {}),
    ],
)
def test_convert_refuses_the_rest(type_name: str, value: Any) -> None:
    """What would lose or invent something is a ValueError, as is a type that does not exist."""
    with pytest.raises(ValueError, match=r"^(not |no such date|neither |cannot be |.* is no type)"):
        convert(value, type_name)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=8)
    | st.from_regex(re.compile(r"[+-]?[0-9]{1,22}(\.[0-9]{0,3})?(e[0-9]{1,3})?"), fullmatch=True)
    | st.datetimes().map(str)
    | st.dates().map(str)
    | st.integers(-(10**15), 10**15),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(JSON, st.sampled_from(sorted(TYPES - {"json"})))  # a text in JSON may be JSON again
@settings(deadline=None, max_examples=500)
def test_converting_twice_is_converting_once(value: Any, type_name: str) -> None:
    """On any value: a ValueError, or a result that a second conversion leaves as it is."""
    try:
        expected = convert(value, type_name)
    except ValueError:
        return

    actual = convert(expected, type_name)

    assert (type(expected), repr(expected)) == (type(actual), repr(actual))


def problem_with(value: Any, type_name: str) -> str:
    try:
        convert(value, type_name)
    except ValueError as error:
        return str(error)
    return ""


@given(
    st.text(st.characters(min_codepoint=0x30, max_codepoint=0x39) | st.sampled_from("-: .e"), min_size=5),
    st.sampled_from(sorted(TYPES)),
)
@settings(deadline=None)
@example("2025-02-30 00:00:00", "date")
@example("2025-02-30", "date")
@example("9999-12-31 23:59:59-23:59", "date")
def test_the_error_does_not_hold_the_value(value: str, type_name: str) -> None:
    """An error's text ends up in a dead letter's attributes, where a value of the record has no place."""
    problem = problem_with(value, type_name)

    assert value not in problem


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2023-05-17T22:49:53Z", "2023-05-17 22:49:53 +00:00"),
        ("2023-05-17T22:49:53.999+02:00", "2023-05-17 20:49:53 +00:00"),
        ("2023-05-17T22:49:53", "2023-05-17 22:49:53 +00:00"),
        ("2023-05-17", "2023-05-17"),
        ("2023-05-17 22:49:53", "2023-05-17 22:49:53"),
        ("2023-02-30T22:49:53Z", "2023-02-30T22:49:53Z"),
        ("at 2023-05-17T22:49:53Z", "at 2023-05-17T22:49:53Z"),
        ({"a": [{"b": "2023-05-17T22:49:53Z"}, 5]}, {"a": [{"b": "2023-05-17 22:49:53 +00:00"}, 5]}),
        (None, None),
    ],
)
def test_iso_dates(value: Any, expected: Any) -> None:
    """Every text that is a date and time and nothing else, however deep; others stay."""
    assert iso_dates(value) == expected
