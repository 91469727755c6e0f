# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import event_of
from transforms.branch import BranchEvents
from transforms.dead_letters.letter import sync_tag
from transforms.mapping.routing import IDENTIFY, PROPERTY_CHANGES, BranchRules, parts_of, route
from transforms.model.errors import DroppedError
from transforms.model.items import MESSAGE, TRACK, USER, Event, Message, Resumed
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, SPLIT, Outcome
from transforms.model.time_range import TimeRange

SYNC = "Amplitude to Iterable"
ON_IDENTIFY = BranchRules(SYNC, frozenset({IDENTIFY}))
ON_CHANGES = BranchRules(SYNC, frozenset({PROPERTY_CHANGES}))
ON_BOTH = BranchRules(SYNC, frozenset({IDENTIFY, PROPERTY_CHANGES}))

AN_IDENTIFY: dict[str, Any] = {"event_type": "$identify", "user_id": "user-42", "user_properties": {"plan": "pro"}}
AN_EVENT: dict[str, Any] = {"event_type": "Order Completed", "time": 0, "user_id": "user-42"}
A_CHANGE: dict[str, Any] = {**AN_EVENT, "data": {"user_properties_updated": True}}


def drop_of(rules: BranchRules, event: Event) -> str:
    with pytest.raises(DroppedError) as caught:
        parts_of(rules, event)
    return caught.value.reason


@pytest.mark.parametrize(
    ("rules", "row", "parts"),
    [
        (ON_IDENTIFY, AN_IDENTIFY, (USER,)),
        (ON_IDENTIFY, AN_EVENT, (TRACK,)),
        (ON_IDENTIFY, A_CHANGE, (TRACK,)),
        (ON_BOTH, AN_IDENTIFY, (USER,)),
        (ON_BOTH, AN_EVENT, (TRACK,)),
        (ON_BOTH, A_CHANGE, (USER, TRACK)),
        (ON_CHANGES, AN_EVENT, (TRACK,)),
        (ON_CHANGES, A_CHANGE, (USER, TRACK)),
    ],
)
def test_the_parts_of_an_event(rules: BranchRules, row: dict[str, Any], parts: tuple[str, ...]) -> None:
    """An identify updates the user, an event is tracked; one that changed its user does both, if the config says so."""
    assert parts == parts_of(rules, event_of(row))


@pytest.mark.parametrize(
    ("row", "part", "parts"),
    [
        (AN_EVENT, None, (TRACK, "cart_call", "delete_user")),
        (A_CHANGE, None, (USER, TRACK, "cart_call", "delete_user")),
        (AN_IDENTIFY, None, ("update_subscriptions",)),
        (AN_EVENT, "delete_user", ("delete_user",)),
        (AN_EVENT, "purchase", (TRACK,)),
        (AN_EVENT, "track", (TRACK,)),
    ],
)
def test_an_event_makes_a_part_for_each_operation_that_it_calls(
    row: dict[str, Any], part: str | None, parts: tuple[str, ...]
) -> None:
    """By its name; a letter runs its own part again, and a purchase's is made where events are."""
    calls = {AN_EVENT["event_type"]: ("cart_call", "delete_user"), "$identify": ("update_subscriptions",)}
    attributes = {"dl_part": part, "dl_config": sync_tag(SYNC, "0")} if part else {}
    event = event_of(row, None, **attributes)

    assert parts_of(replace(ON_CHANGES, calls=calls), event) == parts
    assert not {*parts_of(replace(ON_BOTH, calls=calls, events_only=True), event_of(AN_EVENT))} - {TRACK}


