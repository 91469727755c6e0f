# SPDX-License-Identifier: Apache-2.0
import threading
import time

from pipeline.sources.reachability import Reachability


def test_pub_sub_is_away_until_it_has_answered() -> None:
    """And an empty subscription is one of which Pub/Sub said so."""
    reachability = Reachability()
    at_first = (reachability.seconds_away > 0, reachability.is_unsure, reachability.is_empty_for(-1.0))

    reachability.answers()
    answered = (reachability.seconds_away, reachability.is_unsure, reachability.is_empty_for(-1.0))
    reachability.answers(empty_at=time.monotonic())

    assert at_first == (True, True, False)
    assert answered == (0.0, True, False)
    assert (reachability.is_unsure, reachability.is_empty_for(-1.0)) == (False, True)


def test_silence_is_not_emptiness() -> None:
    """After an arrival, a failure or a request without an answer it must say again that there is nothing."""
    after = []
    for happens in (
        lambda it: it.answers(arrived=True),
        lambda it: (it.fails("refused"), it.answers()),
        lambda it: it.is_silent(),
    ):
        reachability = Reachability()
        reachability.answers(empty_at=time.monotonic())
        happens(reachability)
        after.append((reachability.is_unsure, reachability.is_empty_for(-1.0)))

    assert after == [(True, False)] * 3


def test_it_is_not_away_while_nobody_asks() -> None:
    """The time that counts begins with the first request without an answer, whoever sent it."""
    reachability = Reachability()
    reachability.fails("refused")
    threading.Event().wait(0.05)
    before = reachability.seconds_away
    reachability.is_not_asked()

    assert before >= 0.05
    assert reachability.seconds_away < before
    assert reachability.because == "refused"


def test_an_answer_to_an_older_request_says_nothing_of_what_came_since() -> None:
    """Several ask at once: what one brings makes the others' emptiness old."""
    reachability = Reachability()
    asked_at = time.monotonic()
    reachability.answers(arrived=True)
    reachability.answers(empty_at=asked_at - 1.0)

    assert not reachability.is_empty_for(-1.0)
