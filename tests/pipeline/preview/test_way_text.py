# SPDX-License-Identifier: Apache-2.0
"""Whatever a row holds, it can be shown: the examples of the mapping's meaning, each looked at in every view."""

import json
from pathlib import Path

import jsonschema
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
from transforms.model import reasons

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "configs/schemas/preview.schema.json"
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
    - {property: notes, type: integer, default: 0}
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
  notes        "-"                  → 0  default, no integer: not a number

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
    assert [one["field"] for one in told["fields"] if one["is_default"]] == ["currency", "notes"]
    assert way_text.describe(way_of(message_of(PAID, 0), loaded)).endswith("}\nnoted: left_out_value")


PURCHASES = """\
name: Shop
status: enabled
destination: {api_key: env:KEY, project_type: user_id}
send_events:
  enabled: true
  events:
    - event: Paid
      send_as: purchase
      items: {property: products, each: [{property: sku, as: id}, {property: n, type: integer}]}
      total: {path: event_properties.revenue, type: number}
  event_properties: [coupon]
"""


def test_of_a_purchase_items_and_total_are_in_the_way(tmp_path: Path) -> None:
    """Before its other fields, and where it is refused, too."""
    path = tmp_path / "sync.yaml"
    path.write_text(PURCHASES, encoding="utf-8")
    way = way_of(message_of({**PAID, "user_id": "u1"}, 0), load_config(str(path)))

    assert way_text.describe(way).splitlines()[2:] == [
        "Event is a dead letter: invalid_item (row 1, line 7)",
        "  items[0] has no name",
        "  An item of a purchase or cart lacks its id, name, price or quantity, or one",
        "  has another type; see dl_detail.",
        '  userId  "u1"                    user_id',
        '  email   " Ada@X.io "            user_properties.email',
        '  items   [{"sku":"s1","n":1}] → [{"id":"s1","n":1}]  objects',
        '  total   "12"                 → 12.0  number',
        '  coupon  "X"                  → "X"',
    ]


def test_what_is_never_sent_is_told_apart_from_what_is_never_found(tmp_path: Path) -> None:
    """A row that may leave out what it finds does not say that there was nothing."""
    path = tmp_path / "sync.yaml"
    path.write_text(SOURCES, encoding="utf-8")
    survey = Survey(load_config(str(path)))
    survey.add(message_of(PAID, 0))
    survey.add(message_of({**PAID, "event_properties": {}}, 1))

    assert [f"{one.line} {one.what}: {one.told}" for one in findings(survey)] == [
        "14 count: never sent: 1 event has count, but it is no integer: on_error leaves it out.",
        "16 weight: never found: no event sent has weight.",
        "18 name: never found: no event sent has all of {user_properties.first} {user_properties.last}.",
        "20 gone: never sent: no event sent has gone but as null, which nulls leaves out.",
        f"0 left_out_value: 1 time. {reasons.LEFT_OUT_VALUE.meaning}",
    ]


CARTS_AND_CALLS = """\
name: Shop
status: enabled
destination: {api_key: env:KEY, project_type: user_id}
send_events:
  enabled: true
  events:
    - event: Filled
      send_as: cart
      items: {property: products, each: "*"}
      where: [{property: event_properties.test, operator: is not, value: true}]
  event_properties: ["*", {property: coupon, as: code}]
calls:
  - event: Saved
    call: users/updateSubscriptions
    fields: {emailListIds: event_properties.lists, campaignId: event_properties.coupon}
"""


def test_of_a_cart_only_what_it_takes_is_in_the_way(tmp_path: Path) -> None:
    """The lists of properties are for events and purchases; an id that does not identify is not sent."""
    path = tmp_path / "sync.yaml"
    path.write_text(CARTS_AND_CALLS, encoding="utf-8")
    products = [{"id": "p", "name": "Tea", "price": 1, "quantity": 2}]
    row = {**PAID, "event_type": "Filled", "user_id": "u1", "event_properties": {"products": products, "coupon": "X"}}
    way = way_of(message_of(row, 0), load_config(str(path)))

    ids = way_text.as_json(way)["parts"][0]["ids"]
    assert [(one["name"], one.get("sent")) for one in ids] == [("userId", "u1"), ("email", None)]
    lines = way_text.describe(way).partition("\n\nPOST")[0].splitlines()[5:]
    assert [tuple(line.split()[:: len(line.split()) - 1]) for line in lines] == [
        ("userId", "user_id"),
        ("email", "sent"),
        ("items", "objects"),
    ]


