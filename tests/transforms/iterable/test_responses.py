# SPDX-License-Identifier: Apache-2.0
import contextlib
from dataclasses import replace
from typing import Any

import orjson
import pytest

from pipeline.sandbox.iterable.running import SimulatedIterable
from tests.sandbox.iterable.api import bulk_update
from transforms.iterable.client import NO_ANSWER, NO_KEY, IterableClient, Response
from transforms.iterable.operation import Operation, Success
from transforms.iterable.operations import BULK_UPDATE, BY_CALL, TRACK_BULK
from transforms.iterable.responses import (
    MAX_HINT_SECONDS,
    Accepted,
    Answer,
    Failed,
    Fatal,
    Foreign,
    Refused,
    Throttled,
    read_answer,
)
from transforms.model import reasons
from transforms.model.reasons import Reason

SECRET = "Invalid API key 0123456789abcdef of ada@example.com"
HTML = b"<html><body>Bad Gateway</body></html>"
TEXT = b"Action not found"
TRUNCATED = b'{"successCount":1,"failCo'


def error(code: str, params: Any = None) -> bytes:
    """IterableApiResponse, the shape of most errors; its msg holds what no log may hold."""
    return orjson.dumps({"msg": SECRET, "code": code, "params": params})


def counters(**fields: Any) -> bytes:
    return orjson.dumps({"successCount": 1, "failCount": 0, **fields})


def read(status: int, body: bytes, operation: Operation = BULK_UPDATE, sent: int = 1) -> Answer:
    return read_answer(operation, Response(status, body), sent)


def accepted(body: bytes, operation: Operation = BULK_UPDATE, sent: int = 1) -> Accepted:
    answer = read(200, body, operation, sent)
    assert isinstance(answer, Accepted)
    return answer


def refused(status: int, body: bytes, operation: Operation = BULK_UPDATE) -> Refused:
    answer = read(status, body, operation)
    assert isinstance(answer, Refused)
    return answer


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, counters(), Accepted),
        (200, counters(code="Success"), Accepted),
        (200, counters(a_field_of_tomorrow={"a": 1}), Accepted),
        (200, error("Success"), Failed),
        *((200, error(code), Failed) for code in ("success", "SUCCESS", "any", "counters", "1", "Shape.SUCCESS")),
        (200, counters(successCount=0), Failed),
        (200, counters(successCount=-1, failCount=2), Failed),
        (200, counters(successCount=True), Failed),
        (200, b'{"successCount":1}', Failed),
        (200, b'{"successCount":"1","failCount":"0"}', Failed),
        (200, b"[]", Failed),
        (200, HTML, Failed),
        (200, TEXT, Failed),
        (200, b"", Failed),
        (200, TRUNCATED, Failed),
        (202, error("Success"), Failed),
        (204, b"", Failed),
        (301, HTML, Fatal),
        (302, b"", Fatal),
        (400, error("BadJsonBody"), Refused),
        (400, error("Success"), Refused),
        (400, error("error.lists.invalidListId(3)"), Refused),
        (400, error("UniqueFieldsLimitExceeded"), Refused),
        (400, counters(), Refused),
        (400, HTML, Foreign),
        (400, TEXT, Foreign),
        (400, b"", Foreign),
        (400, b"{}", Foreign),
        (400, TRUNCATED, Foreign),
        (401, error("BadApiKey"), Fatal),
        (401, error("Success"), Fatal),
        (401, HTML, Fatal),
        (401, b"", Fatal),
        (NO_KEY, b"the secret is not there", Fatal),
        (403, error("Forbidden"), Fatal),
        (403, HTML, Fatal),
        (404, error("NotFound"), Fatal),
        (404, HTML, Fatal),
        (404, TEXT, Fatal),
        *((status, HTML, Fatal) for status in (402, 405, 406, 407, 410, 411, 414, 415, 417, 421, 426, 431, 451)),
        (408, b"", Failed),
        (409, error("ExternalKeyConflict"), Refused),
        (413, HTML, Refused),
        (413, error("BatchTooLarge"), Refused),
        (422, b"", Foreign),
        (429, error("RateLimitExceeded"), Throttled),
        (429, error("Success"), Throttled),
        (429, HTML, Throttled),
        (429, b"", Throttled),
        (500, error("GenericError"), Failed),
        (500, error("Success"), Failed),
        (500, error("RequestFieldsTypesMismatched"), Refused),
        (500, counters(), Failed),
        (500, HTML, Failed),
        (502, HTML, Failed),
        (503, TEXT, Failed),
        (503, b"", Failed),
        (504, TRUNCATED, Failed),
        (NO_ANSWER, b"ReadTimeout", Failed),
    ],
)
def test_status_first_code_second_shape_third(status: int, body: bytes, expected: type[Answer]) -> None:
    """Every line of the table: what a status means, with any body that has been seen or can come with it."""
    assert type(read(status, body)) is expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, error("NotFound"), Refused),
        (404, HTML, Foreign),
        (405, TEXT, Foreign),
        (414, HTML, Foreign),
        (401, error("BadApiKey"), Fatal),
        (407, HTML, Fatal),
        (302, b"", Fatal),
    ],
)
def test_a_path_that_holds_an_id_is_its_records_own(status: int, body: bytes, expected: type[Answer]) -> None:
    """What is wrong with such a path costs one record, and does not stop the sync."""
    assert type(read(status, body, operation=BY_CALL["users/delete"])) is expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, error("Success"), Accepted),
        (200, counters(), Failed),
        (200, error("SomethingElse"), Failed),
        (200, b"", Failed),
        (202, error("Success"), Failed),
        (400, error("Success"), Refused),
        (429, error("Success"), Throttled),
        (500, error("Success"), Failed),
    ],
)
def test_an_operation_may_succeed_with_a_code(status: int, body: bytes, expected: type[Answer]) -> None:
    """Of one that has no counters the code of a 200 is all that tells."""
    answer = read(status, body, replace(BULK_UPDATE, success=Success.CODE))

    assert type(answer) is expected


