# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.delivery.gating import KINDS, UPDATE_EMAIL, breaches, coming, pending_of
from transforms.delivery.batch import Pending
from transforms.delivery.chunk_gate import ChunkGate
from transforms.delivery.outcomes import handed_back
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.operation import Order
from transforms.iterable.operations import OPERATIONS
from transforms.model.items import CART, TRACK, Item, Resumed

AT_ONCE = 3  # chunks


class Chunk:
    """What is open of it, and what it handed back."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.open = [Pending.of(item, 0.0) for item in items]
        self.back: list[Item] = []
        self.done: list[Pending] = []


class Process:
    """Chunks of `left`, as the loop and the dispatcher do it, until it is killed; chunks are settled in order."""

    def __init__(self, left: list[Item], rng: Random) -> None:
        self.left = left  # neither settled nor in a chunk; what was written down comes first
        self.back: list[Item] = []
        self.chunks: list[Chunk] = []
        self.inside: list[Pending] = []
        self.gate = ChunkGate(DeliveryRules(OPERATIONS))
        self._rng = rng

    def begin(self) -> None:
        if len(self.chunks) == AT_ONCE or (self.back and self.chunks):
            return
        count = self._rng.randint(1, 6)
        chunk = Chunk([*self.back, *self.left[:count]])
        self.back, self.left = [], self.left[count:]
        self.chunks.append(chunk)
        self.gate.take_up([(each.item.message.message_id, each.item.part) for each in chunk.open])
        self.inside += [each for each in chunk.open if self.gate.lets_in(each)]
        for pending in self.gate.take_handed_back():
            chunk.open.remove(pending)
            chunk.back.append(pending.item._replace(message=handed_back(pending).message))

    def answer(self) -> list[Pending]:
        if not self.inside:
            return []
        pending = self.inside.pop(self._rng.randrange(len(self.inside)))
        self.inside += self.gate.leave(pending)
        chunk = next(each for each in self.chunks if pending in each.open)
        chunk.open.remove(pending)
        chunk.done.append(pending)
        return [pending]

    def settle(self) -> Chunk | None:
        if not self.chunks or self.chunks[0].open:
            return None
        self.back += self.chunks[0].back
        return self.chunks.pop(0)


@settings(deadline=None, max_examples=300)
@given(kinds=KINDS, seed=st.integers(0, 1000))
def test_what_is_sent_again_after_a_kill_is_on_the_side_of_a_barrier_on_which_it_was(
    kinds: list[tuple[str, str]], seed: int
) -> None:
    """Nothing is sent behind a barrier that came after it, nor before one; and a barrier sent again is in doubt."""
    rng, came = Random(seed), coming(kinds)
    not_settled = {int(each.item.message.message_id): each.item for each in came}
    written: dict[int, Item] = {}
    sent: list[Pending] = []
    process = Process([*not_settled.values()], rng)
    while not_settled:
        if rng.random() < 0.5:
            process.begin()
        for pending in process.answer():
            is_again = any(pending.item.message.message_id == each.item.message.message_id for each in sent)
            assert pending.in_doubt or not (is_again and pending.item.part == UPDATE_EMAIL)
            sent.append(pending)
        if rng.random() < 0.3 and (chunk := process.settle()):
            written |= {int(item.message.message_id): item for item in chunk.back}
            for each in chunk.done:
                written.pop(int(each.item.message.message_id), None)
                del not_settled[int(each.item.message.message_id)]
        if rng.random() < 0.05:
            sent += [each for each in process.inside if rng.random() < 0.5]
            unread = [item for number, item in not_settled.items() if number not in written]
            process = Process([*(written[number] for number in sorted(written)), *unread], rng)

    assert breaches(sent, came) == []


def test_a_barrier_is_in_doubt_only_if_another_process_may_have_sent_it() -> None:
    """Not if this one wrote it down; nor if it waited for its user, for then it was not taken."""
    gate = ChunkGate(DeliveryRules(OPERATIONS))
    new = pending_of(UPDATE_EMAIL, "a@x.com", "1")
    assert not gate.lets_in(new)
    (handed,) = gate.take_handed_back()
    again, waited = (
        Pending.of(new.item._replace(message=message), 0.0)
        for message in (
            handed_back(handed).message,
            new.item.message._replace(message_id="2", resumed=Resumed(UPDATE_EMAIL, 2, 1, 0.0)),
        )
    )

    gate.take_up([("1", UPDATE_EMAIL)])

    assert (gate.lets_in(again), again.in_doubt) == (True, False)
    assert (gate.lets_in(waited), waited.in_doubt) == (False, False)
    other_process = ChunkGate(DeliveryRules(OPERATIONS))
    assert (other_process.lets_in(again), again.in_doubt) == (False, True)
    (message,) = (handed_back(one).message for one in other_process.take_handed_back())
    assert message.resumed
    assert message.resumed.in_doubt


def test_what_failed_alone_does_not_pass_a_barrier() -> None:
    gate, event = ChunkGate(DeliveryRules(OPERATIONS)), pending_of(TRACK, "a@x.com", "2")
    assert gate.may_go_alone(event)

    gate.lets_in(pending_of(UPDATE_EMAIL, "a@x.com", "1"))

    assert not gate.may_go_alone(event)


def test_without_barriers_nothing_is_handed_back() -> None:
    """What goes in turn is held until it is its turn."""
    gate = ChunkGate(DeliveryRules(tuple(each for each in OPERATIONS if each.order is not Order.BARRIER)))
    first, second = (pending_of(CART, "a@x.com", number) for number in "12")

    assert [gate.lets_in(first), gate.lets_in(second)] == [True, False]
    assert gate.take_handed_back() == []
    assert gate.leave(first) == [second]
