from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, pairwise
from typing import Any

import pytest
import requests

from pipeline.sandbox.iterable import verdicts
from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY, AsyncDelay, Settings

BULK_UPDATE, TRACK_BULK = "/api/users/bulkUpdate", "/api/events/trackBulk"
UPDATE, TRACK = "/api/users/update", "/api/events/track"
CUT = "cut"

RECORDS = ChaosSettings(seed=3, refused_users=0.3, poison_users=0.3, poison_events=0.3, disallowed_names=0.3)


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


def post_event(iterable: SimulatedIterable, number: int = 0, path: str = TRACK_BULK) -> str:
    """What comes back, in a word."""
    event = {"email": "a@example.com", "eventName": "x", "id": f"e-{number}"}
    try:
        response = post(iterable, path, {"events": [event], **event})
    except requests.ConnectionError:
        return CUT
    return f"{response.status_code} {response.text}"


def strikes(iterable: SimulatedIterable, endpoint: str = "trackBulk") -> dict[str, int]:
    counted: dict[str, int] = iterable.metrics()["chaos"].get(endpoint, {})
    return counted


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


def failures(response: requests.Response) -> dict[str, list[str]]:
    """The failure lists that are not empty."""
    return {name: users for name, users in response.json()["failedUpdates"].items() if users}


# What passes


def test_there_is_no_chaos_unless_asked_for(iterable: SimulatedIterable) -> None:
    """By default every request is answered as it is."""
    answers = [post_event(iterable, number) for number in range(50)]

    assert {"200"} == {answer.partition(" ")[0] for answer in answers}
    assert ({}, {"users": {}, "events": {}}) == (strikes(iterable), iterable.refused())


def chaotic_answers(iterable: SimulatedIterable, seed: int) -> list[str]:
    iterable.reset()
    iterable.configure(chaos=ChaosSettings(seed, 0.2, 0.2, 0.1, 0.1, 0.1))
    return [post_event(iterable, number) for number in range(40)]


def test_one_seed_makes_one_chaos(iterable: SimulatedIterable) -> None:
    """The same requests meet the same faults; another seed makes others."""
    once, again, other = (chaotic_answers(iterable, seed) for seed in (1, 1, 2))

    assert once == again
    assert once != other


def test_an_endpoint_has_a_chaos_of_its_own(iterable: SimulatedIterable) -> None:
    """Requests to another one in between change nothing of it."""
    alone = chaotic_answers(iterable, 1)
    iterable.reset()
    iterable.configure(chaos=ChaosSettings(1, 0.2, 0.2, 0.1, 0.1, 0.1))
    mixed = []
    for number in range(40):
        post_event(iterable, number, TRACK)
        mixed.append(post_event(iterable, number))

    assert alone == mixed


@pytest.mark.parametrize(
    ("share", "kinds", "statuses", "applied"),
    [
        ("rate_limited", ["429", "429_reset", "429_reset_retry_after", "429_retry_after"], {"429"}, 0),
        ("server_errors", ["500_html", "500_json", "503_html", "503_json"], {"500", "503"}, 0),
        ("spoilt_answers", ["empty_200", "truncated_200"], {"200"}, 60),
        ("cut_before", ["cut_before"], {CUT}, 0),
        ("cut_after", ["cut_after"], {CUT}, 60),
    ],
)
def test_what_passes(
    iterable: SimulatedIterable, share: str, kinds: list[str], statuses: set[str], applied: int
) -> None:
    """Each kind in all its variants, each counted; the work is done or not."""
    iterable.configure(chaos={share: 1, "max_in_a_row": 1_000})

    seen = {post_event(iterable, number)[:3] for number in range(60)}

    counted = strikes(iterable)
    assert statuses == seen
    assert (kinds, 60) == (sorted(counted), sum(counted.values()))
    assert applied == len(iterable.dump()["events"])


@pytest.mark.parametrize(
    ("share", "bodies"),
    [
        (
            "server_errors",
            {
                ("application/json", '{"msg":"Please try again later","code":"GenericError","params":null}'),
                ("text/html", "<html><head><title>Error</title></head><body>Please try again later</bod"),
            },
        ),
        (
            "spoilt_answers",
            {
                ("application/json", ""),
                ("application/json", '{"successCount":0,"failCount":0,"invalidEmails":[],"invalidUserIds":[],"'),
            },
        ),
    ],
)
def test_the_bodies_of_what_passes(iterable: SimulatedIterable, share: str, bodies: set[tuple[str, str]]) -> None:
    """JSON or a page; nothing, or the first half of the answer."""
    iterable.configure(chaos={share: 1, "max_in_a_row": 1_000})

    answers = [post(iterable, TRACK_BULK, {"events": []}) for _ in range(20)]

    assert bodies == {(response.headers["Content-Type"], response.text[:72]) for response in answers}


