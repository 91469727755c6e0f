# SPDX-License-Identifier: Apache-2.0
"""Counts of what a config makes of rows: they add up, and they are bounded."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.loader import LoadedConfig, load_config
from pipeline.preview.diff import Diff
from pipeline.preview.findings import findings
from pipeline.preview.survey import MAX_EVENTS, OTHERS, SENT, EventCounts, Survey
from pipeline.preview.table import describe
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from tests.builders import event_of
from tests.golden import message_of
from tests.pipeline.preview.shop import CONFIG, event
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DROPPED

ALL = """\
name: All
status: enabled
destination: {api_key: "env:KEY", project_type: hybrid}
create_and_update_users: {enabled: true, on: [identify, property_changes], user_properties: "*"}
send_events: {enabled: true, events: ["*"], event_properties: "*"}
"""


def load(folder: Path, text: str) -> LoadedConfig:
    path = folder / "sync.yaml"
    path.write_text(text)
    return load_config(str(path))


def generated(count: int) -> list[Message]:
    traffic = Traffic(TrafficSettings(seed=3, messages=count))
    return [Message(data, attributes, str(number), 0.0) for number, (data, attributes) in enumerate(traffic)]


def test_of_generated_rows_the_counts_are_those_of_the_sandbox() -> None:
    """What each row must come to is written down there, by who made it."""
    survey, traffic = Survey(load_config("configs/demo.yaml")), Traffic(TrafficSettings(messages=1_000))
    for number, (data, attributes) in enumerate(traffic):
        survey.add(Message(data, attributes, str(number), 0.0))

    counted = {
        "delivered": survey.total(SENT),
        "dropped": survey.total(DROPPED),
        "dead_lettered": survey.total(DEAD_LETTERED),
    }
    expected = dict.fromkeys(counted, 0)
    for (kind, _, _), count in traffic.expected.outcomes.items():
        expected[kind] += count
    assert counted == expected


def test_rows_and_splits_are_what_is_sent_dropped_and_dead(tmp_path: Path) -> None:
    """An event that changed its user counts twice."""
    survey = Survey(load(tmp_path, ALL))
    for message in generated(500):
        survey.add(message)

    assert survey.splits > 0
    assert survey.rows + survey.splits == sum(map(survey.total, (SENT, DROPPED, DEAD_LETTERED)))


CALLED = """\
name: Shop
status: enabled
destination: {api_key: env:KEY, project_type: hybrid}
calls:
  - event: Preferences Saved
    call: users/bulkUpdateSubscriptions
    fields: {emailListIds: event_properties.lists}
  - {event: Preferences Saved, call: users/merge, fields: {sourceUserId: device_id}}
"""
TABLE = """\
Event              Rows  Sent  as                Dropped Bad  Mostly because
Preferences Saved     2     1  users/bulkUpdate…       1      no_value_to_send
Preferences Saved     2     2  users/merge
                      4     3                          1   0  ~3 requests