@pytest.mark.parametrize(
    ("counted", "missing"), [((100, 0), 0), ((60, 0), 40), ((60, 10), 30), ((0, 100), 0), ((200, 0), 0)]
)
def test_what_the_counters_do_not_tell_of_is_missing(counted: tuple[int, int], missing: int) -> None:
    """Success is what Iterable counts as one, not what it does not count as a failure."""
    body = counters(successCount=counted[0], failCount=counted[1])

    assert accepted(body, sent=100).missing == missing


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "BadJsonBody", reasons.BAD_JSON_BODY),
        (400, "RequestFieldsTypesMismatched", reasons.FIELD_TYPE_MISMATCH),
        (500, "RequestFieldsTypesMismatched", reasons.FIELD_TYPE_MISMATCH),
        (400, "UniqueFieldsLimitExceeded", reasons.FIELD_LIMIT_EXCEEDED),
        (400, "InvalidEmailAddressError", reasons.INVALID_EMAIL),
        (400, "InvalidUserIdError", reasons.INVALID_USER_ID),
        (400, "UnknownEmailError", reasons.UNKNOWN_USER),
        (400, "UnknownUserIdError", reasons.UNKNOWN_USER),
        (400, "EmailAlreadyExists", reasons.IDENTITY_CONFLICT),
        (400, "UserIdAlreadyExists", reasons.IDENTITY_CONFLICT),
        (409, "ExternalKeyConflict", reasons.IDENTITY_CONFLICT),
        (409, "Conflict", reasons.IDENTITY_CONFLICT),
        (400, "ForgottenUserError", reasons.FORGOTTEN_USER),
        (409, "ForgottenUserError", reasons.FORGOTTEN_USER),
        (400, "BatchTooLarge", reasons.ITEM_TOO_LARGE),
        (413, "", reasons.ITEM_TOO_LARGE),
        (400, "BadParams", reasons.REFUSED_BY_ITERABLE),
        (400, "Success", reasons.REFUSED_BY_ITERABLE),
        (400, "error.catalogs.notFound", reasons.REFUSED_BY_ITERABLE),
        (400, "", reasons.REFUSED_BY_ITERABLE),
    ],
)
def test_reason_of_a_refused_request(status: int, code: str, expected: Reason) -> None:
    """A record that is refused alone is dead-lettered under the name of Iterable's code; unknown codes share one."""
    actual = refused(status, error(code)).reason

    assert expected == actual


USER_LISTS = {
    "invalidEmails": ("Bad@", "bad@", reasons.INVALID_EMAIL),
    "invalidUserIds": ("Id ", "Id ", reasons.INVALID_USER_ID),
    "invalidDataEmails": ("Ada@Example.com", "ada@example.com", reasons.INVALID_DATA),
    "invalidDataUserIds": ("Id", "Id", reasons.INVALID_DATA),
    "conflictEmails": ("Ada@Example.com", "ada@example.com", reasons.IDENTITY_CONFLICT),
    "conflictUserIds": ("Id", "Id", reasons.IDENTITY_CONFLICT),
    "forgottenEmails": ("Ada@Example.com", "ada@example.com", reasons.FORGOTTEN_USER),
    "forgottenUserIds": ("Id", "Id", reasons.FORGOTTEN_USER),
    "notFoundEmails": ("Ada@Example.com", "ada@example.com", reasons.UNKNOWN_USER),
    "notFoundUserIds": ("Id", "Id", reasons.UNKNOWN_USER),
}
EVENT_LISTS = [name for name in USER_LISTS if not name.startswith(("invalidData", "conflict"))]


