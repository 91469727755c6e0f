# SPDX-License-Identifier: Apache-2.0
import orjson
import pytest

from pipeline.reports.redaction import MAX_CHARACTERS, MAX_NAME_CHARACTERS, redact, redact_name, redact_text


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


def test_half_an_emoji_is_no_reason_to_show_nothing() -> None:
    """A letter whose text was cut has a shape as any other."""
    assert redact(rb'{"event_type":"Sale \ud83c","a":"\udf89"}') == '{event_type: "Sale �", a: text of 1}'


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sent to ada@example.com.", "sent to (email)"),
        ("'ada+x@example.com', <bob@b.de>; c@d", "'(email)', <(email)>; (email)"),
        ("/data/ada@example.com/rows.jsonl: gone", "/data/(email)/rows.jsonl: gone"),
        ("https://host/?user=ada%40example.com&x", "https://host/?user=(email)"),
        ("ada＠example.com", "(email)"),
        ("@foo and foo@ are no addresses, @ is none", "@foo and foo@ are no addresses, @ is none"),
        (
            "sync@my-project.iam.gserviceaccount.com may not pull.",
            "sync@my-project.iam.gserviceaccount.com may not pull.",
        ),
        (
            "red \x1b[31m, bell \x07, return \r, half \ud83d, turned \u202e",
            "red �[31m, bell �, return �, half �, turned �",
        ),
        ("two\nlines of 12,345,678 · 99.12% – ≠", "two\nlines of 12,345,678 · 99.12% – ≠"),
    ],
)
def test_text_for_the_screen(text: str, shown: str) -> None:
    """Addresses of people and what a terminal obeys are gone, all else is as it was."""
    assert shown == redact_text(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["a" * 5_000_000, "@" * 5_000_000, "a@" * 2_000_000, " " * 5_000_000])
def test_any_text_is_redacted_in_one_pass(text: str) -> None:
    """A long word is looked at once, not once for each of its characters."""
    assert len(redact_text(text)) <= len(text)


def test_a_long_name_is_cut() -> None:
    """Iterable's limit of a name is its own."""
    assert redact_name("n" * 100_000) == "n" * (MAX_NAME_CHARACTERS - 1) + "…"
