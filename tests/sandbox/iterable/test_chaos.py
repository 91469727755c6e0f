# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

import pytest
import requests

from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.iterable.running import SimulatedIterable
from tests.sandbox.iterable.api import TRACK, TRACK_BULK, post, strikes

CUT = "cut"


def post_event(iterable: SimulatedIterable, number: int = 0, path: str = TRACK_BULK) -> str:
    """What comes back, in a word."""
    event = {"email": "a@example.com", "eventName": "x", "id": f"e-{number}"}
    try:
        response = post(iterable, path, {"events": [event], **event})
    except requests.ConnectionError:
        return CUT
    return f"{response.status_code} {response.text}"


def test_there_is_no_chaos_unless_asked_for(iterable: SimulatedIterable) -> None:
    """By default every request is answered as it is."""
    answers = [post_event(iterable, number) for number in range(50)]

    assert {answer.partition(" ")[0] for answer in answers} == {"200"}
    assert (strikes(iterable), iterable.refused()) == ({}, {"users": {}, "events": {}})


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
    assert (sorted(counted), sum(counted.values())) == (kinds, 60)
    assert len(iterable.dump()["events"]) == applied


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

    assert {(response.headers["Content-Type"], response.text[:72]) for response in answers} == bodies


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

    assert answered == [[False, False, True] * 2] * 2


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

    assert [post_event(iterable) for _ in range(2)] == ["418 ", CUT]


def test_a_struck_request_counts_against_the_rate(iterable: SimulatedIterable) -> None:
    """A sender that goes too fast shows, whatever is answered."""
    iterable.configure(rate={"trackBulk": 2}, chaos={"server_errors": 1, "max_in_a_row": 1_000})
    for number in range(5):
        post_event(iterable, number)

    counted = iterable.metrics()["endpoints"]["trackBulk"]
    assert counted["over_rate_limit"] == 3
    assert "429" not in counted["by_status"]


def test_a_made_up_429_is_not_over_the_rate(iterable: SimulatedIterable) -> None:
    """A real one is."""
    iterable.configure(rate={"trackBulk": 2}, chaos={"rate_limited": 1, "max_in_a_row": 1})
    statuses = [post_event(iterable, number)[:3] for number in range(4)]

    counted = iterable.metrics()["endpoints"]["trackBulk"]
    assert statuses == ["429", "200", "429", "429"]
    assert (counted["over_rate_limit"], sum(strikes(iterable).values())) == (2, 2)


def test_the_key_is_revoked_for_a_while(iterable: SimulatedIterable) -> None:
    """After so many requests to any endpoint, for so many."""
    iterable.configure(chaos={"revoke_key_after": 3, "revoke_key_for": 2})

    statuses = [post_event(iterable, number, path)[:3] for number in range(4) for path in (TRACK_BULK, TRACK)]

    assert statuses == ["200", "200", "200", "401", "401", "200", "200", "200"]
    assert iterable.metrics()["chaos"] == {"trackBulk": {"key_revoked": 1}, "track": {"key_revoked": 1}}


def test_a_key_may_be_revoked_from_the_start(iterable: SimulatedIterable) -> None:
    """After no request at all."""
    iterable.configure(chaos={"revoke_key_after": 0, "revoke_key_for": 1})

    assert [post_event(iterable, number)[:3] for number in range(2)] == ["401", "200"]


def test_other_chaos_begins_anew(iterable: SimulatedIterable) -> None:
    """With its counts; another switch leaves it alone."""
    iterable.configure(chaos={"server_errors": 1, "max_in_a_row": 1})
    post_event(iterable)
    iterable.configure(project_id=7)
    kept = sum(strikes(iterable).values())
    iterable.configure(chaos={"server_errors": 1, "max_in_a_row": 2})

    assert (kept, strikes(iterable)) == (1, {})