def test_what_no_field_of_a_call_takes_is_told_in_words(tmp_path: Path) -> None:
    """Each with its reason; and the clauses of a row as the config writes them."""
    path = tmp_path / "sync.yaml"
    path.write_text(CARTS_AND_CALLS, encoding="utf-8")
    loaded = load_config(str(path))
    row = {**PAID, "event_type": "Saved", "user_id": "u1", "event_properties": {"lists": ["x"], "coupon": True}}
    filled = {**PAID, "event_type": "Filled", "user_id": "u1", "event_properties": {"test": True}}
    survey = Survey(loaded)
    survey.add(message_of(filled, 1))

    told = way_text.describe(way_of(message_of(row, 0), loaded))
    assert "✘ no list of whole numbers: not a number" in told
    assert "✘ no whole number: not a number" in told
    assert "event_properties.test is not true" in [one.what for one in findings(survey)]


def listed(items: object) -> list[object]:
    """The array of a body; its flags are none."""
    return items if isinstance(items, list) else []


GROUPS = """\
name: Shop
status: enabled
destination: {api_key: "env:SHOP_KEY", project_type: hybrid}
create_and_update_users:
  enabled: true
  where: [{property: user_properties.internal, operator: does not exist}]
  events:
    - event: Paid
      where: [{property: event_properties.total, operator: ">", value: 100}]
    - event: Paid
      event_properties: [{property: total, as: last_total}]
send_events:
  enabled: true
  events:
    - event: Paid
      as: {template: "{event_properties.kind} paid"}
      where:
        - any:
            - {property: user_properties.plan, operator: is, value: PRO, case: insensitive}
            - all:
                - {property: event_properties.total, operator: ">=", value: 10}
                - {property: country, operator: exists}
      event_properties: [total]
"""


GROUPS_TOLD = """\
1  Paid  2025-07-01 10:00:00 UTC

Event is sent as card paid (row 1, line 15)
  where, row 1 (line 15)
    any of these: holds
      user_properties.plan is (insensitive) "PRO": "pro" holds
      all of these: does not hold
        event_properties.total >= 10: 12 holds
        country exists: – does not hold
  userId  "u1"    user_id
  email   –       user_properties.email
  total   12   → 12

POST https://api.iterable.com/api/events/trackBulk
{
  "events": [
    {
      "userId": "u1",
      "eventName": "card paid",
      "id": "85c033db-e41b-5a6f-b778-490f3b8241e6",
      "createdAt": 1751364000,
      "dataFields": {
        "total": 12
      }
    }
  ]
}

User update is sent (row 2, line 10)
  where, every user update (line 6)
    user_properties.internal does not exist: – holds
  where, row 1 (line 8)
    event_properties.total > 100: 12 does not hold
  userId      "u1"    user_id
  email       –       user_properties.email
  last_total  12   → 12

POST https://api.iterable.com/api/users/bulkUpdate
{
  "users": [
    {
      "userId": "u1",
      "dataFields": {
        "last_total": 12
      }
    }
  ]
}"""


def test_rows_and_groups_are_shown_as_they_were_tried(tmp_path: Path) -> None:
    """Those of user updates, too, and the fields of the row that was taken; what a group holds stands below it."""
    file = tmp_path / "shop.yaml"
    file.write_text(GROUPS, encoding="utf-8")
    row = {
        "event_type": "Paid",
        "event_time": "2025-07-01 10:00:00",
        "$insert_id": "1",
        "user_id": "u1",
        "event_properties": {"total": 12, "kind": "card"},
        "user_properties": {"plan": "pro"},
    }
    loaded = load_config(str(file))
    message = message_of(row, 1)
    survey = Survey(loaded)
    survey.add(message)
    way = way_of(message, loaded)

    assert loaded.warnings == []
    assert way_text.describe(way) == GROUPS_TOLD
    jsonschema.validate(way_text.as_json(way), json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [tuple(one) for one in findings(survey)] == [
        ("warning", 9, "event_properties.total > 100", "never holds for 1 Paid."),
        ("note", 20, "all of 2 clauses", "never holds for 1 Paid."),
    ]
