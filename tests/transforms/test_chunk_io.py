# SPDX-License-Identifier: Apache-2.0
import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from transforms.chunk_io import Chunk, ChunkSlot, CollectOutcomes, TakeChunk
from transforms.elements import Records
from transforms.model.items import MESSAGE, Message
from transforms.model.outcomes import DROPPED, Outcome
from transforms.parse import MAX_LIST


def drop_all(messages: Records) -> Records:
    """One outcome per message; its detail says how long the list was."""
    return Records(Outcome(DROPPED, MESSAGE, "test", message, str(len(messages))) for message in messages)


def run(slot: ChunkSlot) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        messages = pipeline | "Take" >> TakeChunk(slot)
        dropped = messages | "Drop" >> beam.Map(drop_all)  # type: ignore[no-untyped-call] # Beam's
        _ = (dropped,) | "Collect" >> CollectOutcomes(slot)


def messages_of(count: int) -> list[Message]:
    return [Message(b"{}", {}, f"m{number}", 0.0) for number in range(count)]


@pytest.mark.parametrize(
    ("count", "expected"), [(0, set()), (1, {"1"}), (MAX_LIST, {"500"}), (MAX_LIST + 1, {"500", "1"})]
)
def test_a_chunk_goes_through_the_graph_and_back(count: int, expected: set[str]) -> None:
    """Every message of a chunk comes in, in lists of at most 500, and every outcome comes back."""
    messages = messages_of(count)

    slot = ChunkSlot()
    with slot.holding(Chunk(messages)) as chunk:
        run(slot)

    assert messages == [outcome.message for outcome in chunk.outcomes]
    assert expected == {outcome.detail for outcome in chunk.outcomes}


def test_lists_of_a_chunk_are_bounded_in_bytes() -> None:
    """Long messages go alone: all of a list are held as objects at once."""
    messages = [Message(b"x" * size, {}, f"m{size}", 0.0) for size in (9_500_000, 400_000, 600_000, 1)]

    slot = ChunkSlot()
    with slot.holding(Chunk(messages)) as chunk:
        run(slot)

    assert messages == [outcome.message for outcome in chunk.outcomes]
    assert [outcome.detail for outcome in chunk.outcomes] == ["1", "2", "2", "1"]


def test_chunks_do_not_mix() -> None:
    """Each run finds its own chunk, while another one is open."""
    one, other = ChunkSlot(), ChunkSlot()
    with one.holding(Chunk(messages_of(2))) as first, other.holding(Chunk(messages_of(3))) as second:
        run(other)
        run(one)

    expected = (2, 3)

    assert expected == (len(first.outcomes), len(second.outcomes))


def test_a_chunk_is_only_there_while_it_is_open() -> None:
    """In another process, as after the end, it cannot be found: the error names the runner that it takes."""
    slot = ChunkSlot()
    with slot.holding(Chunk(messages_of(1))) as chunk:
        assert chunk is ChunkSlot.chunk_in(slot.key)

    with pytest.raises(RuntimeError, match="needs --runner=FnApiRunner"):
        ChunkSlot.chunk_in(slot.key)
