# SPDX-License-Identifier: Apache-2.0
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import source_at
from transforms.amplitude.parse import parse_event
from transforms.mapping.identity import Identity, IdentityRules, is_email, is_user_id
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.items import Message
from transforms.model.user_keys import EMAIL, USER_ID, email_key

PROJECT_TYPES = ["email", "user_id", "hybrid"]
ADA = "ada@example.com"

NEITHER: dict[str, Any] = {"user_properties": {}}
HAS_EMAIL: dict[str, Any] = {"user_properties": {"email": ADA}}
HAS_USER_ID: dict[str, Any] = {"user_id": "user-42"}
BOTH = HAS_EMAIL | HAS_USER_ID
BAD_EMAIL: dict[str, Any] = {"user_properties": {"email": "ada@"}}
BAD_USER_ID: dict[str, Any] = {"user_id": "user-42 "}


def rules(project_type: str, prefer_user_id: bool = False) -> IdentityRules:
    return IdentityRules(project_type, source_at("user_properties.email"), source_at("user_id"), prefer_user_id)


def track_of(rules: IdentityRules, row: Mapping[str, Any]) -> Identity | str:
    """The identity, or the reason why there is none."""
    try:
        return rules.of_track(row)
    except (DroppedError, RejectedError) as error:
        return f"{type(error).__name__} {error.reason}"


def update_of(rules: IdentityRules, row: Mapping[str, Any]) -> Identity | str:
    try:
        return rules.of_update(row)
    except (DroppedError, RejectedError) as error:
        return f"{type(error).__name__} {error.reason}"


NO_IDENTITY = "DroppedError no_identity"
INVALID_EMAIL = "RejectedError invalid_email"
INVALID_USER_ID = "RejectedError invalid_user_id"
BY_EMAIL = Identity(EMAIL, ADA, "")
BY_USER_ID = Identity(USER_ID, "", "user-42")


@pytest.mark.parametrize(
    ("row", "in_email", "in_user_id", "in_hybrid", "in_email_preferring_user_id"),
    [
        (HAS_EMAIL, BY_EMAIL, NO_IDENTITY, BY_EMAIL, BY_EMAIL),
        (HAS_USER_ID, NO_IDENTITY, BY_USER_ID, BY_USER_ID, BY_USER_ID),
        (BOTH, BY_EMAIL, BY_USER_ID, BY_USER_ID, BY_EMAIL),
        (NEITHER, NO_IDENTITY, NO_IDENTITY, NO_IDENTITY, NO_IDENTITY),
        ({}, NO_IDENTITY, NO_IDENTITY, NO_IDENTITY, NO_IDENTITY),
        ({"user_id": None, "user_properties": {"email": None}}, NO_IDENTITY, NO_IDENTITY, NO_IDENTITY, NO_IDENTITY),
        (BAD_EMAIL, INVALID_EMAIL, NO_IDENTITY, INVALID_EMAIL, INVALID_EMAIL),
        (BAD_USER_ID, NO_IDENTITY, INVALID_USER_ID, INVALID_USER_ID, INVALID_USER_ID),
        (BAD_EMAIL | HAS_USER_ID, INVALID_EMAIL, BY_USER_ID, BY_USER_ID, INVALID_EMAIL),
        (HAS_EMAIL | BAD_USER_ID, BY_EMAIL, INVALID_USER_ID, INVALID_USER_ID, BY_EMAIL),
        (BAD_EMAIL | BAD_USER_ID, INVALID_EMAIL, INVALID_USER_ID, INVALID_USER_ID, INVALID_EMAIL),
    ],
)
def test_of_track(
    row: dict[str, Any],
    in_email: Identity | str,
    in_user_id: Identity | str,
    in_hybrid: Identity | str,
    in_email_preferring_user_id: Identity | str,
) -> None:
    """A track event carries the one id that the project goes by; an id that is not looked at cannot be wrong."""
    expected = [in_email, in_user_id, in_hybrid, in_email_preferring_user_id]

    actual = [*(track_of(rules(one), row) for one in PROJECT_TYPES), track_of(rules("email", True), row)]

    assert expected == actual


WITH_BOTH = {"email": ADA, "user_id": "user-42"}