"""


def test_a_call_is_told_by_its_name_in_the_config(tmp_path: Path) -> None:
    """As far as there is room: what was dropped and what is bad stands in the same line."""
    survey = Survey(load(tmp_path, CALLED))
    for number, lists in enumerate(([1], None)):
        row = {"event_type": "Preferences Saved", "event_time": "2026-01-05 10:00:00", "user_id": "u", "device_id": "d"}
        survey.add(message_of({**row, "$insert_id": str(number), "event_properties": {"lists": lists}}, number))

    assert describe(survey, []).startswith(TABLE)


def test_an_event_is_one_line_whatever_it_is_sent_as(tmp_path: Path) -> None:
    """With what was left out of it; `as` says purchase or cart, as the config does."""
    survey = Survey(load(tmp_path, PURCHASES))
    for number, (name, products) in enumerate((("Ordered", [PRODUCT]), ("Ordered", None), ("Filled", [PRODUCT]))):
        survey.add(event_of(event(name, properties={"products": products}, number=number)).message)

    assert describe(survey, []).splitlines()[1:3] == [
        "Ordered     2     1  purchase       1      no_value_to_send 50 %",
        "Filled      1     1  cart",
    ]


def test_many_rows_of_long_names_keep_to_80_columns(tmp_path: Path) -> None:
    """The name of a call gives way."""
    survey = Survey(load(tmp_path, CALLED))
    survey.events["Preferences Saved for Good", "update_email"] = EventCounts(8_000_000, Counter({"": 7_000_000}))

    assert max(map(len, describe(survey, []).splitlines())) <= 80


def test_names_without_end_take_no_memory_without_end(tmp_path: Path) -> None:
    """Those of the config are counted apart, whenever they come; the others together."""
    survey, diff = Survey(load(tmp_path, ALL)), Diff(load(tmp_path, ALL), load(tmp_path, ALL))
    late = Survey(load(tmp_path, CONFIG))
    for number in range(MAX_EVENTS + 100):
        message = event_of(event(f"event-{number}", number=number)).message
        for each in (survey, diff, late):
            each.add(message)
    late.add(event_of(event("Song Played")).message)

    for counted in (survey.events, diff.events):
        assert len(counted) == MAX_EVENTS + 1
    assert survey.events[OTHERS, "track"].items == 100
    assert survey.total(SENT) == MAX_EVENTS + 100
    assert late.events["Song Played", "track"].items == 1


def test_a_row_that_an_earlier_one_takes_all_of_is_never_reached(tmp_path: Path) -> None:
    """Here "*" takes them; and a clause that no event has a value for never holds."""
    rows = '["*", {event: Order, where: [{property: event_properties.total, operator: ">", value: 1}]}]'
    unreached = Survey(load(tmp_path, ALL.replace('["*"]', rows)))
    no_value = Survey(load(tmp_path, ALL.replace('["*"]', rows.replace('"*", ', ""))))
    for survey in (unreached, no_value):
        survey.add(event_of(event("Order")).message)

    assert [one.told for one in findings(unreached)] == ["is never reached: earlier rows take all these events."]
    assert [one.told for one in findings(no_value)] == ["never holds for 1 Order: none has a value."]


def test_a_type_that_changes_is_a_finding(tmp_path: Path) -> None:
    """Null is of no type."""
    survey = Survey(load(tmp_path, ALL))
    for number, total in enumerate([1, None, 2.5, "3"]):
        survey.add(event_of(event("Order", properties={"total": total}, number=number)).message)

    (found,) = findings(survey)
    assert (found.level, found.what) == ("warning", "total of Order")
    assert found.told == "changes its type: long 33 %, double 33 %, string 33 %."


PURCHASES = """\
name: Shop
status: enabled
destination: {api_key: env:KEY, project_type: user_id}
create_and_update_users: {enabled: true, user_properties: [plan]}
send_events:
  enabled: true
  events:
    - {event: Ordered, send_as: purchase, items: {property: products, each: "*"}, event_properties: [coupon, gift]}
    - {event: Filled, send_as: cart, items: {property: products, each: "*"}}
  event_properties: [shop]
"""
PRODUCT = {"id": "p", "name": "Tea", "price": 1, "quantity": 1}


def test_a_purchases_fields_are_neither_users_nor_missing(tmp_path: Path) -> None:
    """What only purchases send is found; one that changes its type is told as theirs; carts have none."""
    survey = Survey(load(tmp_path, PURCHASES))
    for number, coupon in enumerate(("x", 5)):
        properties = {"products": [PRODUCT], "coupon": coupon, "shop": "s"}
        survey.add(event_of(event("Ordered", properties=properties, number=number)).message)
    survey.add(event_of(event("Filled", properties={"products": [PRODUCT]})).message)
    survey.add(event_of({**event("$identify"), "user_properties": {"plan": "pro"}}).message)

    assert [(one.what, one.told) for one in findings(survey) if one.level == "warning"] == [
        ("gift", "never found: no event sent has gift."),
        ("coupon of purchases", "changes its type: string 50 %, long 50 %."),
    ]


NESTED = """\
name: Nested
status: enabled
destination: {api_key: env:KEY, project_type: user_id, merge_nested_objects: true}
create_and_update_users:
  enabled: true
  user_properties: [{property: City, as: address.city}, {property: Zip, as: address.zip.code}]