def test_a_429_may_say_when_to_retry(iterable: SimulatedIterable) -> None:
    """In its body, in a header, in both or not at all, in whole seconds up to those allowed."""
    iterable.configure(chaos={"rate_limited": 1, "max_in_a_row": 1_000, "max_retry_seconds": 3})

    answers = [post(iterable, TRACK_BULK, {"events": []}) for _ in range(80)]

    hints = {
        (response.json()["params"].get("rateLimitReset"), response.headers.get("Retry-After")) for response in answers
    }
    seconds = (1, 2, 3)
    assert {(None, None)} | {(n, None) for n in seconds} | {(None, str(n)) for n in seconds} | {
        (n, str(n)) for n in seconds
    } == hints


def test_faults_in_a_row_are_bounded(iterable: SimulatedIterable) -> None:
    """After so many the next request of that endpoint is answered, whatever was drawn for it."""
    iterable.configure(chaos={"server_errors": 0.5, "rate_limited": 0.5, "max_in_a_row": 2})

    answered = [
        [post_event(iterable, number, path).startswith("200") for number in range(6)] for path in (TRACK_BULK, TRACK)
    ]

    assert [[False, False, True] * 2] * 2 == answered


def test_a_slow_answer_is_no_failure(iterable: SimulatedIterable) -> None:
    """It comes, however many failures came before, and takes no room from those after it."""
    iterable.configure(chaos={"slow_answers": 0.5, "server_errors": 0.5, "max_delay_seconds": 0.001, "max_in_a_row": 1})
    answers = []
    for number in range(40):
        slow_before = strikes(iterable).get("slow", 0)
        failed = not post_event(iterable, number).startswith("200")
        answers.append("failed" if failed else "slow" if strikes(iterable).get("slow", 0) > slow_before else "plain")

    successions = set(pairwise(answers))
    assert {("slow", "slow"), ("slow", "failed"), ("failed", "slow")} <= successions
    assert ("failed", "failed") not in successions


def test_only_a_200_is_spoilt(iterable: SimulatedIterable) -> None:
    """What a 400 says of a record must come through."""
    iterable.configure(chaos={"spoilt_answers": 1})

    assert post(iterable, TRACK_BULK, {}).json()["code"] == "BadJsonBody"


def test_a_fault_that_was_asked_for_comes_first(iterable: SimulatedIterable) -> None:
    """Chaos does not use it up."""
    iterable.configure(chaos={"cut_before": 1})
    iterable.fault("trackBulk", status=418)

    assert ["418 ", CUT] == [post_event(iterable) for _ in range(2)]


def test_a_struck_request_counts_against_the_rate(iterable: SimulatedIterable) -> None:
    """A sender that goes too fast shows, whatever is answered."""
    iterable.configure(rate={"trackBulk": 2}, chaos={"server_errors": 1, "max_in_a_row": 1_000})
    for number in range(5):
        post_event(iterable, number)

    counted = iterable.metrics()["endpoints"]["trackBulk"]
    assert 3 == counted["over_rate_limit"]
    assert "429" not in counted["by_status"]


def test_a_made_up_429_is_not_over_the_rate(iterable: SimulatedIterable) -> None:
    """A real one is."""
    iterable.configure(rate={"trackBulk": 2}, chaos={"rate_limited": 1, "max_in_a_row": 1})
    statuses = [post_event(iterable, number)[:3] for number in range(4)]

    counted = iterable.metrics()["endpoints"]["trackBulk"]
    assert ["429", "200", "429", "429"] == statuses
    assert (2, 2) == (counted["over_rate_limit"], sum(strikes(iterable).values()))


def test_the_key_is_revoked_for_a_while(iterable: SimulatedIterable) -> None:
    """After so many requests to any endpoint, for so many."""
    iterable.configure(chaos={"revoke_key_after": 3, "revoke_key_for": 2})

    statuses = [post_event(iterable, number, path)[:3] for number in range(4) for path in (TRACK_BULK, TRACK)]

    assert ["200", "200", "200", "401", "401", "200", "200", "200"] == statuses
    assert {"trackBulk": {"key_revoked": 1}, "track": {"key_revoked": 1}} == iterable.metrics()["chaos"]


def test_a_key_may_be_revoked_from_the_start(iterable: SimulatedIterable) -> None:
    """After no request at all."""
    iterable.configure(chaos={"revoke_key_after": 0, "revoke_key_for": 1})

    assert ["401", "200"] == [post_event(iterable, number)[:3] for number in range(2)]


