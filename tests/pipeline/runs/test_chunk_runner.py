# SPDX-License-Identifier: Apache-2.0
"""One graph for all chunks of a run: what becomes of one is no other's business."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.runs.chunk_runner import ChunkRunner
from pipeline.sandbox.bench.configs import EVERYTHING, loaded
from pipeline.sandbox.iterable.running import SimulatedIterable
from transforms.delivery.resources import client, dispatcher, sent_values
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, NOTED, Outcome


@pytest.fixture
def run_chunk(iterable: SimulatedIterable, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChunkRunner]:
    monkeypatch.setenv("ITERABLE_API_KEY", iterable.api_key)
    config = loaded(EVERYTHING)
    with closing(ChunkRunner(rules_of(config), sender_settings_of(config, iterable.url), PipelineOptions([]))) as made:
        yield made
    for cached in (client, sent_values, dispatcher):
        cached.cache_clear()


def identify(name: str) -> Message:
    data = b'{"event_type": "$identify", "user_id": "%b", "user_properties": {"$set": {"plan": "pro"}}}' % name.encode()
    return Message(data, {}, name, 1.8e9)


def kinds(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return sorted((outcome.message.message_id, outcome.kind) for outcome in outcomes if outcome.kind != NOTED)


def test_what_never_was_an_item_comes_back_beside_what_was_sent(run_chunk: ChunkRunner) -> None:
    """All outcomes of a chunk, and of no other."""
    handed_over: list[str] = []
    chunks = {"a": [identify("a"), Message(b"no JSON", {}, "bad", 1.8e9)], "b": [identify("b")], "c": []}

    began = {name: run_chunk(chunk, True, lambda name=name: handed_over.append(name)) for name, chunk in chunks.items()}  # type: ignore[misc]

    assert {name: kinds(one.result()) for name, one in began.items()} == {
        "a": [("a", DELIVERED), ("bad", DEAD_LETTERED)],
        "b": [("b", DELIVERED)],
        "c": [],
    }
    assert handed_over == ["a", "b", "c"]


def test_a_chunk_in_which_a_step_fails_is_told_so_and_the_next_is_run(run_chunk: ChunkRunner) -> None:
    """Nothing of it is sent: it goes again, in parts."""
    nobodys = Message(None, {}, "of no bytes", 1.8e9)  # type: ignore[arg-type]  # what no source gives

    bad, good = (run_chunk(chunk, True, lambda: None) for chunk in ([identify("a"), nobodys], [identify("a")]))

    with pytest.raises(Exception, match="NoneType"):
        bad.result()
    assert kinds(good.result()) == [("a", DELIVERED)]