@pytest.mark.parametrize("name", USER_LISTS)
def test_failure_lists_of_bulk_update(name: str) -> None:
    """Each list gives its users one reason; emails are compared in lower case, userIds as they are."""
    listed, key, reason = USER_LISTS[name]

    answer = accepted(counters(failCount=1, failedUpdates={name: [listed]}))

    assert ({key: reason}, 1) == (answer.failed_users, answer.fail_count)


@pytest.mark.parametrize("name", EVENT_LISTS)
def test_failure_lists_of_track_bulk(name: str) -> None:
    """Beside the lists of users, trackBulk names the events it does not take."""
    listed, key, reason = USER_LISTS[name]
    body = counters(failCount=2, failedUpdates={name: [listed]}, disallowedEventNames=["Order"])

    answer = accepted(body)

    assert ({key: reason}, frozenset({"Order"})) == (answer.failed_users, answer.failed_names)


@pytest.mark.parametrize(
    ("operation", "fields", "expected"),
    [
        (BULK_UPDATE, {"invalidEmails": ["Bad@"]}, {"bad@": reasons.INVALID_EMAIL}),
        (BULK_UPDATE, {"invalidUserIds": ["Id"]}, {"Id": reasons.INVALID_USER_ID}),
        (TRACK_BULK, {"invalidEmails": ["Bad@"], "disallowedEventNames": []}, {"bad@": reasons.INVALID_EMAIL}),
        (TRACK_BULK, {"invalidUserIds": ["Id"], "disallowedEventNames": []}, {"Id": reasons.UNKNOWN_USER}),
        (TRACK_BULK, {"invalidUserIds": ["Id"]}, {"Id": reasons.UNKNOWN_USER}),
    ],
)
def test_lists_of_before_failed_updates(
    operation: Operation, fields: dict[str, Any], expected: dict[str, Reason]
) -> None:
    """Without failedUpdates the top level counts, where trackBulk's invalidUserIds are the users not found."""
    actual = accepted(counters(failCount=1, **fields), operation).failed_users

    assert expected == actual


@pytest.mark.parametrize("failed_updates", [{}, {"notFoundUserIds": ["Id"]}])
def test_failed_updates_win_over_the_deprecated_lists(failed_updates: dict[str, list[str]]) -> None:
    """Where failedUpdates is there, the top-level lists only repeat it in other words."""
    body = counters(invalidUserIds=["Id", "other"], disallowedEventNames=[], failedUpdates=failed_updates)

    actual = accepted(body).failed_users

    assert dict.fromkeys(failed_updates.get("notFoundUserIds", []), reasons.UNKNOWN_USER) == actual


@pytest.mark.parametrize("listed", [None, "bad@", [None, 3, "", {"email": "bad@"}], {}])
def test_lists_of_another_shape_name_nobody(listed: Any) -> None:
    """What is no list of names is read as an empty one: failCount still tells that something failed."""
    body = counters(failCount=1, failedUpdates={"invalidEmails": listed}, disallowedEventNames=listed)

    answer = accepted(body)

    assert ({}, frozenset(), 1) == (answer.failed_users, answer.failed_names, answer.fail_count)


