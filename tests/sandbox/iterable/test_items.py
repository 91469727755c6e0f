from collections.abc import Iterator
from typing import Any

import pytest
import requests

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY, AsyncDelay, Settings

UPDATE, BULK_UPDATE = "/api/users/update", "/api/users/bulkUpdate"
TRACK, TRACK_BULK = "/api/events/track", "/api/events/trackBulk"


class Clock:
    """Time as the test tells it."""

    now = 1_760_000_000.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedIterable]:
    with SimulatedIterable(Settings(rate=None, async_delay=AsyncDelay(0, 0)), clock=CLOCK) as iterable:
        yield iterable


@pytest.fixture
def iterable(server: SimulatedIterable) -> SimulatedIterable:
    server.reset()
    return server


def post(iterable: SimulatedIterable, path: str, body: object) -> requests.Response:
    return requests.post(iterable.url + path, json=body, headers={"Api-Key": DEFAULT_API_KEY}, timeout=5)


def bulk_update(iterable: SimulatedIterable, *users: dict[str, Any], **more: Any) -> Any:
    return post(iterable, BULK_UPDATE, {"users": users, **more}).json()


def track_bulk(iterable: SimulatedIterable, *events: dict[str, Any]) -> Any:
    return post(iterable, TRACK_BULK, {"events": events}).json()


def lists(answer: dict[str, Any]) -> dict[str, list[str]]:
    """The failure lists that are not empty."""
    return {name: values for name, values in answer["failedUpdates"].items() if values}


def counts(answer: dict[str, Any]) -> tuple[int, int]:
    return answer["successCount"], answer["failCount"]


def users_of(iterable: SimulatedIterable) -> list[tuple[Any, Any, Any]]:
    return [(user["email"], user["userId"], user["dataFields"]) for user in iterable.dump()["users"]]


# The shape of an answer


def test_a_bulk_update_answers_with_every_list(iterable: SimulatedIterable) -> None:
    """All lists of today's answer are there, empty."""
    answer = bulk_update(iterable, {"email": "a@example.com"}, {"userId": "1"})

    expected = {
        "successCount": 2,
        "failCount": 0,
        "invalidEmails": [],
        "invalidUserIds": [],
        "filteredOutFields": [],
        "createdFields": [],
        "noOpEmails": [],
        "noOpUserIds": [],
        "failedUpdates": {
            "invalidEmails": [],
            "invalidUserIds": [],
            "notFoundEmails": [],
            "notFoundUserIds": [],
            "invalidDataEmails": [],
            "invalidDataUserIds": [],
            "conflictEmails": [],
            "conflictUserIds": [],
            "forgottenEmails": [],
            "forgottenUserIds": [],
        },
    }
    assert expected == answer


def test_a_track_bulk_answers_with_every_list(iterable: SimulatedIterable) -> None:
    """Events have fewer lists than users, and one of names."""
    answer = track_bulk(iterable)

    expected = {
        "successCount": 0,
        "failCount": 0,
        "invalidEmails": [],
        "invalidUserIds": [],
        "disallowedEventNames": [],
        "filteredOutFields": [],
        "createdFields": [],
        "failedUpdates": {
            "invalidEmails": [],
            "invalidUserIds": [],
            "notFoundEmails": [],
            "notFoundUserIds": [],
            "forgottenEmails": [],
            "forgottenUserIds": [],
        },
    }
    assert expected == answer


def test_an_answer_as_in_2022(iterable: SimulatedIterable) -> None:
    """Then there was no failedUpdates: the lists at the top are all there is."""
    iterable.configure(failed_updates=False)
    events = [{"email": "bad@", "eventName": "x"}, {"email": "a@example.com", "eventName": "x"}]

    answer = track_bulk(iterable, *events)

    expected = {
        "successCount": 1,
        "failCount": 1,
        "invalidEmails": ["bad@"],
        "invalidUserIds": [],
        "disallowedEventNames": [],
    }
    assert expected == answer


def test_an_answer_may_hold_more(iterable: SimulatedIterable) -> None:
    """Iterable adds fields without notice."""
    iterable.configure(extra_response_fields={"traceId": {"a": 1}})

    answers = [bulk_update(iterable), track_bulk(iterable)]

    assert [answer["traceId"] for answer in answers] == [{"a": 1}] * 2


