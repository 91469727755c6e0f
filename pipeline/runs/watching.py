# SPDX-License-Identifier: Apache-2.0
"""What is under way in a run on this machine, gathered where each thing is known. Reads only; knows no screen."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from pipeline.config.loader import LoadedConfig
from pipeline.records.activity import Activity
from pipeline.records.recorder import Recorder
from pipeline.reports.tally import Tally
from pipeline.reports.under_way import OperationNow, Rate, Snapshot, TimeLeft, Trouble, Waiting
from pipeline.run_options import Files, RunOptions, Subscription
from pipeline.runs.chunk_loop import Standing
from pipeline.sources.source import Source
from transforms.delivery.driver import Driver
from transforms.delivery.runtime import steady_time
from transforms.delivery.settings import SenderSettings
from transforms.delivery.waiting import USER_APPLY_SECONDS
from transforms.iterable.operation import Order
from transforms.iterable.operations import BY_PART, of_which_there_is
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DROPPED
from transforms.model.release import RELEASE

TROUBLE_SECONDS = 5.0  # less without an answer that is one, or without a request, is not worth a word


class Sending(NamedTuple):
    """Who sends, and who is told of the requests."""

    settings: SenderSettings
    driver: Driver
    activity: Activity


class Watch:
    """Of one run, from its beginning.

    Args:
      sending: None for one that asks nothing of Iterable.
      ends: what waits when all is read is kept for the next run, before it is given up.
    """

    def __init__(
        self, title: str, doing: str, tally: Tally, source: Source, sending: Sending | None = None, ends: bool = True
    ) -> None:
        self._title = title
        self._doing = doing
        self.tally = tally
        self._source = source
        self._sending = sending
        self._ends = ends
        self._has_waited = False  # since nothing more was to be read
        self._began = steady_time()
        self._time_left = TimeLeft(self._began, source.share_settled or 0.0)
        self._read = Rate(self._began, tally.read)
        operations = sending.settings.rules.operations if sending else ()
        self._requests = {each.setting: Rate(self._began, self._requests_of(each.setting)) for each in operations}

    def look(self, standing: Standing) -> Snapshot:
        now, tally, share = steady_time(), self.tally, self._source.share_settled
        trouble = self._trouble(standing, now)
        rests_for = None if trouble else self._rests_for(now)
        if share is not None and self._source.is_exhausted:  # then how it went foretells nothing of what waits
            self._has_waited |= rests_for is not None or any(True for _ in standing.waiting)
        is_answered = not trouble and rests_for is None and not self._has_waited
        delivered = tally.delivered_by_part
        return Snapshot(
            title=self._title,
            doing=self._doing,
            seconds=now - self._began,
            read=tally.read,
            per_second=self._read.at(now, tally.read),
            in_flight=tally.in_flight,
            delivered=[(each.items, delivered[each.part]) for each in of_which_there_is(delivered)],
            dropped=tally.by_reason(DROPPED).most_common(),
            dead=tally.by_reason(DEAD_LETTERED).most_common(),
            waiting=self._waiting(standing),
            operations=list(self._operations(now)),
            trouble=trouble,
            rests_for=rests_for,
            barrier="" if rests_for is None else self._barrier(),
            share=share,
            left=None if share is None else self._time_left.at(now, share, is_answered=is_answered),
            is_all_read=standing.ends_in is not None,
            stops_in=standing.stops_in,
        )

    def _waiting(self, standing: Standing) -> Waiting:
        waiting = list(standing.waiting)
        alone = sum(message.resumed is not None and message.resumed.own_failures > 0 for message in waiting)
        if standing.ends_in is not None:  # what waits then is in flight, tried right now or not
            items = self.tally.in_flight
            return Waiting(items - alone, alone, standing.due_in, _in(standing.ends_in) if items else None)
        if not waiting:
            return Waiting()
        until = None
        if self._sending and not self._ends and (ends := self._first_end(waiting)) is not None:
            until = _in(max(ends - steady_time(), standing.due_in or 0.0))
        return Waiting(len(waiting) - alone, alone, standing.due_in, until)

    def _first_end(self, waiting: Sequence[Message]) -> float | None:
        """When the first that waits for its user may be given up, at the earliest: as delivery/waiting.py decides."""
        age = sum(self._sending.settings.rules.unknown_user_delays) if self._sending else 0.0
        tried = ((message, message.resumed) for message in waiting)
        ends = (
            max(message.publish_time + age, resumed.first_tried + USER_APPLY_SECONDS)
            for message, resumed in tried
            if resumed and not resumed.own_failures
        )
        return min(ends, default=None)

    def _operations(self, now: float) -> Iterator[OperationNow]:
        if not self._sending:
            return
        for each in self._sending.settings.rules.operations:
            taken = self._sending.activity.taken_at.get(each.setting)
            rate = self._requests[each.setting].at(now, self._requests_of(each.setting))
            yield OperationNow(each.setting, rate, each.per_second, None if taken is None else time.time() - taken)

    def _requests_of(self, operation: str) -> int:
        requests = list(self.tally.requests.items())  # the dispatcher's thread counts meanwhile
        return sum(count for (name, _), count in requests if name == operation)

    def _trouble(self, standing: Standing, now: float) -> Trouble | None:
        if not self._sending or not self.tally.in_flight:
            return None
        driver, failing = self._sending.driver, self._sending.activity.failing
        if not failing or (seconds := time.time() - failing.began) < TROUBLE_SECONDS:
            return None
        next_in = driver.next_request - now if standing.paused_for is None else standing.paused_for
        is_tried = not driver.is_idle or next_in <= 0 or math.isinf(next_in)
        return Trouble(failing.answer, seconds, self._sending.activity.tries, None if is_tried else next_in)

    def _rests_for(self, now: float) -> float | None:
        """A call waits in its place, for its user or for the rest of a day whose limit is used up."""
        seconds = self._sending.driver.next_request - now if self._sending and self._sending.driver.is_idle else 0.0
        return seconds if TROUBLE_SECONDS < seconds < math.inf else None

    def _barrier(self) -> str:
        operation = BY_PART.get(self._sending.driver.kept_part) if self._sending else None
        return operation.item if operation and operation.order is Order.BARRIER else ""


def start_line(options: RunOptions, loaded: LoadedConfig, url: str, recorder: Recorder) -> str:
    """What is run, by what, from where to where."""
    parts = (
        loaded.config.name,
        f"a2i {RELEASE}",
        f"config {loaded.hash}",
        urlsplit(url).netloc,
        _source_of(options),
        f"{'goes on with ' if recorder.goes_on else ''}run {recorder.run}",
    )
    return " · ".join(parts)


def doing_of(options: RunOptions, is_replay: bool) -> str:
    """`draining subscription events`."""
    read = options.input
    what = _source_of(options)
    if isinstance(read, Subscription):
        what = f"subscription {read.name.rpartition('/')[2]}"
        return f"{'replaying' if is_replay else 'reading' if read.forever else 'draining'} {what}"
    return f"{'replaying' if is_replay else 'reading'} {what}"


def _source_of(options: RunOptions) -> str:
    read = options.input
    if not isinstance(read, Files):
        return read.name
    first, *others = read.patterns
    return f"{first} and {len(others):,} more" if others else first


def _in(seconds: float) -> float:
    """Unix seconds."""
    return time.time() + seconds