send_events:
  enabled: true
  events: [Ordered]
  event_properties:
    - {property: lines, each: [id, colour, {property: price, as: price.net}, {property: gross, as: price.gross}]}
    - {property: coupons, each: [code]}
"""


def test_a_field_inside_of_another_is_looked_for_by_itself(tmp_path: Path) -> None:
    """Beside one that is sent; of what lies in a field that is never sent that field alone is told."""
    survey = Survey(load(tmp_path, NESTED))
    survey.add(event_of({**event("$identify"), "user_properties": {"City": "Rome"}}).message)
    survey.add(event_of(event("Ordered", properties={"lines": [{"id": 1}, {"id": 2, "price": 5}]})).message)

    assert [(one.line, one.what, one.told) for one in findings(survey) if one.level == "warning"] == [
        (6, "address.zip.code", "never found: no user update sent has Zip."),
        (11, "lines.colour", "never found: no event sent has colour."),
        (11, "lines.price.gross", "never found: no event sent has gross."),
        (12, "coupons", "never found: no event sent has coupons."),
    ]


CALLING = """\
name: Calls
status: enabled
destination: {api_key: env:KEY, project_type: user_id}
create_and_update_users: {enabled: true, user_properties: []}
calls:
  - event: Left
    call: lists/unsubscribe
    fields: {listId: {value: 1}}
    where: [{property: event_properties.list, operator: is, value: news}]
  - {event: Left, call: lists/subscribe, fields: {listId: {value: 2}}}
  - {event: Joind, call: lists/subscribe, fields: {listId: {value: 1}}}
"""


def test_rows_of_calls_are_told_of_like_rows_of_events(tmp_path: Path) -> None:
    """A name that no event has, and clauses that never hold."""
    survey = Survey(load(tmp_path, CALLING))
    for number, name in enumerate(("Left", "Left", "Joined")):
        survey.add(event_of(event(name, properties={"list": "offers"}, number=number)).message)

    assert [(one.line, one.what, one.told) for one in findings(survey) if one.level == "warning"] == [
        (9, "event_properties.list is news", "never holds for 2 Left."),
        (11, "Joind", "is no event here. Did you mean Joined (1)?"),
    ]


LEFT_OUT = """\
name: Shop
status: enabled
destination: {api_key: env:KEY, project_type: user_id}
mappings: {campaign_id: {path: event_properties.campaign, type: integer, on_error: leave_out}}
create_and_update_users: {enabled: true, on_error: leave_out, user_properties: [plan, {property: age, type: integer}]}
send_events:
  enabled: true
  on_error: leave_out
  events:
    - Opened
    - event: Ordered
      send_as: purchase
      items: {property: products, each: [id, name, price, quantity, {property: size, type: integer}]}
      total: {path: event_properties.total, type: number, default: 5, on_error: leave_out}
calls:
  - event: Left
    call: lists/unsubscribe
    fields: {listId: {value: 1}, campaignId: {path: event_properties.campaign, type: integer, on_error: leave_out}}
"""


@pytest.mark.parametrize(
    ("name", "properties"),
    [
        ("Opened", {"campaign": "x"}),
        ("Ordered", {"products": [{**PRODUCT, "size": "XL"}, {**PRODUCT, "size": "L"}]}),
        ("Ordered", {"products": [PRODUCT], "total": "much"}),
        ("Left", {"campaign": "x"}),
        ("$identify", {"age": "old", "plan": "pro"}),
    ],
)
def test_what_is_left_out_is_counted_once_of_an_item_wherever_it_was(
    tmp_path: Path, name: str, properties: dict[str, Any]
) -> None:
    """Events, purchases, calls and user updates; each is sent."""
    survey = Survey(load(tmp_path, LEFT_OUT))
    row = event(name, properties=properties)
    survey.add(event_of({**row, "user_properties": properties} if name == "$identify" else row).message)

    assert (survey.total(SENT), survey.notes["left_out_value"]) == (1, 1)
