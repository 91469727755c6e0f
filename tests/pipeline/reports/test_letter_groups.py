# SPDX-License-Identifier: Apache-2.0
import orjson
import pytest

from pipeline.reports.letter_groups import LetterGroups, field_of
from transforms.dead_letters.letter import dead_letter
from transforms.iterable.operation import FieldType
from transforms.mapping.call_fields import TOLD, take_field
from transforms.model.errors import RejectedError
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, Outcome
from transforms.model.reasons import INVALID_CALL_FIELD

TIME = 1_767_607_200.0  # 2026-01-05 10:00:00 UTC


def letter_of(
    name: str, reason: str, detail: str = "", part: str = "track", time: float = TIME, sync: str = "Demo"
) -> Message:
    data = orjson.dumps({"event_type": name, "event_properties": {"total": "n/a"}})
    message = Message(data, {}, "dead.jsonl:1", TIME)
    letter = dead_letter(Outcome(DEAD_LETTERED, part, reason, message, detail), f"{sync}#0", time)
    return Message(*letter)


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("HTTP 400 RequestFieldsTypesMismatched: total", "total"),
        ("HTTP 400 BadJsonBody: createdAt, id", "createdAt, id"),
        ("HTTP 400 BadJsonBody", ""),
        ("HTTP 200", ""),
        ("event_properties.Drop Id as integer", "event_properties.Drop Id"),
        ("user_properties.email is no email address that Iterable takes", "user_properties.email"),
        ("event_properties.campaign must be an integer", "event_properties.campaign"),
        ("items[12].price is not a number", "items[].price"),
        ("items[0] has no price", "items[].price"),
        ("items[3].dataFields is no object", "items[].dataFields"),
        ("newEmail: event_properties.new is not an email address", "newEmail: event_properties.new"),
        ("user_id cannot stand in the path of users/delete", "user_id"),
        ("event_time", "event_time"),
        ("unexpected character (character 12)", ""),
        ("1,234 bytes; a request holds 1,000", ""),
        ("more than 10,000,000 bytes of 30,000 items", ""),
        ("too many events wait", ""),
        ("no answer: ReadTimeout", ""),
        ("", ""),
    ],
)
def test_the_field_of_a_detail(detail: str, expected: str) -> None:
    """Where a rule or Iterable names one."""
    assert expected == field_of(detail)


@pytest.mark.parametrize("type_name", TOLD)
@pytest.mark.parametrize(
    ("place", "field"),
    [(("newEmail", "event_properties.new"), "newEmail: event_properties.new"), (("total",), "total")],
)
def test_the_field_of_a_value_that_a_call_cannot_take(type_name: FieldType, place: tuple[str, ...], field: str) -> None:
    """In the words of whatever type the field has."""
    with pytest.raises(RejectedError) as raised:
        take_field([None, {}], type_name, INVALID_CALL_FIELD, *place)

    assert field_of(raised.value.detail) == field


def test_letters_are_grouped_by_what_they_have_in_common() -> None:
    """The most frequent reason first, with its remedy; of each group the number, the time and a sample."""
    groups = LetterGroups()
    for number in range(3):
        letter = letter_of("Order", "field_type_mismatch", "HTTP 400 X: total", time=TIME + 60 * number)
        groups.add(letter._replace(original_id=f"rows.jsonl:{number}"))
    groups.add(letter_of("Song", "field_type_mismatch", "HTTP 400 X: rating", time=TIME + 86_400))
    groups.add(letter_of("Order", "expired", "HTTP 503"))
    groups.add(Message(b"{}", {"source": "x"}, "dead.jsonl:9", TIME))

    assert (
        groups.describe()
        == """\
5 dead letters
1 messages that are none

field_type_mismatch                                        4
  The field exists in Iterable with another type: its first value decided it.
  → Give the property that `type` in the config, or another name with `as`; then replay them.
  track · Order · total                                    3
      2026-01-05 10:00 – 10:02 UTC
      dead.jsonl:1: {event_type: "Order", event_properties: {total: text of 3}}
  track · Song · rating                                    1
      2026-01-06 10:00 UTC
      dead.jsonl:1: {event_type: "Song", event_properties: {total: text of 3}}

expired                                                    1
  It failed for delivery.retry.give_up_after, or 20 times and at last alone, while others succeeded.
  → Look whether Iterable is well again, then replay them.
  track · Order                                            1
      2026-01-05 10:00 UTC
      dead.jsonl:1: {event_type: "Order", event_properties: {total: text of 3}}"""
    )


def test_several_syncs_are_told_apart() -> None:
    """One topic may serve two of them."""
    groups = LetterGroups()
    for sync in ("Demo", "Other"):
        groups.add(letter_of("Order", "expired", sync=sync, time=TIME))

    shown = groups.describe()

    assert "  Demo · track · Order  " in shown
    assert "  Other · track · Order  " in shown


def test_names_that_are_somebodys_are_not_shown() -> None:
    """An event's type and a field may hold an address, too."""
    groups = LetterGroups()
    groups.add(letter_of("Email to ada@example.com", "bad_json_body", "HTTP 400 X: ada@example.com"))

    assert "  track · name of 24 · name of 15  " in groups.describe()
    assert "@" not in groups.describe()


def test_a_reason_of_another_version_is_shown_too() -> None:
    """Without a remedy, but with where to look."""
    groups = LetterGroups()
    groups.add(letter_of("Order", "reason_of_tomorrow"))

    assert "reason_of_tomorrow" in groups.describe()
    assert "docs/dead_letters.md" in groups.describe()