def test_schema_notes_are_kept() -> None:
    """Fields that Iterable created, or left out, are silent losses unless someone tells them."""
    expected = {"createdFields": ("plan",), "filteredOutFields": ("colour", "size")}

    answer = accepted(counters(**expected))

    assert expected == {"createdFields": answer.created_fields, "filteredOutFields": answer.filtered_out_fields}


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        (BULK_UPDATE, {"obj.users[1].preferUserId": "Boolean value expected"}, (1,)),
        (TRACK_BULK, {"obj.events[12].createdAt": "Number value expected"}, (12,)),
        (TRACK_BULK, {"obj.events[0].eventName": [{"msg": ["error.expected.jsstring"], "args": []}]}, (0,)),
        (TRACK_BULK, {"obj.events[3].id": "", "obj.events[1].id": "", "obj.events[1].createdAt": ""}, (1, 3)),
        (TRACK_BULK, {"obj.events": "error.path.missing"}, ()),
        (TRACK_BULK, {"obj.items[3].id": "of another array"}, ()),
        (BULK_UPDATE, {"validationErrors": {"plan": {"incomingTypes": ["string"]}}}, ()),
        (BULK_UPDATE, {}, ()),
        (BULK_UPDATE, None, ()),
        (BULK_UPDATE, "obj.users[1]", ()),
    ],
)
def test_positions_that_a_refusal_names(operation: Operation, params: Any, expected: tuple[int, ...]) -> None:
    """BadJsonBody names elements by position, once or several times each; other refusals name none."""
    assert refused(400, error("BadJsonBody", params), operation).suspects == expected


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("params", "retry_after", "expected"),
    [
        ({"rateLimitReset": 7}, "", 7.0),
        ({"rateLimitReset": 0.25}, "", 0.25),
        ({"rateLimitReset": "7"}, "", 7.0),
        ({"rateLimitReset": 7}, "30", 7.0),
        ({"rateLimitReset": "soon"}, "30", 30.0),
        ({"rateLimitReset": 0}, "30", 30.0),
        ({"rateLimitReset": -1}, "30", 30.0),
        ({"rateLimitReset": True}, "", 0.0),
        ({"rateLimitReset": None}, "", 0.0),
        ({"rateLimitReset": 10**8}, "", MAX_HINT_SECONDS),
        ({}, "30", 30.0),
        (None, "30", 30.0),
        ({}, "Wed, 21 Oct 2026 07:28:00 GMT", 0.0),
        ({}, "30 seconds", 0.0),
        ({}, "", 0.0),
    ],
)
def test_how_long_iterable_asks_to_wait(status: int, params: Any, retry_after: str, expected: float) -> None:
    """The body's rateLimitReset, else Retry-After in seconds; a hint of another form is left to our own backoff."""
    answer = read_answer(BULK_UPDATE, Response(status, error("RateLimitExceeded", params), retry_after), 1)

    assert isinstance(answer, Failed | Throttled)
    assert expected == answer.wait_seconds


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, counters(), "HTTP 200"),
        (200, HTML, "HTTP 200 without counters"),
        (400, error("BadJsonBody"), "HTTP 400 BadJsonBody"),
        (
            400,
            error("BadJsonBody", {"obj.users[12].createdAt": "Number value expected"}),
            "HTTP 400 BadJsonBody: createdAt",
        ),
        (400, error("BadJsonBody", {"obj.users[1]": "Object value expected"}), "HTTP 400 BadJsonBody"),
        (
            400,
            error("RequestFieldsTypesMismatched", {"validationErrors": {"total": {}, "etl:::address.city": {}}}),
            "HTTP 400 RequestFieldsTypesMismatched: address.city, total",
        ),
        (
            400,
            error("BadJsonBody", {f"obj.users[{number}].dataFields.f{number}": "" for number in range(9)}),
            "HTTP 400 BadJsonBody: " + ", ".join(f"dataFields.f{number}" for number in range(5)),
        ),
        (400, error("error.users.noUserWithIdExists"), "HTTP 400 error.users.noUserWithIdExists"),
        (400, error(SECRET), "HTTP 400"),
        (400, error("a" * 61), "HTTP 400"),
        (401, error("BadApiKey"), "HTTP 401 BadApiKey"),
        (429, error("RateLimitExceeded"), "HTTP 429 RateLimitExceeded"),
        (502, HTML, "HTTP 502"),
        (503, b'{"code":7}', "HTTP 503"),
        (NO_ANSWER, b"ReadTimeout", "no answer: ReadTimeout"),
        (NO_KEY, b"the secret is not there. Add it.", "the secret is not there. Add it."),
    ],
)
def test_detail_is_status_code_and_fields_alone(status: int, body: bytes, expected: str) -> None:
    """Iterable's msg can echo the request with its key, so nothing of it gets out, and no code that is none."""
    answer = read(status, body)

    assert expected == answer.detail
    assert SECRET not in repr(answer)