@pytest.mark.parametrize(
    ("row", "in_email", "in_user_id", "in_hybrid", "in_email_preferring_user_id"),
    [
        (HAS_EMAIL, BY_EMAIL, NO_IDENTITY, BY_EMAIL, BY_EMAIL),
        (HAS_USER_ID, NO_IDENTITY, BY_USER_ID, BY_USER_ID, BY_USER_ID),
        (
            BOTH,
            Identity(EMAIL, **WITH_BOTH),
            Identity(USER_ID, **WITH_BOTH),
            Identity(USER_ID, **WITH_BOTH),
            Identity(EMAIL, **WITH_BOTH),
        ),
        (NEITHER, NO_IDENTITY, NO_IDENTITY, NO_IDENTITY, NO_IDENTITY),
        (BAD_EMAIL, INVALID_EMAIL, NO_IDENTITY, INVALID_EMAIL, INVALID_EMAIL),
        (BAD_USER_ID, NO_IDENTITY, INVALID_USER_ID, INVALID_USER_ID, INVALID_USER_ID),
        (BAD_EMAIL | HAS_USER_ID, INVALID_EMAIL, INVALID_EMAIL, INVALID_EMAIL, INVALID_EMAIL),
        (HAS_EMAIL | BAD_USER_ID, INVALID_USER_ID, INVALID_USER_ID, INVALID_USER_ID, INVALID_USER_ID),
    ],
)
def test_of_update(
    row: dict[str, Any],
    in_email: Identity | str,
    in_user_id: Identity | str,
    in_hybrid: Identity | str,
    in_email_preferring_user_id: Identity | str,
) -> None:
    """A user update names both ids where both are known, so either of them can make it malformed."""
    expected = [in_email, in_user_id, in_hybrid, in_email_preferring_user_id]

    actual = [*(update_of(rules(one), row) for one in PROJECT_TYPES), update_of(rules("email", True), row)]

    assert expected == actual


@pytest.mark.parametrize("nothing", ["", " ", "\t\n", "\u00a0", None])
def test_a_blank_id_is_none(nothing: str | None) -> None:
    """Missing, null and blank are one: the other id identifies, and with neither there is no identity."""
    blank_email = {"user_properties": {"email": nothing}, "user_id": "user-42"}
    blank_user_id = {"user_properties": {"email": ADA}, "user_id": nothing}
    expected = [BY_USER_ID, NO_IDENTITY, BY_EMAIL, NO_IDENTITY, BY_USER_ID, BY_EMAIL]

    actual = [
        update_of(rules("user_id"), blank_email),
        track_of(rules("email"), blank_email),
        update_of(rules("email"), blank_user_id),
        track_of(rules("user_id"), blank_user_id),
        update_of(rules("hybrid"), blank_email),
        update_of(rules("hybrid"), blank_user_id),
    ]

    assert expected == actual


@pytest.mark.parametrize(
    ("user_id", "expected"),
    [
        (42, "42"),
        (0, "0"),
        (-7, "-7"),
        (2**53 + 1, "9007199254740993"),
        (2**64 - 1, "18446744073709551615"),
        ("0042", "0042"),
    ],
)
def test_a_whole_number_is_a_user_id(user_id: int | str, expected: str) -> None:
    """Amplitude's user_id may be a number: it is sent as the same digits, none of them lost."""
    assert Identity(USER_ID, "", expected) == rules("user_id").of_track({"user_id": user_id})


@pytest.mark.parametrize("user_id", [2.0**53, 1e16, -(2.0**53), 1e300, 42.0, 1.5, True, False, [], ["user-42"], {}])
def test_no_other_type_is_a_user_id(user_id: Any) -> None:
    """A float may have been rounded, which could make two users one; anything else is no id at all."""
    mapped = IdentityRules("user_id", None, source_at("event_properties.id"))
    expected = INVALID_USER_ID

    assert expected == track_of(mapped, {"event_properties": {"id": user_id}})


@pytest.mark.parametrize("email", [5, 1.5, True, [], [ADA], {}, {"email": ADA}])
def test_only_text_is_an_email(email: Any) -> None:
    """An email of another type is malformed, not missing."""
    expected = INVALID_EMAIL

    assert expected == track_of(rules("email"), {"user_properties": {"email": email}})


@pytest.mark.parametrize("value", ["secret", "a" * 60 + "@b"])
def test_a_rejection_says_where_and_not_what(value: str) -> None:
    """The detail of a malformed id names its path and never holds the id."""
    mapped = IdentityRules("hybrid", source_at("user_properties.Mail"), source_at("event_properties.Ref"))
    expected = [
        "user_properties.Mail is no email address that Iterable takes",
        "event_properties.Ref must be 1 to 52 printable ASCII characters with no blank at the end",
    ]

    details = []
    for row in ({"user_properties": {"Mail": value}}, {"event_properties": {"Ref": value + " "}}):
        with pytest.raises(RejectedError) as caught:
            mapped.of_track(row)
        details.append(caught.value.detail)

    assert expected == details


def test_an_id_comes_from_where_it_is_mapped() -> None:
    """Either id may come from any path; one that is not mapped is not known."""
    row = {"user_id": "user-42", "event_properties": {"contact": {"email": ADA}}, "user_properties": {"Ref": "r-1"}}
    both = IdentityRules("hybrid", source_at("event_properties.contact.email"), source_at("user_properties.Ref"))
    neither = IdentityRules("hybrid", None, None)
    expected = [Identity(USER_ID, ADA, "r-1"), NO_IDENTITY]

    assert expected == [update_of(both, row), update_of(neither, row)]


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (Identity(EMAIL, "Ada@Example.COM", "user-42"), "email:ada@example.com"),
        (Identity(EMAIL, ADA, ""), "email:ada@example.com"),
        (Identity(USER_ID, ADA, "User-42"), "userId:User-42"),
    ],
)
def test_the_key_is_equal_for_one_user(identity: Identity, expected: str) -> None:
    """Iterable stores emails in lower case and tells userIds apart by case, and so does the key."""
    assert expected == identity.key