def test_other_chaos_begins_anew(iterable: SimulatedIterable) -> None:
    """With its counts; another switch leaves it alone."""
    iterable.configure(chaos={"server_errors": 1, "max_in_a_row": 1})
    post_event(iterable)
    iterable.configure(project_id=7)
    kept = sum(strikes(iterable).values())
    iterable.configure(chaos={"server_errors": 1, "max_in_a_row": 2})

    assert (1, {}) == (kept, strikes(iterable))


# What stays


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

    assert {f"{verdict}UserIds": [user], f"{verdict}Emails": [email]} == failures(first)
    assert {f"{verdict}Emails": [email.lower()]} == failures(alone)
    assert [good] == [stored["userId"] for stored in iterable.dump()["users"]]
    assert {"users": {f"userId:{user}": verdict, f"email:{email.lower()}": verdict}, "events": {}} == iterable.refused()


def test_a_conflict_names_the_email_that_the_update_asks_for(iterable: SimulatedIterable) -> None:
    """As Iterable does; in lower case where that is switched on."""
    iterable.configure(chaos=RECORDS, echo_email_case="lower")

    response = post(
        iterable,
        BULK_UPDATE,
        {"users": [{"userId": user_with(verdicts.CONFLICT), "dataFields": {"email": "Bo@Example.com"}}]},
    )

    assert {"conflictEmails": ["bo@example.com"]} == failures(response)


@pytest.mark.parametrize("verdict", verdicts.REFUSALS)
def test_events_of_a_refused_user(iterable: SimulatedIterable, verdict: str) -> None:
    """They are in those lists that trackBulk has; of the rest Iterable knows no user."""
    iterable.configure(chaos=RECORDS)
    user = user_with(verdict)

    response = post(
        iterable, TRACK_BULK, {"events": [{"userId": user, "eventName": name_that_is(False), "id": event_with("")}]}
    )

    is_listed = verdict in verdicts.EVENT_REFUSALS
    assert {f"{verdict if is_listed else 'notFound'}UserIds": [user]} == failures(response)
    assert ({event_with(""): verdict} if is_listed else {}) == iterable.refused()["events"]


@pytest.mark.parametrize("verdict", ["", verdicts.FORGOTTEN])
def test_a_disallowed_name_goes_before_the_user(iterable: SimulatedIterable, verdict: str) -> None:
    """So that the reason for one event does not depend on the others."""
    iterable.configure(chaos=RECORDS)
    name, event = name_that_is(True), event_with("")

    response = post(iterable, TRACK_BULK, {"events": [{"userId": user_with(verdict), "eventName": name, "id": event}]})

    assert ([name], {}) == (response.json()["disallowedEventNames"], failures(response))
    assert {event: "disallowed"} == iterable.refused()["events"]


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
    assert [] == iterable.dump()["users"]
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

    assert ["obj.events[1].createdAt", "obj.events[3].createdAt"] == list(response.json()["params"])


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
    assert {28} == {strikes(iterable)[kind] for kind in (verdicts.BAD_JSON, "wrong_position")}


def test_a_field_may_be_wrong(iterable: SimulatedIterable) -> None:
    """One that no record has."""
    iterable.configure(chaos=replace(RECORDS, wrong_fields=1))

    response = post(
        iterable, BULK_UPDATE, {"users": [{"userId": user_with(verdicts.TYPES_MISMATCHED), "dataFields": {"n": 1}}]}
    )

    assert ["no_such_n"] == list(response.json()["params"]["validationErrors"])
    assert {verdicts.TYPES_MISMATCHED: 1, "wrong_field": 1} == strikes(iterable, "bulkUpdate")


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

    assert (400, "BadJsonBody") == ((response := post(iterable, path, item)).status_code, response.json()["code"])


@pytest.mark.parametrize(
    ("chaos", "problem"),
    [
        ({"rate_limited": 0.6, "slow_answers": 0.6}, "the shares of requests come to more than 1"),
        ({"refused_users": 0.6, "poison_users": 0.6}, "the shares of users come to more than 1"),
        ({"cut_before": 2}, "chaos.cut_before"),
        ({"max_retry_seconds": 0}, "chaos.max_retry_seconds"),
        ({"ratelimited": 0.5}, "chaos.ratelimited"),
    ],
)
def test_chaos_that_cannot_be(iterable: SimulatedIterable, chaos: dict[str, Any], problem: str) -> None:
    """Is an error that says what."""
    with pytest.raises(ValueError, match=problem):
        iterable.configure(chaos=chaos)

    assert ChaosSettings() == iterable.settings.chaos