ADA, BO, NOBODY, GONE = "ada@example.com", "bo@example.com", "nobody@example.com", "gone@example.com"
CHANGED, MERGED, DELETED = (BY_CALL[name] for name in ("users/updateEmail", "users/merge", "users/delete"))
# What is asked for, beside Ada and Bo who are there → why it is refused.
REFUSED_CHANGES: list[tuple[Operation, dict[str, str], dict[str, Any], Reason]] = [
    (CHANGED, {"currentEmail": NOBODY, "newEmail": "new@example.com"}, {}, reasons.UNKNOWN_USER),
    (CHANGED, {"currentUserId": "nobody", "newEmail": "new@example.com"}, {}, reasons.UNKNOWN_USER),
    (CHANGED, {"currentEmail": ADA, "newEmail": BO}, {}, reasons.IDENTITY_CONFLICT),
    (CHANGED, {"currentEmail": ADA, "newEmail": BO}, {"taken_email_status": 409}, reasons.IDENTITY_CONFLICT),
    (CHANGED, {"currentUserId": "a", "newEmail": ADA}, {}, reasons.IDENTITY_CONFLICT),
    (
        CHANGED,
        {"currentUserId": "a", "newEmail": ADA},
        {"update_to_same_email": "refused"},
        reasons.IDENTITY_CHANGE_REFUSED,
    ),
    (CHANGED, {"currentEmail": ADA, "newEmail": "bad@"}, {}, reasons.INVALID_EMAIL),
    (CHANGED, {"currentEmail": "bad@", "newEmail": "new@example.com"}, {}, reasons.INVALID_EMAIL),
    (CHANGED, {"currentUserId": "a ", "newEmail": "new@example.com"}, {}, reasons.INVALID_USER_ID),
    (CHANGED, {"currentEmail": ADA, "newEmail": GONE}, {}, reasons.FORGOTTEN_USER),
    (CHANGED, {"currentEmail": ADA, "newEmail": BO}, {"project_type": "hybrid"}, reasons.IDENTITY_CHANGE_REFUSED),
    (MERGED, {"sourceEmail": NOBODY, "destinationEmail": BO}, {}, reasons.UNKNOWN_USER),
    (MERGED, {"sourceUserId": "nobody", "destinationEmail": BO}, {}, reasons.UNKNOWN_USER),
    (MERGED, {"sourceEmail": ADA, "destinationEmail": GONE}, {}, reasons.FORGOTTEN_USER),
    (MERGED, {"sourceEmail": "bad@", "destinationEmail": BO}, {}, reasons.INVALID_EMAIL),
    (MERGED, {"sourceUserId": "a", "destinationEmail": ADA}, {}, reasons.IDENTITY_CHANGE_REFUSED),
    (DELETED, {"email": NOBODY}, {}, reasons.UNKNOWN_USER),
    (DELETED, {"userId": "nobody"}, {}, reasons.UNKNOWN_USER),
    (DELETED, {"email": ADA}, {"project_type": "user_id"}, reasons.IDENTITY_CHANGE_REFUSED),
]


@pytest.mark.parametrize("codes", ["own", "bad_params"])
@pytest.mark.parametrize(("operation", "asked", "switches", "expected"), REFUSED_CHANGES)
def test_a_refused_change_of_identity_is_told_by_its_code_or_by_its_words(
    iterable: SimulatedIterable,
    operation: Operation,
    asked: dict[str, str],
    switches: dict[str, Any],
    expected: Reason,
    codes: str,
) -> None:
    """Iterable says with codes of their own, or with BadParams and words alone, what cannot be: it is one reason."""
    iterable.configure(**{"project_type": "email", "forgotten_emails": [GONE], "identity_codes": codes} | switches)
    bulk_update(iterable, {"email": ADA, "userId": "a"}, {"email": BO, "userId": "b"})
    client = IterableClient(iterable.url, lambda: iterable.api_key)
    with contextlib.closing(client):
        response = client.post(*operation.target([orjson.dumps(asked)]))
    answer = read_answer(operation, response, 1)

    assert isinstance(answer, Refused)
    assert answer.reason == expected
    assert not any(value in repr(answer) for value in asked.values() if len(value) > 2)
    assert len(iterable.dump(settle=True)["users"]) == 2


@pytest.mark.parametrize("operation", [CHANGED, MERGED, DELETED], ids=lambda operation: operation.setting)
@pytest.mark.parametrize("text", [None, 7, "", "Something else", "Could not do it for nonexistent.user@example.com"])
def test_words_that_nobody_has_recorded_are_a_reason_of_their_own(operation: Operation, text: Any) -> None:
    """No change of identity is taken for done, or waits for its user, for what no words say; nor does another call."""
    body = orjson.dumps({"msg": text, "code": "BadParams", "params": None})

    assert refused(400, body, operation).reason == reasons.IDENTITY_CHANGE_REFUSED
    unknown = orjson.dumps({"msg": "User does not exist", "code": "BadParams", "params": None})
    assert refused(400, unknown, BY_CALL["lists/subscribe"]).reason == reasons.REFUSED_BY_ITERABLE