@pytest.mark.parametrize(
    ("row", "part", "parts"),
    [
        (AN_EVENT, None, ("delete_user",)),
        (A_CHANGE, None, (USER, "delete_user")),
        (AN_EVENT, "delete_user", ("delete_user",)),
        (AN_EVENT | {"event_type": "Other"}, None, (TRACK,)),
    ],
)
def test_an_event_that_calls_alone_name_is_no_track_event(
    row: dict[str, Any], part: str | None, parts: tuple[str, ...]
) -> None:
    """It would only be dropped; of a run that makes no calls it is one, so that nothing goes uncounted."""
    names = frozenset({AN_EVENT["event_type"]})
    rules = replace(ON_CHANGES, calls=dict.fromkeys(names, ("delete_user",)), called_alone=names)
    attributes = {"dl_part": part, "dl_config": sync_tag(SYNC, "0")} if part else {}

    assert parts_of(rules, event_of(row, None, **attributes)) == parts
    assert parts_of(replace(rules, events_only=True), event_of(row)) == (TRACK,)
    with pytest.raises(DroppedError, match=r"^part_not_selected$"):
        parts_of(rules, event_of(AN_EVENT, None, dl_part="track", dl_config=sync_tag(SYNC, "0")))


MIDNIGHT = 1_767_571_200.0
ONE_DAY = replace(ON_BOTH, times=TimeRange(MIDNIGHT, MIDNIGHT + 86_400))


@pytest.mark.parametrize(("seconds", "is_in_it"), [(-0.001, False), (0.0, True), (86_399.999, True), (86_400.0, False)])
@pytest.mark.parametrize("row", [AN_EVENT, AN_IDENTIFY], ids=["event", "identify"])
def test_what_is_outside_the_time_range_is_dropped(row: dict[str, Any], seconds: float, is_in_it: bool) -> None:
    """By event time: the start is in it, the end is not."""
    event = event_of({**row, "time": round((MIDNIGHT + seconds) * 1_000)})

    if is_in_it:
        assert parts_of(ONE_DAY, event)
    else:
        assert drop_of(ONE_DAY, event) == "outside_time_range"


def test_what_waited_in_an_earlier_run_has_passed_its_time_range() -> None:
    """The range of the run that takes it up is of what that reads."""
    event = event_of({**AN_EVENT, "time": round((MIDNIGHT - 1) * 1_000)})
    resumed = event._replace(message=event.message._replace(resumed=Resumed(TRACK, 1, 1, MIDNIGHT)))

    assert parts_of(ONE_DAY, resumed) == (TRACK,)


def test_an_identify_without_a_time_is_in_every_range() -> None:
    """Nobody knows when it was: it is not lost for that."""
    assert parts_of(ONE_DAY, event_of(AN_IDENTIFY)) == (USER,)


def test_with_events_only_no_user_is_updated() -> None:
    """An identify is dropped and counted; an event that changed its user is an event alone."""
    rules = replace(ON_BOTH, events_only=True)

    assert drop_of(rules, event_of(AN_IDENTIFY)) == "events_only"
    assert parts_of(rules, event_of(A_CHANGE)) == (TRACK,)
    assert drop_of(rules, event_of(A_CHANGE, dl_part="user", dl_config=sync_tag(SYNC, "0"))) == "part_not_selected"


def test_an_identify_may_not_be_selected() -> None:
    """With property changes alone, an identify is dropped and counted."""
    expected = "identify_not_selected"

    assert expected == drop_of(ON_CHANGES, event_of(AN_IDENTIFY))


@pytest.mark.parametrize("yes", [True, "true", "True", "1", 1])
@pytest.mark.parametrize("no", [False, None, "false", "0", 0, "", [], {}, ["true"]])
def test_a_change_in_every_spelling(yes: Any, no: Any) -> None:
    """Amplitude writes the key only when true; other exporters write text or numbers, and false."""
    events = [event_of({**AN_EVENT, "data": {"user_properties_updated": value}}) for value in (yes, no)]
    expected = [(USER, TRACK), (TRACK,)]

    assert expected == [parts_of(ON_BOTH, event) for event in events]


