"""Runs chunks through the graph on this machine, several at once. Knows no source and no sink."""

import shutil
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

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


class ChunkRunner:
    """(messages, flush, handed_over) → the outcomes of all their items; it blocks until they are known.

    The graph is built and translated once per slot: for every chunk anew that would take three times as long as a chunk
    of a few messages itself.

    Args:
      slots: how many chunks may run at once.
    """

    def __init__(self, rules: Rules, settings: SenderSettings, options: PipelineOptions, slots: int) -> None:
        self._options = options
        self._graphs: SimpleQueue[tuple[ChunkSlot, Any]] = SimpleQueue()  # a slot and the graph in Beam's portable form
        for _ in range(slots):
            slot = ChunkSlot()
            # Named, not --runner=DirectRunner: that would first try to download another runner.
            graph = beam.Pipeline(runner=FnApiRunner(), options=options)
            build_graph(graph, TakeChunk(slot), rules, SendBounded(settings, slot), CollectOutcomes(slot))
            self._graphs.put((slot, graph.to_runner_api(default_environment=EmbeddedPythonEnvironment.default())))
            # Beam makes a folder for every pipeline, and removes it when that is run: this one is never.
            shutil.rmtree(graph.local_tempdir, ignore_errors=True)

    def __call__(self, messages: list[Message], flush: bool, handed_over: Callable[[], None]) -> list[Outcome]:
        """Raises FatalError and OutageError, as the sender does."""
        slot, graph = self._graphs.get()
        try:
            with slot.holding(Chunk(messages, flush, handed_over)) as chunk:
                FnApiRunner().run_via_runner_api(graph, self._options)
                return chunk.outcomes
        except (FatalError, OutageError) as error:
            raise type(error)(str(error).partition(" [while running")[0]) from None  # Beam adds the step's label
        finally:
            self._graphs.put((slot, graph))
