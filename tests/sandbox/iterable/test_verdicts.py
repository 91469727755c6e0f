# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from pipeline.sandbox.iterable import verdicts
from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.iterable.running import SimulatedIterable
from tests.sandbox.iterable.api import BULK_UPDATE, TRACK, TRACK_BULK, UPDATE, failure_lists, post, strikes

RECORDS = ChaosSettings(seed=3, refused_users=0.3, poison_users=0.3, poison_events=0.3, disallowed_names=0.3)


def found(question: Callable[[str], bool], prefix: str = "user-", suffix: str = "") -> str:
    """The first name that the chaos of RECORDS judges so."""
    return next(name for number in count() if question(name := f"{prefix}{number}{suffix}"))


def user_with(verdict: str) -> str:
    return found(lambda user: verdicts.on_user(RECORDS, f"userId:{user}") == verdict)


def email_with(verdict: str) -> str:
    return found(lambda email: verdicts.on_user(RECORDS, f"email:{email.lower()}") == verdict, "Ada.", "@example.com")


def event_with(verdict: str) -> str:
    return found(lambda event: verdicts.on_event(RECORDS, event) == verdict, "event-")


def name_that_is(disallowed: bool) -> str:
    return found(lambda name: verdicts.is_disallowed(RECORDS, name) == disallowed, "name-")


def test_verdicts_are_shares() -> None:
    """Of many names, about so many, and every verdict there is."""
    settings = ChaosSettings(seed=1, refused_users=0.4, poison_users=0.3, poison_events=0.3, disallowed_names=0.2)
    names = [str(number) for number in range(3_000)]
    users = Counter(verdicts.on_user(settings, name) for name in names)
    events = Counter(verdicts.on_event(settings, name) for name in names)

    assert {"": 900, **dict.fromkeys(verdicts.REFUSALS, 300), **dict.fromkeys(verdicts.POISONS, 300)} == pytest.approx(
        users, rel=0.2
    )
    assert {"": 2_100, **dict.fromkeys(verdicts.POISONS, 300)} == pytest.approx(events, rel=0.2)
    assert sum(verdicts.is_disallowed(settings, name) for name in names) == pytest.approx(600, rel=0.2)


def test_verdicts_differ_by_seed() -> None:
    """And not from time to time."""
    first, same, second = (
        [verdicts.on_user(ChaosSettings(seed=seed, refused_users=0.5), str(number)) for number in range(50)]
        for seed in (1, 1, 2)
    )

    assert first == same
    assert first != second


@pytest.mark.parametrize("verdict", verdicts.REFUSALS)
def test_a_refused_user_is_in_its_failure_list(iterable: SimulatedIterable, verdict: str) -> None:
    """Wherever in a request, by userId or by email; nobody else is, and nothing is stored of it."""
    iterable.configure(chaos=RECORDS)
    user, email, good = user_with(verdict), email_with(verdict), user_with("")

    first = post(iterable, BULK_UPDATE, {"users": [{"userId": user}, {"userId": good}, {"email": email}]})
    alone = post(iterable, BULK_UPDATE, {"users": [{"email": email.lower(), "dataFields": {"plan": "pro"}}]})

    assert failure_lists(first.json()) == {f"{verdict}UserIds": [user], f"{verdict}Emails": [email]}
    assert {f"{verdict}Emails": [email.lower()]} == failure_lists(alone.json())
    assert [stored["userId"] for stored in iterable.dump()["users"]] == [good]
    assert {"users": {f"userId:{user}": verdict, f"email:{email.lower()}": verdict}, "events": {}} == iterable.refused()


def test_a_conflict_names_the_email_that_the_update_asks_for(iterable: SimulatedIterable) -> None:
    """As Iterable does; in lower case where that is switched on."""
    iterable.configure(chaos=RECORDS, echo_email_case="lower")

    response = post(
        iterable,
        BULK_UPDATE,
        {"users": [{"userId": user_with(verdicts.CONFLICT), "dataFields": {"email": "Bo@Example.com"}}]},
    )

    assert failure_lists(response.json()) == {"conflictEmails": ["bo@example.com"]}


@pytest.mark.parametrize("verdict", verdicts.REFUSALS)
def test_events_of_a_refused_user(iterable: SimulatedIterable, verdict: str) -> None:
    """They are in those lists that trackBulk has; of the rest Iterable knows no user."""
    iterable.configure(chaos=RECORDS)
    user = user_with(verdict)

    response = post(
        iterable, TRACK_BULK, {"events": [{"userId": user, "eventName": name_that_is(False), "id": event_with("")}]}
    )

    is_listed = verdict in verdicts.EVENT_REFUSALS
    assert failure_lists(response.json()) == {f"{verdict if is_listed else 'notFound'}UserIds": [user]}
    assert ({event_with(""): verdict} if is_listed else {}) == iterable.refused()["events"]


@pytest.mark.parametrize("verdict", ["", verdicts.FORGOTTEN])
def test_a_disallowed_name_goes_before_the_user(iterable: SimulatedIterable, verdict: str) -> None:
    """So that the reason for one event does not depend on the others."""
    iterable.configure(chaos=RECORDS)
    name, event = name_that_is(True), event_with("")

    response = post(iterable, TRACK_BULK, {"events": [{"userId": user_with(verdict), "eventName": name, "id": event}]})

    assert (response.json()["disallowedEventNames"], failure_lists(response.json())) == ([name], {})
    assert iterable.refused()["events"] == {event: "disallowed"}