def test_no_users_at_all(iterable: SimulatedIterable) -> None:
    """Is zero updates, or as in 2017 an error."""
    today = post(iterable, BULK_UPDATE, {"users": []})
    iterable.configure(empty_users="legacy_400")
    then = post(iterable, BULK_UPDATE, {"users": []})

    expected = {"msg": "Emails invalid: ", "code": "InvalidEmailAddressError", "params": None}
    assert (today.status_code, then.status_code) == (200, 400)
    assert counts(today.json()) == (0, 0)
    assert expected == then.json()


# Identity


@pytest.mark.parametrize("path", [BULK_UPDATE, TRACK_BULK])
@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({"email": "bad@"}, {"invalidEmails": ["bad@"]}),
        ({"email": ""}, {"invalidEmails": [""]}),
        ({"email": "bad@", "userId": "1"}, {"invalidEmails": ["bad@"]}),
        ({"userId": ""}, {"invalidUserIds": [""]}),
        ({"userId": "x" * 53}, {"invalidUserIds": ["x" * 53]}),
        ({"userId": "1 ", "email": "a@example.com"}, {"invalidUserIds": ["1 "]}),
        ({"email": "Gone@example.com"}, {"forgottenEmails": ["Gone@example.com"]}),
        ({"userId": "gone"}, {"forgottenUserIds": ["gone"]}),
        ({"userId": "gone", "email": "a@example.com"}, {"forgottenUserIds": ["gone"]}),
    ],
)
def test_a_bad_identity_fails_its_item(
    iterable: SimulatedIterable, path: str, ids: dict[str, str], expected: dict[str, list[str]]
) -> None:
    """It is listed by the id at fault; the items beside it are taken."""
    iterable.configure(forgotten_emails=["gone@EXAMPLE.com"], forgotten_user_ids=["gone"])
    good = {"email": "good@example.com", "eventName": "x"}
    name = "users" if path == BULK_UPDATE else "events"

    answer = post(iterable, path, {name: [good, good | {"email": None} | ids, good]}).json()

    deprecated = {name: answer[name] for name in ("invalidEmails", "invalidUserIds") if answer[name]}
    assert counts(answer) == (2, 1)
    assert expected == lists(answer)
    assert {name: ids for name, ids in expected.items() if name.startswith("invalid")} == deprecated


@pytest.mark.parametrize("path", [UPDATE, TRACK])
@pytest.mark.parametrize(
    ("ids", "status", "code", "msg"),
    [
        ({"email": "sayan"}, 400, "InvalidEmailAddressError", "Invalid email: sayan"),
        ({"email": ""}, 400, "InvalidEmailAddressError", "Invalid email: "),
        ({"userId": "1 "}, 400, "InvalidUserIdError", "Invalid userId: 1 "),
        ({"email": "gone@example.com"}, 409, "ForgottenUserError", "Contact is GDPR forgotten: gone@example.com"),
        ({"userId": "gone"}, 409, "ForgottenUserError", "Contact is GDPR forgotten: gone"),
        ({}, 400, "BadParams", "Either email or userId must be specified in a track call"),
    ],
)
def test_a_bad_identity_of_a_single_item(
    iterable: SimulatedIterable, path: str, ids: dict[str, str], status: int, code: str, msg: str
) -> None:
    """What bulk lists is an error here."""
    iterable.configure(forgotten_emails=["gone@example.com"], forgotten_user_ids=["gone"])

    response = post(iterable, path, {"eventName": "x", **ids})

    assert (status, {"msg": msg, "code": code, "params": None}) == (response.status_code, response.json())


