# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Sequence

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from transforms.chunk_io import Chunk, ChunkSlot, CollectOutcomes, TakeChunks
from transforms.elements import Records
from transforms.model.items import MESSAGE, Message
from transforms.model.outcomes import DROPPED, Outcome
from transforms.parse import MAX_LIST


def drop_all(messages: Records) -> Records:
    """One outcome per message; its detail says how long the list was."""
    return Records(Outcome(DROPPED, MESSAGE, "test", message, str(len(messages))) for message in messages)


def run(*chunks: Chunk) -> None:
    run_slot(slot_of(chunks))


def slot_of(chunks: Sequence[Chunk]) -> ChunkSlot:
    """It is closed behind the last of them."""

    def end(chunk: Chunk) -> None:
        chunk.done.set_result(chunk.outcomes)
        if chunk is chunks[-1]:
            slot.close()

    slot = ChunkSlot(end)
    for chunk in chunks:
        slot.put(chunk)
    if not chunks:
        slot.close()
    return slot


def run_slot(slot: ChunkSlot, step: Callable[[Records], Records] = drop_all) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        messages = pipeline | "Take" >> TakeChunks(slot)
        dropped = messages | "Drop" >> beam.Map(step)  # type: ignore[no-untyped-call] # Beam's
        _ = (dropped,) | "Collect" >> CollectOutcomes(slot)


def messages_of(count: int) -> list[Message]:
    return [Message(b"{}", {}, f"m{number}", 0.0) for number in range(count)]


@pytest.mark.parametrize(
    ("count", "expected"), [(0, set()), (1, {"1"}), (MAX_LIST, {"500"}), (MAX_LIST + 1, {"500", "1"})]
)
def test_a_chunk_goes_through_the_graph_and_back(count: int, expected: set[str]) -> None:
    """Every message of a chunk comes in, in lists of at most 500, and every outcome comes back."""
    chunk = Chunk(messages_of(count))

    run(chunk)

    assert chunk.messages == [outcome.message for outcome in chunk.done.result()]
    assert expected == {outcome.detail for outcome in chunk.done.result()}


def test_lists_of_a_chunk_are_bounded_in_bytes() -> None:
    """Long messages go alone: all of a list are held as objects at once."""
    chunk = Chunk([Message(b"x" * size, {}, f"m{size}", 0.0) for size in (9_500_000, 400_000, 600_000, 1)])

    run(chunk)

    assert chunk.messages == [outcome.message for outcome in chunk.outcomes]
    assert [outcome.detail for outcome in chunk.outcomes] == ["1", "2", "2", "1"]


def test_chunks_go_one_after_the_other() -> None:
    """All of one went through all steps before the first message of the next is taken: none gets what is another's."""
    chunks = [Chunk(messages_of(count)) for count in (MAX_LIST + 2, 0, 3)]

    run(*chunks)

    assert [chunk.messages for chunk in chunks] == [[outcome.message for outcome in one.outcomes] for one in chunks]


def test_graphs_do_not_mix() -> None:
    """Each graph finds its own chunks, while another one runs."""
    first, second = Chunk(messages_of(2)), Chunk(messages_of(3))
    one, other = slot_of([first]), slot_of([second])

    run_slot(other)
    run_slot(one)

    expected = (2, 3)

    assert expected == (len(first.outcomes), len(second.outcomes))


def test_a_step_that_fails_ends_the_graph_and_its_chunk_alone() -> None:
    """Whoever waits for it is told; the next one is left for the next graph."""
    good, bad, next_one = Chunk(messages_of(1)), Chunk(messages_of(2)), Chunk(messages_of(3))
    slot = slot_of([good, bad, next_one])

    with pytest.raises(RuntimeError, match="two"):
        run_slot(slot, fail_at_two)
    was_told = slot.fail(ValueError("of two"))
    run_slot(slot)

    assert was_told
    assert str(bad.done.exception()) == "of two"
    assert [len(chunk.done.result()) for chunk in (good, next_one)] == [1, 3]


def fail_at_two(messages: Records) -> Records:
    if len(messages) == 2:
        raise RuntimeError("two")
    return drop_all(messages)


def test_a_graph_that_fails_before_its_first_chunk_fails_that() -> None:
    """Else whoever waits for it would wait for ever; without one there is nobody to tell."""
    chunk = Chunk(messages_of(1))
    slot = slot_of([chunk])

    assert slot.fail(ValueError("no graph"))
    assert str(chunk.done.exception()) == "no graph"
    slot.close()
    assert not slot.fail(ValueError("no graph"))


def test_chunks_are_only_found_in_this_process() -> None:
    """In another one they cannot be: the error names the runner that it takes."""
    slot = ChunkSlot(lambda _: None)
    key = slot.key

    assert slot is ChunkSlot.find(key)

    del slot
    with pytest.raises(RuntimeError, match="needs --runner=FnApiRunner"):
        ChunkSlot.find(key)


def test_a_slot_that_is_closed_takes_no_further_chunk() -> None:
    """Who closes it settles nothing any more: what is not begun would be sent twice."""
    first, second = Chunk(messages_of(1)), Chunk(messages_of(1))
    slot = slot_of([first])
    slot.put(second)

    run_slot(slot)

    assert first.done.done()
    assert not second.done.done()
