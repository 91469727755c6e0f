"""Whatever a row holds, it can be shown: the examples of the mapping's meaning, each looked at in every view."""

import json
from pathlib import Path

import orjson
import pytest

from pipeline.config.loader import load_config
from pipeline.preview import diff_text, profile_text, table, way_text
from pipeline.preview.diff import Diff
from pipeline.preview.findings import findings
from pipeline.preview.layout import WIDTH
from pipeline.preview.profile import Profile
from pipeline.preview.survey import Survey
from pipeline.preview.way import way_of
from tests.golden import message_of

ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests/data/golden").glob("*.json"))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_every_example_can_be_shown(file: Path, tmp_path: Path) -> None:
    """Its bodies are those that the example says; a table of it keeps to 80 columns."""
    golden = json.loads(file.read_text(encoding="utf-8"))
    path = ROOT / "configs" / golden["config"] if isinstance(golden["config"], str) else tmp_path / "sync.yaml"
    if isinstance(golden["config"], list):
        path.write_text("\n".join(golden["config"]), encoding="utf-8")
    loaded = load_config(str(path))
    survey, diff, profile = Survey(loaded), Diff(loaded, loaded), Profile()
    expected = [item for request in golden["requests"] for items in request["body"].values() for item in listed(items)]

    shown = []
    for number, data in enumerate(golden["messages"]):
        message = message_of(data, number)
        for each in (survey, diff, profile):
            each.add(message)
        way = way_of(message, loaded)
        orjson.dumps(way_text.as_json(way))
        assert way_text.describe(way).startswith(str(number))
        bodies = [orjson.loads(part.request.body) for part in way.parts if part.request]
        shown += [item for body in bodies for items in body.values() for item in listed(items)]

    assert sorted(map(orjson.dumps, shown)) == sorted(map(orjson.dumps, expected))
    for text in (table.describe(survey, findings(survey), True), profile_text.describe(profile, True, values=True)):
        assert max(map(len, text.splitlines())) <= WIDTH
    assert not diff.is_worse
    assert "another body" not in diff_text.describe(diff)


SOURCES = """\
name: Shop
status: enabled
destination: {api_key: "env:SHOP_KEY", project_type: hybrid}
mappings:
  email: {path: [event_properties.email, user_properties.email], type: [trim, lower]}
send_events:
  enabled: true
  events: [Paid]
  on_error: leave_out
  event_properties:
    - {property: "*", except: [notes]}
    - {property: [total, revenue], as: order.total, type: number}
    - {property: currency, default: EUR}
    - {property: count, type: integer}
    - {property: size, type: [trim, integer], on_error: as_is}
    - {property: weight, type: integer, on_error: dead_letter}
    - {property: products, each: [{property: sku, as: id}]}
    - {template: "{user_properties.first} {user_properties.last}", as: name}
    - {value: amplitude, as: source}
    - {property: gone, nulls: leave_out}
"""
PAID = {
    "event_type": "Paid",
    "event_time": "2026-01-05 10:00:00",
    "$insert_id": "1",
    "event_properties": {
        "revenue": "12",
        "count": "many",
        "size": " XL ",
        "notes": "-",
        "coupon": "X",
        "products": [{"sku": "s1", "n": 1}],
        "gone": None,
    },
    "user_properties": {"email": " Ada@X.io ", "first": "Ada"},
}
WAY = """\
0  Paid  2026-01-05 10:00:00 UTC

Event is sent as Paid (row 1, line 8)
  userId       –                       user_id
  email        " Ada@X.io "         → "ada@x.io"  user_properties.email
  coupon       "X"                  → "X"
  order.total  "12"                 → 12.0  number  event_properties.revenue
  currency     –                    → "EUR"  default, no event_properties.currency
  count        "many"               ✘ no integer: not a number
  size         " XL "               → " XL "  as it is, no trim, integer: not a number
  weight       –                      no event_properties.weight
  products     [{"sku":"s1","n":1}] → [{"id":"s1"}]  objects
  name         –                      no {user_properties.first} {user_properties.last}
  source       "amplitude"          → "amplitude"
  gone         null                 ✘ not sent

POST"""


def test_the_way_of_each_property_says_which_source_won_and_what_was_made_of_it(tmp_path: Path) -> None:
    """The path of several, conversions, the default; why it is left out, or sent as it is."""
    path = tmp_path / "sync.yaml"
    path.write_text(SOURCES, encoding="utf-8")
    loaded = load_config(str(path))

    assert way_text.describe(way_of(message_of(PAID, 0), loaded)).partition(" https")[0] == WAY
    told = way_text.as_json(way_of(message_of(PAID, 0), loaded))["parts"][0]
    assert told["ids"][1] == {
        "name": "email",
        "path": "user_properties.email",
        "type": "trim, lower",
        "found": " Ada@X.io ",
        "sent": "ada@x.io",
    }
    assert [one["field"] for one in told["fields"] if one["is_default"]] == ["currency"]


def test_what_is_never_sent_is_told_apart_from_what_is_never_found(tmp_path: Path) -> None:
    """A row that may leave out what it finds does not say that there was nothing."""
    path = tmp_path / "sync.yaml"
    path.write_text(SOURCES, encoding="utf-8")
    survey = Survey(load_config(str(path)))
    survey.add(message_of(PAID, 0))

    assert [f"{one.line} {one.what}: {one.told}" for one in findings(survey)] == [
        "14 count: never sent: no event has count, but for what is left out.",
        "16 weight: never found: no event sent has weight.",
        "18 name: never found: no event sent has all of {user_properties.first} {user_properties.last}.",
        "20 gone: never sent: no event has gone, but for what is left out.",
    ]


def listed(items: object) -> list[object]:
    """The array of a body; its flags are none."""
    return items if isinstance(items, list) else []