@pytest.mark.parametrize(
    ("rules", "row", "part", "parts"),
    [
        (ON_BOTH, A_CHANGE, USER, (USER,)),
        (ON_BOTH, A_CHANGE, TRACK, (TRACK,)),
        (ON_BOTH, A_CHANGE, MESSAGE, (USER, TRACK)),
        (ON_BOTH, A_CHANGE, "unheard of", (USER, TRACK)),
        (ON_IDENTIFY, AN_IDENTIFY, USER, (USER,)),
        (ON_IDENTIFY, AN_IDENTIFY, MESSAGE, (USER,)),
        (ON_IDENTIFY, AN_EVENT, TRACK, (TRACK,)),
    ],
)
def test_only_the_part_of_a_dead_letter_runs_again(
    rules: BranchRules, row: dict[str, Any], part: str, parts: tuple[str, ...]
) -> None:
    """The other part was delivered; a message that never became an event has no parts yet."""
    event = event_of(row, dl_part=part, dl_config=sync_tag(SYNC, "0123456789ab"))

    assert parts == parts_of(rules, event)


@pytest.mark.parametrize(
    ("rules", "row", "part"), [(ON_IDENTIFY, A_CHANGE, USER), (ON_BOTH, AN_EVENT, USER), (ON_BOTH, AN_IDENTIFY, TRACK)]
)
def test_a_part_that_is_no_longer_made_is_dropped(rules: BranchRules, row: dict[str, Any], part: str) -> None:
    """A dead letter of a config that was changed since is counted, not run as something else."""
    expected = "part_not_selected"

    assert expected == drop_of(rules, event_of(row, dl_part=part))


@pytest.mark.parametrize("name", ["Another sync", "", "amplitude to iterable"])
@pytest.mark.parametrize("row", [AN_IDENTIFY, AN_EVENT])
def test_a_dead_letter_of_another_config_is_dropped(name: str, row: dict[str, Any]) -> None:
    """Two syncs may share a dead-letter topic: each replays its own."""
    expected = "other_sync"

    assert expected == drop_of(ON_BOTH, event_of(row, dl_config=sync_tag(name, "0123456789ab")))


def test_a_changed_config_replays_its_own() -> None:
    """The name counts; the hash tells a person which version it was."""
    expected = (TRACK,)

    assert expected == parts_of(ON_BOTH, event_of(AN_EVENT, dl_config=sync_tag(SYNC, "another hash")))


@pytest.mark.parametrize(
    ("row", "attributes", "parts"),
    [(A_CHANGE, {}, (TRACK,)), (A_CHANGE, {"dl_part": USER}, (TRACK,)), (AN_EVENT, {}, (TRACK,))],
)
def test_only_the_part_that_waited_is_resumed(
    row: dict[str, Any], attributes: dict[str, str], parts: tuple[str, ...]
) -> None:
    """What the run itself knows of a message goes before what an old rejection wrote on it."""
    event = event_of(row, Resumed(TRACK, attempts=1, waits=1, first_tried=9.0), **attributes)

    assert parts == parts_of(ON_BOTH, event)


def test_the_step(check_step: Callable[..., None]) -> None:
    """Each event goes to its branches, a second part is a split, and a drop is counted where the event belonged."""
    identify, event, change = (event_of(row) for row in (AN_IDENTIFY, AN_EVENT, A_CHANGE))
    foreign_identify, foreign_event = (event_of(row, dl_config="Other#1") for row in (AN_IDENTIFY, AN_EVENT))

    check_step(
        BranchEvents(ON_BOTH),
        [[identify, event], [change, foreign_identify, foreign_event]],
        users=[identify, change],
        tracks=[event, change],
        outcomes=[
            Outcome(SPLIT, TRACK, "", change.message, event="Order Completed"),
            Outcome(DROPPED, USER, "other_sync", foreign_identify.message, event="$identify"),
            Outcome(DROPPED, TRACK, "other_sync", foreign_event.message, event="Order Completed"),
        ],
    )


def test_a_fault_of_ours_costs_the_event_alone() -> None:
    """On Dataflow a bundle that fails is tried for ever."""
    message, outcomes = Message(b"{}", {}, "1", 0.0), list[Outcome]()

    parts = route(ON_CHANGES, Event(message, {"data": 5}, "Song Played", 0.0), outcomes)

    assert parts == ()
    assert [outcome[:4] for outcome in outcomes] == [(DEAD_LETTERED, MESSAGE, "processing_failed", message)]