POISONED_USERS = {
    verdicts.BAD_JSON: {"obj.users[1].dataFields": "Object value expected"},
    verdicts.TYPES_MISMATCHED: {
        "validationErrors": {
            "city": {
                "incomingTypes": ["string", "keyword"],
                "expectedType": "date",
                "offendingValue": "Kyoto",
                "category": "user",
                "_type": "UnexpectedType",
            }
        }
    },
}


CODES = {verdicts.BAD_JSON: "BadJsonBody", verdicts.TYPES_MISMATCHED: "RequestFieldsTypesMismatched"}


@pytest.mark.parametrize("poison", [verdicts.BAD_JSON, verdicts.TYPES_MISMATCHED])
def test_poison_with_a_clue(iterable: SimulatedIterable, poison: str) -> None:
    """The whole request is refused, and its position or its field is named."""
    iterable.configure(chaos=RECORDS)
    fields = {"city": "Kyoto", "plan": "pro"}
    users = [{"userId": user, "dataFields": fields} for user in (user_with(""), user_with(poison))]

    response = post(iterable, BULK_UPDATE, {"users": users})

    answer = response.json()
    assert (400, CODES[poison], POISONED_USERS[poison]) == (response.status_code, answer["code"], answer["params"])
    assert iterable.dump()["users"] == []
    assert ({poison: 1}, {f"userId:{users[1]['userId']}": poison}) == (
        strikes(iterable, "bulkUpdate"),
        iterable.refused()["users"],
    )


def test_poison_without_a_clue(iterable: SimulatedIterable) -> None:
    """A 400 that says nothing; without the poison the request is taken."""
    iterable.configure(chaos=RECORDS)
    good, bad = (
        {"email": email_with(""), "eventName": name_that_is(False), "id": event_with(poison)}
        for poison in ("", verdicts.NO_CLUE)
    )

    responses = [post(iterable, TRACK_BULK, {"events": events}) for events in ([good, bad], [bad], [good])]

    assert [response.status_code for response in responses] == [400, 400, 200]
    assert responses[0].json() == {"msg": "Bad Request", "code": "BadParams", "params": None}
    assert [good["id"]] == list(iterable.dump()["events"])
    assert {bad["id"]: verdicts.NO_CLUE} == iterable.refused()["events"]


def test_all_poison_of_the_first_kind_is_named(iterable: SimulatedIterable) -> None:
    """Several positions in one answer; the other kinds come out once these are gone."""
    iterable.configure(chaos=RECORDS)
    poisons = (verdicts.NO_CLUE, verdicts.BAD_JSON, verdicts.TYPES_MISMATCHED, verdicts.BAD_JSON)
    events = [{"email": email_with(""), "eventName": "x", "id": event_with(poison)} for poison in poisons]

    response = post(iterable, TRACK_BULK, {"events": events})

    assert list(response.json()["params"]) == ["obj.events[1].createdAt", "obj.events[3].createdAt"]


def test_a_position_may_be_wrong(iterable: SimulatedIterable) -> None:
    """Never the right one then; it may be behind the last record."""
    iterable.configure(chaos=ChaosSettings(poison_events=1, wrong_positions=1))
    bad = found(lambda name: verdicts.on_event(ChaosSettings(poison_events=1), name) == verdicts.BAD_JSON, "event-")

    named = set()
    for size in range(2, 30):
        events = [{"eventName": "x"}, {"eventName": "x", "id": bad}, *[{"eventName": "x"}] * (size - 2)]
        [path] = post(iterable, TRACK_BULK, {"events": events}).json()["params"]
        named.add((int(path.partition("[")[2].partition("]")[0]), size))

    assert not [position for position, size in named if position == 1 or position > size]
    assert {strikes(iterable)[kind] for kind in (verdicts.BAD_JSON, "wrong_position")} == {28}


def test_a_field_may_be_wrong(iterable: SimulatedIterable) -> None:
    """One that no record has."""
    iterable.configure(chaos=replace(RECORDS, wrong_fields=1))

    response = post(
        iterable, BULK_UPDATE, {"users": [{"userId": user_with(verdicts.TYPES_MISMATCHED), "dataFields": {"n": 1}}]}
    )

    assert list(response.json()["params"]["validationErrors"]) == ["no_such_n"]
    assert strikes(iterable, "bulkUpdate") == {verdicts.TYPES_MISMATCHED: 1, "wrong_field": 1}


@pytest.mark.parametrize(
    ("path", "item"),
    [
        (UPDATE, {"userId": user_with(verdicts.BAD_JSON)}),
        (TRACK, {"email": "a@example.com", "eventName": "x", "id": event_with(verdicts.BAD_JSON)}),
    ],
)
def test_poison_alone(iterable: SimulatedIterable, path: str, item: dict[str, Any]) -> None:
    """The single endpoints refuse it, too."""
    iterable.configure(chaos=RECORDS)

    response = post(iterable, path, item)

    assert (response.status_code, response.json()["code"]) == (400, "BadJsonBody")