def test_an_email_is_sent_as_it_is_spelled() -> None:
    """Only the key is in lower case: what Iterable's failure lists echo may be our spelling."""
    spelled = "Ada@Example.COM"
    row = {"user_properties": {"email": spelled}}

    assert (spelled, email_key(spelled)) == (rules("email").of_track(row).email, rules("email").of_track(row).key)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("ada@example.com", "ada"),
        ("a@b.co", "a@b"),
        ("ADA@EXAMPLE.COM", "ada@"),
        ("ada.lovelace@example.com", "ada..lovelace@example.com"),
        ("ada+news@example.com", "@example.com"),
        ("o'hara@example.com", "ada lovelace@example.com"),
        ("ada_l@mail.example.co.uk", "ada@example..com"),
        ("a-b@ex-ample.com", "ada@-example.com"),
        ("1@example.com", "ada@example-.com"),
        ("ada@xn--bcher-kva.com", "ada@example.c"),
        ("ada@bücher.com", "ada@exam_ple.com"),
        ("ädä@example.com", "ada@example.123"),
        ("ada@[127.0.0.1]", "ada@127.0.0.1"),
        ('"ada lovelace"@example.com', '"ada"lovelace"@example.com'),
        ("a" * 64 + "@example.com", "a" * 65 + "@example.com"),
        ("ada@" + "b" * 63 + ".com", "ada@" + "b" * 64 + ".com"),
        ("{ada}@example.com", "<ada@example.com>"),
        ("!#$%&*@example.com", "ada@example.com, bo@example.com"),
        ("ada/lovelace=x@example.com", " ada@example.com"),
        ("ada@example.museum", "ada@example.com "),
        ("ada~@example.com", "ada@example.com\n"),
        ("ada?@example.com", "ada@@example.com"),
        ("ada^@example.com", "ada@example.com."),
        ("ada|@example.com", ".ada@example.com"),
        ("`ada@example.com", "ada.@example.com"),
        ("a@b-c.de", ""),
        ("x@y.info", "ada\x00@example.com"),
    ],
)
def test_the_form_of_an_email(good: str, bad: str) -> None:
    """What Apache Commons' EmailValidator takes is taken, what it refuses is refused, before Iterable does."""
    expected = (True, False)

    assert expected == (is_email(good), is_email(bad))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("u", ""),
        ("a" * 52, "a" * 53),
        ("user 42", "user 42 "),
        (" user", " "),
        ("user~!@#", "usér"),
        ("User-42", "user\t42"),
        ("{u}", "user\n"),
        ("0", "user\x7f"),
        ("null", "user\x00"),
        ("ada@example.com", "用户"),
    ],
)
def test_the_form_of_a_user_id(good: str, bad: str) -> None:
    """1 to 52 printable ASCII characters, the last one no blank: what Iterable's Swagger does not list as malformed."""
    expected = (True, False)

    assert expected == (is_user_id(good), is_user_id(bad))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60) | st.emails(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.fixed_dictionaries(
    {"event_type": st.just("a"), "time": st.just(0)},
    optional={
        "user_id": VALUES,
        "device_id": VALUES,
        "user_properties": st.dictionaries(st.sampled_from(["email", "id", "a"]), VALUES),
        "event_properties": st.dictionaries(st.sampled_from(["email", "id", "a"]), VALUES),
    },
)
PATHS = st.none() | st.sampled_from(
    [source_at(text) for text in ("user_id", "device_id", "user_properties.email", "event_properties.id.a", "time")]
)
RULES = st.builds(IdentityRules, st.sampled_from(PROJECT_TYPES), PATHS, PATHS)


@given(ROWS, RULES)
@settings(deadline=None)
def test_any_row_has_an_identity_or_leaves_early(row: dict[str, Any], rules: IdentityRules) -> None:
    """Of any event that parses the ids are well-formed, or it is dropped or rejected; nothing else is raised."""
    try:
        parsed = parse_event(Message(json.dumps(row).encode(), {}, "1", 0.0)).row
    except RejectedError:
        return
    track, update = track_of(rules, parsed), update_of(rules, parsed)

    assert isinstance(track, str) or is_email(track.email) != is_user_id(track.user_id)
    assert isinstance(track, str) or {track.email, track.user_id} == {"", track.email or track.user_id}
    assert isinstance(update, str) or not update.email or is_email(update.email)
    assert isinstance(update, str) or not update.user_id or is_user_id(update.user_id)
    assert isinstance(update, str) or (isinstance(track, Identity) and track.key == update.key)