def test_a_forgotten_single_user_may_be_a_400(iterable: SimulatedIterable) -> None:
    """Both statuses are documented."""
    iterable.configure(forgotten_user_ids=["gone"], forgotten_status=400)

    assert post(iterable, UPDATE, {"userId": "gone"}).status_code == 400


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"email": "bad@"}, {"invalidEmails": ["bad@"]}),
        ({"email": 5}, {"invalidEmails": ["5"]}),
        ({"userId": "x "}, {"invalidUserIds": ["x "]}),
        ({"email": "gone@example.com"}, {"forgottenEmails": ["gone@example.com"]}),
        ({"email": "taken@example.com"}, {"conflictEmails": ["taken@example.com"]}),
        ({"userId": "taken"}, {"conflictUserIds": ["taken"]}),
        ({"email": "new@example.com"}, {}),
        ({"email": None, "userId": None}, {}),
    ],
)
def test_ids_in_data_fields_are_an_identity_change(
    iterable: SimulatedIterable, fields: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    """They are looked at as those at the top are, and are no field of the profile."""
    iterable.configure(forgotten_emails=["gone@example.com"])
    bulk_update(iterable, {"userId": "taken", "email": "taken@example.com"})

    answer = bulk_update(iterable, {"userId": "1", "dataFields": fields | {"plan": "pro"}})

    assert expected == lists(answer)
    if not expected:
        assert users_of(iterable)[1][2] == {"plan": "pro"}


def test_a_conflict_of_a_single_update(iterable: SimulatedIterable) -> None:
    """Is a 409."""
    bulk_update(iterable, {"userId": "1", "email": "a@example.com"}, {"userId": "2"})

    response = post(iterable, UPDATE, {"userId": "2", "email": "a@example.com"})

    assert (response.status_code, response.json()["code"]) == (409, "ExternalKeyConflict")


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({}, {"invalidEmails": ["Bad@", "Bad@"]}),
        ({"echo_email_case": "lower"}, {"invalidEmails": ["bad@", "bad@"]}),
        ({"dedupe_failure_lists": True}, {"invalidEmails": ["Bad@"]}),
    ],
)
def test_how_a_failure_is_listed(
    iterable: SimulatedIterable, switches: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    """As sent and as often as it failed, unless switched."""
    iterable.configure(**switches)

    answer = bulk_update(iterable, {"email": "Bad@"}, {"email": "Bad@"})

    assert expected == lists(answer)
    assert expected["invalidEmails"] == answer["invalidEmails"]


@pytest.mark.parametrize("path", [BULK_UPDATE, TRACK_BULK])
@pytest.mark.parametrize(
    ("switch", "expected", "code"),
    [("invalid", {"invalidEmails": ["a@example.com"]}, "InvalidEmailAddressError"), ("no_identity", {}, "BadParams")],
)
def test_an_email_alone_in_a_user_id_project(
    iterable: SimulatedIterable, path: str, switch: str, expected: dict[str, list[str]], code: str
) -> None:
    """Identifies nobody: listed as invalid, or switched only counted."""
    iterable.configure(project_type="user_id", email_only_in_user_id_project=switch)
    item = {"email": "a@example.com", "eventName": "x"}

    answer = post(iterable, path, {"users": [item], "events": [item]}).json()

    assert counts(answer) == (0, 1)
    assert expected == lists(answer)
    assert code == post(iterable, UPDATE, item).json()["code"]


# Users


def test_an_update_creates_then_merges(iterable: SimulatedIterable) -> None:
    """Omitted fields stay, null clears, emails are kept in lower case."""
    first = bulk_update(iterable, {"email": "Ada@example.com", "dataFields": {"plan": "free", "age": 1, "x": None}})
    bulk_update(iterable, {"email": "ada@EXAMPLE.com", "dataFields": {"plan": "pro", "age": None}})

    assert first["createdFields"] == ["plan", "age"]
    assert users_of(iterable) == [("ada@example.com", None, {"plan": "pro"})]


@pytest.mark.parametrize(("merge", "expected"), [(True, {"a": {"x": 1, "y": 2}}), (False, {"a": {"y": 2}})])
@pytest.mark.parametrize("path", [UPDATE, BULK_UPDATE])
def test_merge_nested_objects(iterable: SimulatedIterable, path: str, merge: bool, expected: Any) -> None:
    """Each user says whether objects are joined or replaced."""
    for value in ({"x": 1}, {"y": 2}):
        user = {"userId": "1", "dataFields": {"a": value}, "mergeNestedObjects": merge}
        post(iterable, path, user if path == UPDATE else {"users": [user]})

    assert [expected] == [fields for _, _, fields in users_of(iterable)]


def test_a_single_update_says_so(iterable: SimulatedIterable) -> None:
    """200 with IterableApiResponse."""
    answer = post(iterable, UPDATE, {"email": "a@example.com"}).json()

    expected = {"msg": "User successfully created/updated.", "code": "Success", "params": None}
    assert expected == answer


@pytest.mark.parametrize(
    ("switch", "expected"),
    [("not_found", {"notFoundUserIds": ["7"]}), ("invalid", {"invalidUserIds": ["7"]})],
)
def test_an_unknown_user_id_in_an_email_project(
    iterable: SimulatedIterable, switch: str, expected: dict[str, list[str]]
) -> None:
    """Fails unless preferUserId gives it a placeholder; a known one is updated."""
    iterable.configure(project_type="email", unknown_user_id_list=switch)

    refused = bulk_update(iterable, {"userId": "7"})
    preferred = bulk_update(iterable, {"userId": "7", "preferUserId": True})
    known = bulk_update(iterable, {"userId": "7"})

    assert expected == lists(refused)
    assert [counts(each) for each in (refused, preferred, known)] == [(0, 1), (1, 0), (1, 0)]
    assert [user_id for _, user_id, _ in users_of(iterable)] == ["7"]


def test_a_single_unknown_user_id_in_an_email_project(iterable: SimulatedIterable) -> None:
    """Is an UnknownUserIdError unless preferUserId is set."""
    iterable.configure(project_type="email")

    responses = [post(iterable, UPDATE, {"userId": "7", "preferUserId": prefer}) for prefer in (False, True)]

    assert [response.json()["code"] for response in responses] == ["UnknownUserIdError", "Success"]


@pytest.mark.parametrize(
    ("switch", "asked", "expected"),
    [
        ("ignored", True, {}),
        ("not_found", False, {}),
        ("not_found", True, {"notFoundEmails": ["new@example.com"]}),
    ],
)
def test_update_only(iterable: SimulatedIterable, switch: str, asked: bool, expected: Any) -> None:
    """Where Iterable has enabled it, it keeps a request from creating users."""
    iterable.configure(update_only=switch)
    bulk_update(iterable, {"email": "known@example.com"})

    answer = bulk_update(iterable, {"email": "known@example.com"}, {"email": "new@example.com"}, updateOnly=asked)

    assert expected == lists(answer)


@pytest.mark.parametrize(
    ("allowed", "asked", "filtered"),
    [(True, None, []), (True, False, ["new", "o.y"]), (False, None, ["new", "o.y"]), (False, True, [])],
)
@pytest.mark.parametrize("path", [UPDATE, BULK_UPDATE])
def test_new_user_fields(
    iterable: SimulatedIterable, path: str, allowed: bool, asked: bool | None, filtered: list[str]
) -> None:
    """The request decides, or else the project; what is not allowed is dropped and, in bulk, said."""
    bulk_update(iterable, {"userId": "1", "dataFields": {"o": {"x": 1}}})
    iterable.configure(allow_new_user_fields=allowed)
    user = {"userId": "1", "dataFields": {"o": {"x": 2, "y": 3}, "new": 4}}

    body = user if path == UPDATE else {"users": [user, user]}
    answer = post(iterable, path, body | {"createNewFields": asked}).json()

    kept = {"o": {"x": 2}} if filtered else {"o": {"x": 2, "y": 3}, "new": 4}
    assert kept == users_of(iterable)[0][2]
    if path == BULK_UPDATE:
        assert (filtered, [] if filtered else ["new", "o.y"]) == (
            sorted(answer["filteredOutFields"]),
            sorted(answer["createdFields"]),
        )


def test_a_failed_item_creates_no_field(iterable: SimulatedIterable) -> None:
    """The schema grows by accepted items only."""
    bulk_update(iterable, {"email": "bad@", "dataFields": {"n": 1}})

    answer = bulk_update(iterable, {"email": "a@example.com", "dataFields": {"n": "x"}})

    assert counts(answer) == (1, 0)
    assert answer["createdFields"] == ["n"]


# Events


def test_an_event_is_stored_as_sent(iterable: SimulatedIterable) -> None:
    """With its time, attribution and fields; a key Iterable does not know is not kept."""
    event = {
        "email": "Ada@example.com",
        "eventName": "Checkout",
        "id": "e-1",
        "createdAt": 1_759_999_999,
        "dataFields": {"total": 12.5, "none": None},
        "campaignId": 3,
        "templateId": None,
        "extra": True,
    }

    answer = track_bulk(iterable, event)

    expected = {
        "eventName": "Checkout",
        "email": "Ada@example.com",
        "createdAt": 1_759_999_999,
        "dataFields": {"total": 12.5, "none": None},
        "campaignId": 3,
    }
    assert {"e-1": expected} == iterable.dump()["events"]
    assert answer["createdFields"] == ["total"]


def test_an_event_without_time_or_id_gets_them(iterable: SimulatedIterable) -> None:
    """Now, and thirty random hexadecimal digits."""
    track_bulk(iterable, {"email": "a@example.com", "eventName": "x"})

    [(event_id, event)] = iterable.dump()["events"].items()
    assert (30, int(CLOCK.now)) == (len(event_id), event["createdAt"])
    assert int(event_id, 16)


@pytest.mark.parametrize(("switch", "expected"), [("literal", 1_760_000_000_123), ("normalise", 1_760_000_000)])
def test_a_time_in_milliseconds(iterable: SimulatedIterable, switch: str, expected: int) -> None:
    """Is taken literally, or switched for what was meant; seconds always stay."""
    iterable.configure(ms_created_at=switch)
    event = {"email": "a@example.com", "eventName": "x"}

    track_bulk(iterable, event | {"id": "ms", "createdAt": 1_760_000_000_123}, event | {"id": "s", "createdAt": 5})

    events = iterable.dump()["events"]
    assert (expected, 5) == (events["ms"]["createdAt"], events["s"]["createdAt"])


def test_a_known_id_replaces_the_event(iterable: SimulatedIterable) -> None:
    """A resend is a success and no second event; the id counts over all names and both endpoints."""
    event = {"email": "a@example.com", "id": "e-1"}
    first = track_bulk(iterable, event | {"eventName": "x"}, event | {"eventName": "x"})
    post(iterable, TRACK, event | {"eventName": "y"})

    dumped, counted = iterable.dump()["events"], iterable.metrics()["endpoints"]
    assert counts(first) == (2, 0)
    assert [event["eventName"] for event in dumped.values()] == ["y"]
    assert [counted[name]["duplicate_event_ids"] for name in ("trackBulk", "track")] == [1, 1]


def test_a_single_event_answers_with_its_id(iterable: SimulatedIterable) -> None:
    """Sent or made."""
    event = {"email": "a@example.com", "eventName": "x"}

    sent, made = (post(iterable, TRACK, event | extra).json() for extra in ({"id": "1234"}, {}))

    expected = {"msg": "Event with id: 1234 tracked.", "code": "Success", "params": {"id": "1234"}}
    assert expected == sent
    assert {"1234", made["params"]["id"]} == iterable.dump()["events"].keys()


@pytest.mark.parametrize(("counts_as_fail", "expected"), [(True, (1, 2)), (False, (3, 0))])
def test_a_disallowed_event(iterable: SimulatedIterable, counts_as_fail: bool, expected: tuple[int, int]) -> None:
    """Is named once and not stored; whether it counts as failed is a switch."""
    iterable.configure(disallowed_events=["no"], disallowed_counts_as_fail=counts_as_fail)
    yes, no = ({"email": "a@example.com", "eventName": name} for name in ("yes", "no"))

    answer = track_bulk(iterable, no, yes, no)

    assert expected == counts(answer)
    assert answer["disallowedEventNames"] == ["no"]
    assert [event["eventName"] for event in iterable.dump()["events"].values()] == ["yes"]


def test_a_disallowed_single_event_is_a_200(iterable: SimulatedIterable) -> None:
    """It looks like success and is not stored."""
    iterable.configure(disallowed_events=["no"])

    response = post(iterable, TRACK, {"email": "a@example.com", "eventName": "no"})

    expected = {"msg": "event no is disallowed from tracking.", "code": "Success", "params": None}
    assert (200, expected) == (response.status_code, response.json())
    assert iterable.dump()["events"] == {}


def test_new_event_names_may_be_disallowed(iterable: SimulatedIterable) -> None:
    """Then only names tracked before are taken."""
    old, new = ({"email": "a@example.com", "eventName": name} for name in ("old", "new"))
    track_bulk(iterable, old)
    iterable.configure(allow_new_events=False)

    answer = track_bulk(iterable, old, new)

    assert answer["disallowedEventNames"] == ["new"]


@pytest.mark.parametrize(
    ("project_type", "switch", "ids", "expected"),
    [
        ("hybrid", "not_found", {"email": "New@example.com"}, {"notFoundEmails": ["New@example.com"]}),
        ("hybrid", "not_found", {"userId": "new"}, {"notFoundUserIds": ["new"]}),
        ("hybrid", "not_found", {"userId": "new", "email": "new@example.com"}, {"notFoundUserIds": ["new"]}),
        ("hybrid", "not_found", {"userId": "new", "email": "known@example.com"}, {}),
        ("hybrid", "create_on_email", {"email": "new@example.com"}, {}),
        ("hybrid", "create_on_email", {"userId": "new"}, {"notFoundUserIds": ["new"]}),
        ("hybrid", "create", {"userId": "new"}, {}),
        ("email", "not_found", {"email": "new@example.com"}, {"notFoundEmails": ["new@example.com"]}),
        (
            "email",
            "not_found",
            {"email": "new@example.com", "userId": "known"},
            {"notFoundEmails": ["new@example.com"]},
        ),
        ("email", "create_on_email", {"email": "new@example.com"}, {}),
        ("email", "create_on_email", {"userId": "new"}, {"notFoundUserIds": ["new"]}),
        ("email", "create", {"userId": "new"}, {}),
        ("user_id", "not_found", {"userId": "new"}, {"notFoundUserIds": ["new"]}),
        ("user_id", "create_on_email", {"userId": "new"}, {"notFoundUserIds": ["new"]}),
        ("user_id", "create_on_email", {"userId": "new", "email": "known@example.com"}, {"notFoundUserIds": ["new"]}),
        ("user_id", "create", {"userId": "new"}, {}),
    ],
)
def test_an_event_of_an_unknown_user(
    iterable: SimulatedIterable, project_type: str, switch: str, ids: dict[str, str], expected: dict[str, list[str]]
) -> None:
    """Fails by its deciding id, or makes the user; an unknown userId is in the deprecated list too."""
    iterable.configure(project_type=project_type, track_unknown_user=switch)
    bulk_update(iterable, {"userId": "known", "email": "known@example.com"})

    answer = track_bulk(iterable, {"eventName": "x", **ids})

    users = iterable.dump()["users"]
    assert expected == lists(answer)
    assert expected.get("notFoundUserIds", []) == answer["invalidUserIds"]
    assert (0 if expected else 1) == len(iterable.dump()["events"])
    assert (1 if expected or ids.get("email") == "known@example.com" else 2) == len(users)


@pytest.mark.parametrize(
    ("ids", "code"), [({"email": "a@example.com"}, "UnknownEmailError"), ({"userId": "1"}, "UnknownUserIdError")]
)
def test_a_single_event_of_an_unknown_user(iterable: SimulatedIterable, ids: dict[str, str], code: str) -> None:
    """Is an error that says which id is unknown."""
    iterable.configure(track_unknown_user="not_found")

    response = post(iterable, TRACK, {"eventName": "x", **ids})

    assert (400, code) == (response.status_code, response.json()["code"])


def test_an_event_with_a_stale_email_moves_the_user_id(iterable: SimulatedIterable) -> None:
    """In an email project both ids on an event overwrite the userId: why events should carry one."""
    iterable.configure(project_type="email")
    bulk_update(iterable, {"email": "a@example.com", "userId": "1"})

    track_bulk(iterable, {"email": "a@example.com", "userId": "2", "eventName": "x"})

    assert users_of(iterable) == [("a@example.com", "2", {})]


@pytest.mark.parametrize(
    ("allowed", "asked", "heeded", "path", "is_kept"),
    [
        (True, None, True, TRACK_BULK, True),
        (True, False, True, TRACK_BULK, False),
        (False, None, True, TRACK_BULK, False),
        (False, True, True, TRACK_BULK, True),
        (True, False, False, TRACK_BULK, True),
        (True, False, False, TRACK, False),
    ],
)
def test_new_event_fields(
    iterable: SimulatedIterable, allowed: bool, asked: bool | None, heeded: bool, path: str, is_kept: bool
) -> None:
    """Each event decides, or else the project; whether bulk heeds the event is a switch."""
    iterable.configure(allow_new_event_fields=allowed, create_new_fields_in_track_bulk=heeded)
    event = {"email": "a@example.com", "eventName": "x", "dataFields": {"n": 1}, "createNewFields": asked}

    answer = post(iterable, path, event if path == TRACK else {"events": [event]}).json()

    assert [{"n": 1} if is_kept else {}] == [each["dataFields"] for each in iterable.dump()["events"].values()]
    if path == TRACK_BULK:
        assert (
            answer["filteredOutFields" if is_kept else "createdFields"],
            answer["createdFields" if is_kept else "filteredOutFields"],
        ) == ([], ["n"])
