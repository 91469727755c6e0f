# SPDX-License-Identifier: Apache-2.0
"""What a subscription has handed out: leased until it is acknowledged, or given back. Knows no chunk and no pull.

An exactly-once subscription refuses the ids whose lease has lapsed, each by name, and takes the others of the request
(https://cloud.google.com/pubsub/docs/exactly-once-delivery): such a message comes again with another id.

Why not the client's `subscribe()`, which leases, too (google-cloud-pubsub 2.44):
- Of an ordinary subscription it takes every acknowledgement for done, also one that Pub/Sub refused or never got. Here
  a run ends, and says that nothing is left, only when each is confirmed.
- It never says that there is nothing: a drain would end by silence, which may be an outage. A pull may ask.
- It hands out message by message. 20,000 of 1 kB were drained from the emulator in chunks of 2,000, three times each,
  side by side: here in 1.8 to 3.8 s, of them 0.6 to 0.8 s of CPU; by subscribe() in 10.7 to 11.9 s, of them 2.3 to
  2.7 s of CPU, or 3.3 to 4.3 s where each acknowledgement is awaited (exactly-once). Peak memory grew by 17 to 20 MB
  here, by 15 or (exactly-once) 59 MB there.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from google.cloud.pubsub_v1 import SubscriberClient

from pipeline.sources.pubsub_client import CALL_SECONDS
from transforms.dead_letters.pubsub_errors import PASSING, first_line
from transforms.model.errors import FatalError

LEASE_SECONDS = 30  # so long after a crash its messages come again
EXTEND_SECONDS = 8.0  # Pub/Sub's shortest lease, which a subscription may begin with, is 10 s
LONG_LEASE_SECONDS = 600  # Pub/Sub's longest
MAX_ASIDE = 200_000  # messages that are kept from coming again, 300 bytes each
MAX_LAPSED = 200_000  # messages whose acknowledgement did not count: known again when they come again
MAX_ACK_IDS = 1000  # per request; Pub/Sub takes 512 KiB
RETRY_SECONDS = 1.0
CONFIRM_SECONDS = 60.0  # for the last acknowledgements
CLOSE_SECONDS = 5.0  # for what is better done before the end, but comes right by itself later
HURRY_SECONDS = 1.0  # the same, once there is no time

TRANSIENT = "TRANSIENT_"  # so begins what an exactly-once subscription says of an id that may be asked for again


class _Answer(NamedTuple):
    """The ids of a request that did not count: those that may be asked for again, and those that never will."""

    again: set[str]
    lapsed: set[str]


class Leases:
    """Extends leases, and acknowledges what is settled, each in a thread of its own."""

    def __init__(self, client: SubscriberClient, subscription: str) -> None:
        self._client = client
        self._subscription = subscription
        # message id → ack id of its latest delivery, for all that is not acknowledged; "" once that has lapsed
        self._ack_ids: dict[str, str] = {}
        self._aside: dict[str, str] = {}  # the same for what is neither settled nor to come again in this run
        self._short_aside: set[str] = set()  # the messages among them that have no long lease yet
        self._lapsed: dict[str, None] = {}  # settled, but Pub/Sub will deliver it again; the oldest first
        self._lock = threading.Lock()  # of all four
        self._settled: queue.Queue[Collection[str]] = queue.Queue()  # no SimpleQueue: see pubsub.py
        self._unconfirmed = 0  # settled, but not acknowledged
        self._confirmed = threading.Condition()
        self._hurried = False
        self._closed = threading.Event()
        self.problem = ""  # why nothing more is acknowledged, in one line
        for work in (self._extend, self._acknowledge):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()

    def __len__(self) -> int:
        """How many messages are held, without those set aside."""
        return len(self._ack_ids)

    def hold(self, received: Iterable[Any]) -> list[Any]:
        """From now on; returns those that are new to this run.

        Of one that is held already the lease is new; one that is settled is acknowledged once more.
        """
        new, settled = [], []
        with self._lock:
            for one in received:
                message_id = one.message.message_id
                if message_id in self._aside:
                    self._aside[message_id] = one.ack_id
                    self._short_aside.add(message_id)
                    continue
                if message_id in self._lapsed:
                    del self._lapsed[message_id]
                    settled.append(message_id)
                elif message_id not in self._ack_ids:
                    new.append(one)
                self._ack_ids[message_id] = one.ack_id
        if settled:
            self.settle(settled)
        return new

    def settle(self, message_ids: Collection[str]) -> None:
        """They will be acknowledged; `confirm` waits for it."""
        with self._confirmed:
            self._unconfirmed += len(message_ids)
        self._settled.put(message_ids)

    def set_aside(self, message_ids: Collection[str]) -> None:
        """Raises FatalError if that makes too many of them."""
        if not message_ids:
            return
        with self._lock:
            self._aside |= {message_id: self._ack_ids.pop(message_id) for message_id in message_ids}
            self._short_aside.update(message_ids)
        if len(self._aside) > MAX_ASIDE:
            raise FatalError(f"{self._subscription} holds more than {MAX_ASIDE:,} messages that are not for this run")

    def confirm(self, seconds: float = CONFIRM_SECONDS) -> None:
        """Returns when Pub/Sub has every acknowledgement; raises FatalError if it does not take them, or in a hurry."""
        with self._confirmed:
            self._confirmed.wait_for(lambda: self.problem or self._hurried or not self._unconfirmed, seconds)
            if self._unconfirmed:
                raise FatalError(self.problem or f"Pub/Sub confirms no acknowledgement of {self._subscription}")

    def hurry(self) -> None:
        """Whoever waits for Pub/Sub does not any longer."""
        with self._confirmed:
            self._hurried = True
            self._confirmed.notify_all()

    def give_back(self) -> None:
        """All that is held comes again at once, to whoever pulls; as much of it as can be told in a few seconds."""
        self._closed.set()
        until = time.monotonic() + (HURRY_SECONDS if self._hurried else CLOSE_SECONDS)
        with self._lock:
            ack_ids = [*self._aside.values(), *self._ack_ids.values()]  # first what has the longest leases
        self._lease(ack_ids, 0, until)

    def _extend(self) -> None:
        extend_aside_at = time.monotonic() + LONG_LEASE_SECONDS / 2
        while not self._closed.wait(EXTEND_SECONDS):
            with self._lock:
                held = list(self._ack_ids.values())
                if is_due := time.monotonic() > extend_aside_at:
                    self._short_aside = set(self._aside)
                aside = {message_id: self._aside[message_id] for message_id in self._short_aside}
                self._short_aside = set()
            if is_due:
                extend_aside_at = time.monotonic() + LONG_LEASE_SECONDS / 2
            self._lease(held, LEASE_SECONDS, time.monotonic() + EXTEND_SECONDS)
            self._lease(list(aside.values()), LONG_LEASE_SECONDS, time.monotonic() + EXTEND_SECONDS)

    def _lease(self, ack_ids: list[str], seconds: int, until: float) -> None:
        """Best effort, and no longer than `until`: a lease that ends early is a message that comes again."""
        while ack_ids and time.monotonic() < until:
            if ack_ids := self._lease_once(ack_ids, seconds, until):
                time.sleep(RETRY_SECONDS / 4)

    def _lease_once(self, ack_ids: list[str], seconds: int, until: float) -> list[str]:
        """Returns what may be asked for again."""
        again: list[str] = []
        lapsed: set[str] = set()
        for group in _groups(list(filter(None, ack_ids))):
            if (left := until - time.monotonic()) <= 0:
                break
            request = {"subscription": self._subscription, "ack_ids": group, "ack_deadline_seconds": seconds}
            try:
                self._client.modify_ack_deadline(request=request, timeout=min(left, CALL_SECONDS), retry=None)
            except Exception as error:
                if answer := _answer_of(group, error):
                    again += answer.again
                    lapsed |= answer.lapsed
        if lapsed:
            self._forget(lapsed)
        return again

    def _forget(self, lapsed: set[str]) -> None:
        """Their messages come again with other ids."""
        with self._lock:
            for held in (self._ack_ids, self._aside):
                held.update({message_id: "" for message_id, ack_id in held.items() if ack_id in lapsed})

    def _acknowledge(self) -> None:
        try:
            while not self._closed.is_set():
                with contextlib.suppress(queue.Empty):
                    for group in _groups(list(self._settled.get(timeout=RETRY_SECONDS))):
                        self._acknowledge_all(group)
        except Exception as error:
            self._stop(f"the subscription {self._subscription} takes no acknowledgements: {first_line(error)}")

    def _acknowledge_all(self, message_ids: list[str]) -> None:
        """Pub/Sub is asked until it says yes or no to each."""
        while message_ids and not self._closed.is_set():
            with self._lock:
                asked = {message_id: self._ack_ids[message_id] for message_id in message_ids}
            answer = self._ask(list(filter(None, asked.values())))
            message_ids = self._take_note(asked, answer)
            if answer.again:
                self._closed.wait(RETRY_SECONDS)

    def _ask(self, ack_ids: list[str]) -> _Answer:
        """One request to acknowledge them."""
        if ack_ids:
            request = {"subscription": self._subscription, "ack_ids": ack_ids}
            try:
                self._client.acknowledge(request=request, timeout=CALL_SECONDS, retry=None)
            except Exception as error:
                if not (answer := _answer_of(ack_ids, error)):
                    raise
                return answer
        return _Answer(set(), set())

    def _take_note(self, asked: dict[str, str], answer: _Answer) -> list[str]:
        """Of what is acknowledged, and of what comes again; returns the messages to ask for once more."""
        left = []
        with self._lock:
            for message_id, ack_id in asked.items():
                is_lapsed = not ack_id or ack_id in answer.lapsed
                is_renewed = self._ack_ids[message_id] not in ("", ack_id)
                if ack_id in answer.again or (is_lapsed and is_renewed):
                    left.append(message_id)
                    continue
                del self._ack_ids[message_id]
                if is_lapsed:
                    self._lapsed[message_id] = None
            while len(self._lapsed) > MAX_LAPSED:
                del self._lapsed[next(iter(self._lapsed))]
        with self._confirmed:
            self._unconfirmed -= len(asked) - len(left)
            self._confirmed.notify_all()
        return left

    def _stop(self, problem: str) -> None:
        with self._confirmed:
            self.problem = problem
            self._confirmed.notify_all()


def _answer_of(ack_ids: list[str], error: Exception) -> _Answer | None:
    """What became of each id of a request that failed; None if that was refused as a whole."""
    told = getattr(error, "metadata", None) or {}
    if verdicts := {ack_id: told[ack_id] for ack_id in ack_ids if ack_id in told}:
        again = {ack_id for ack_id, verdict in verdicts.items() if verdict.startswith(TRANSIENT)}
        return _Answer(again, verdicts.keys() - again)
    return _Answer(set(ack_ids), set()) if isinstance(error, PASSING) else None


def _groups(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + MAX_ACK_IDS] for start in range(0, len(ids), MAX_ACK_IDS))
