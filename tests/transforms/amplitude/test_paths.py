# SPDX-License-Identifier: Apache-2.0
import copy
import pickle
from typing import Any

import pytest

from transforms.amplitude.paths import MISSING, Path, look_up, parse_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("country", Path("", "country")),
        ("$insert_id", Path("", "$insert_id")),
        ("user_properties.plan", Path("user_properties", "plan")),
        ("user_properties.Sign Up Date", Path("user_properties", "Sign Up Date")),
        ("event_properties.ad_metrics.cost", Path("event_properties", "ad_metrics.cost")),
        ("event_properties.[Amplitude] Page URL", Path("event_properties", "[Amplitude] Page URL")),
        ("event_properties..", Path("event_properties", ".")),
        ("group_properties.org", Path("group_properties", "org")),
        ("derived_properties.tier", Path("derived_properties", "tier")),
        ("groups.[Segment] Group", Path("groups", "[Segment] Group")),
        ("data.user_properties_updated", Path("", "data.user_properties_updated")),
        ("no_scope.name", Path("", "no_scope.name")),
    ],
)
def test_parse_path(text: str, expected: Path) -> None:
    """All after a scope's first dot is the whole name; what begins with no scope is a top-level name."""
    actual = parse_path(text)

    assert (expected, text) == (actual, str(actual))


@pytest.mark.parametrize("text", ["", "user_properties", "user_properties.", "groups."])
def test_parse_path_needs_a_name(text: str) -> None:
    """A scope alone, or nothing at all, names no property."""
    with pytest.raises(ValueError, match="names no property"):
        parse_path(text)


ROW: dict[str, Any] = {
    "country": "France",
    "city": None,
    "data": {"user_properties_updated": True},
    "event_properties": {
        "total": 0,
        "ad.cost": 1.5,
        "ad": {"cost": 2.5, "unit": {"name": "EUR"}},
        "note": None,
        "tags": ["a"],
    },
    "groups": {"[Segment] Group": ["e2c82960"]},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("country", "France"),
        ("city", None),
        ("region", MISSING),
        ("data.user_properties_updated", True),
        ("data.path", MISSING),
        ("event_properties.total", 0),
        ("event_properties.ad.cost", 1.5),
        ("event_properties.ad.unit.name", "EUR"),
        ("event_properties.ad.unit", {"name": "EUR"}),
        ("event_properties.ad.unit.name.first", MISSING),
        ("event_properties.note", None),
        ("event_properties.note.text", MISSING),
        ("event_properties.tags.0", MISSING),
        ("event_properties.Total", MISSING),
        ("user_properties.total", MISSING),
        ("groups.[Segment] Group", ["e2c82960"]),
        ("country.code", MISSING),
    ],
)
def test_look_up(text: str, expected: Any) -> None:
    """The whole name comes first, only then do dots walk into objects; null is a value, a missing one is not."""
    actual = look_up(ROW, parse_path(text))

    assert expected == actual


@pytest.mark.parametrize("copied", [pickle.loads(pickle.dumps(MISSING)), copy.deepcopy(MISSING)])
def test_missing_stays_the_one_object(copied: object) -> None:
    """MISSING comes out of a pickle as itself, so that `is MISSING` holds on a worker."""
    assert MISSING is copied


def test_missing_is_false_and_names_itself() -> None:
    """MISSING is no value: it is false, and shows by its name."""
    expected = (False, "MISSING")

    assert expected == (bool(MISSING), repr(MISSING))
