# SPDX-License-Identifier: Apache-2.0
import pickle
from typing import Any

import pytest

from tests.builders import source_at
from transforms.amplitude.paths import look_up, parse_path
from transforms.amplitude.row_with import RowWith
from transforms.mapping.properties import FieldMapping, PropertySelection, select_properties


@pytest.mark.parametrize("row", [{}, {"a": 1, "b": None}, {"b": 2, "scope": {"c": 3}, "d": 4}])
def test_it_is_as_a_copy(row: dict[str, Any]) -> None:
    """Whatever is asked of it, also after its way to another process; the row itself stays as it was."""
    before, value = dict(row), {"c": 5}
    copy: dict[str, Any] = {**row, "scope": value}

    for other in (RowWith(row, "scope", value), pickle.loads(pickle.dumps(RowWith(row, "scope", value)))):
        assert (copy, list(copy), len(copy)) == (other, list(other), len(other))
        for key in ("a", "b", "c", "d", "scope"):
            assert (key in copy, copy.get(key), copy.get(key, 7)) == (key in other, other.get(key), other.get(key, 7))
        assert [copy[key] for key in copy] == [other[key] for key in copy]
        with pytest.raises(KeyError):
            other["absent"]
    assert before == row


ROW = {"country": "US", "geo": {"city": "Bonn"}, "seen": [{"at": 1}], "a.b": 2, "user_properties": {"plan": "free"}}
PATHS = ["country", "geo.city", "geo", "seen[0].at", "a.b", "user_properties.plan", "no", "geo.no.x"]


@pytest.mark.parametrize("times", [1, 10])
def test_paths_lead_through_it(times: int) -> None:
    """A look-up, and a list of rows be it short or long, find what they find in a copy."""
    values = {"plan": "pro"}
    copy: dict[str, Any] = {**ROW, "user_properties": values}
    other = RowWith(ROW, "user_properties", values)
    fields = [(source_at(path), f"{path} {time}") for time in range(times) for path in PATHS]
    selection = PropertySelection(tuple(FieldMapping(*field) for field in fields))

    def seen(row: Any) -> tuple[list[Any], dict[str, Any]]:
        looked = [look_up(row, parse_path(path)) for path in PATHS]
        return looked, select_properties(selection, row, frozenset(), lambda _: None)

    assert seen(copy) == seen(other)
    assert "pro" in seen(other)[0]
    assert seen(other)[1]["geo.city 0"] == "Bonn"
