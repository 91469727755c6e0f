# SPDX-License-Identifier: Apache-2.0
"""Runs chunks through the graph on this machine, several at once. Knows no source and no sink."""

import shutil
from collections.abc import Callable
from queue import LifoQueue
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.transforms.environments import EmbeddedPythonEnvironment

from pipeline.graph import build_graph
from transforms.chunk_io import Chunk, ChunkSlot, CollectOutcomes, TakeChunk
from transforms.delivery.settings import SenderSettings
from transforms.mapping.translate import Rules
from transforms.model.errors import FatalError, OutageError
from transforms.model.items import Message
from transforms.model.outcomes import Outcome
from transforms.send_bounded import SendBounded


class _Graph(NamedTuple):
    """In Beam's portable form, and where it finds its chunk."""

    slot: ChunkSlot
    proto: Any


class ChunkRunner:
    """(messages, flush, handed_over) → the outcomes of all their items; it blocks until they are known.

    The graph is built and translated once per slot, when first it is needed: for every chunk anew that would take three
    times as long as a chunk of a few messages itself.

    Args:
      slots: how many chunks may run at once.
    """

    def __init__(self, rules: Rules, settings: SenderSettings, options: PipelineOptions, slots: int) -> None:
        self._rules = rules
        self._settings = settings
        self._options = options
        self._graphs: LifoQueue[_Graph | None] = LifoQueue()  # those that are built before those that are not
        for _ in range(slots - 1):
            self._graphs.put(None)
        self._graphs.put(self._build())

    def __call__(self, messages: list[Message], flush: bool, handed_over: Callable[[], None]) -> list[Outcome]:
        """Raises FatalError and OutageError, as the sender does."""
        graph = self._graphs.get()
        try:
            graph = graph or self._build()
            with graph.slot.holding(Chunk(messages, flush, handed_over)) as chunk:
                FnApiRunner().run_via_runner_api(graph.proto, self._options)
                return chunk.outcomes
        except (FatalError, OutageError) as error:
            raise type(error)(str(error).partition(" [while running")[0]) from None  # Beam adds the step's label
        finally:
            self._graphs.put(graph)

    def _build(self) -> _Graph:
        slot = ChunkSlot()
        # Named, not --runner=DirectRunner: that would first try to download another runner.
        graph = beam.Pipeline(runner=FnApiRunner(), options=self._options)
        build_graph(graph, TakeChunk(slot), self._rules, SendBounded(self._settings, slot), CollectOutcomes(slot))
        # Beam makes a folder for every pipeline, and removes it when that is run: this one is never.
        shutil.rmtree(graph.local_tempdir, ignore_errors=True)
        return _Graph(slot, graph.to_runner_api(default_environment=EmbeddedPythonEnvironment.default()))
