import orjson
import pytest

from pipeline.redaction import MAX_CHARACTERS, redact


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"event_type": "Order", "user_id": "u-42"}, '{event_type: "Order", user_id: text of 4}'),
        ({"event_properties": {"total": 12.5, "paid": True}}, "{event_properties: {total: number, paid: boolean}}"),
        ({"session_id": -1, "ip_address": None, "groups": {}, "plan": []}, "{session_id: integer}"),
        (
            {"user_properties": {"tags": ["a", "bc"], "none": [None]}},
            "{user_properties: {tags: [2 × text of 1], none: [1 × null]}}",
        ),
        ({"a": {"b": {"c": {"d": "secret"}}}}, "{a: {b: {c: {…}}}}"),
        ({"a": [{"event_type": "secret"}]}, "{a: [1 × {event_type: text of 6}]}"),
        ({"event_type": ["secret"]}, "{event_type: [1 × text of 6]}"),
        ({"user_properties": {"ada@example.com": 1}}, "{user_properties: {name of 15: integer}}"),
        ({"user_properties": {"ada%40example.com": 1}}, "{user_properties: {name of 17: integer}}"),
        ({"user_properties": {"+1 (415) 555-0123": 1}}, "{user_properties: {name of 17: integer}}"),
        ({"user_properties": {"step 12 of 345": 1}}, "{user_properties: {step 12 of 345: integer}}"),
        ({"event_type": "Email sent to ada@example.com"}, '{event_type: "name of 29"}'),
        ({"event_type": "\x1b[2J"}, '{event_type: "�[2J"}'),
        ([[[[["secret"]]]]], "[1 × [1 × [1 × [1 × …]]]]"),
        ([1], "[1 × integer]"),
        ("secret", "text of 6"),
        (None, "null"),
    ],
)
def test_names_and_types_are_left(value: object, expected: str) -> None:
    """Of all values only the event's name is shown, and what has no value is not there."""
    assert expected == redact(orjson.dumps(value))


def test_a_letter_that_may_not_be_parsed_can_be_looked_at() -> None:
    """By its size: its values would take too much memory."""
    data = b"[" + b"[]," * 300_000 + b"[]]"

    assert redact(data) == "900,004 bytes, too many values"


def test_a_poison_letter_can_be_looked_at() -> None:
    """However deep it is nested."""
    assert redact(b"[" * 1_020 + b"]" * 1_020) == "[1 × [1 × [1 × [1 × …]]]]"


def test_what_is_no_json_is_told_by_its_size() -> None:
    """Nothing of it is shown."""
    assert redact(b"ada@example.com" * 100) == "1,500 bytes, no JSON"


def test_what_says_most_comes_first() -> None:
    """A row of an export has 55 keys."""
    row = {f"key_{number}": number + 1 for number in range(50)} | {
        "user_properties": {"plan": "pro"},
        "event_type": "Order",
    }

    text = redact(orjson.dumps(row))

    assert text.startswith('{event_type: "Order", user_properties: {plan: text of 3}, key_0: integer, ')
    assert text.endswith(", key_9: integer, 40 more}")


def test_a_large_message_is_cut() -> None:
    """It fits a screen."""
    row = {f"{'long name ' * 9}{number}": "x" for number in range(50)}

    assert len(redact(orjson.dumps(row))) <= MAX_CHARACTERS + 2
