# SPDX-License-Identifier: Apache-2.0
"""Runs chunks through the graph on this machine, one after the other. Knows no source and no sink."""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.transforms.environments import EmbeddedPythonEnvironment

from pipeline.graph import build_graph
from transforms.chunk_io import Chunk, ChunkSlot, CollectOutcomes, TakeChunks
from transforms.delivery.settings import SenderSettings
from transforms.mapping.translate import Rules
from transforms.model.items import Message
from transforms.model.outcomes import Outcome
from transforms.send_bounded import SendBounded, hand_in

END_SECONDS = 0.2  # for a graph to end that no chunk is in


class ChunkRunner:
    """(messages, flush, handed_over) → the outcomes of all their items, once they are known; it does not wait.

    The graph is a bounded pipeline that takes chunk after chunk, in a thread of its own, from the first one until
    `close`. If a step raises, so does the outcome of the chunk in hand, and the graph begins anew with the next.
    """

    def __init__(self, rules: Rules, settings: SenderSettings, options: PipelineOptions) -> None:
        self._options = options
        self._slot = ChunkSlot(partial(hand_in, settings))
        # Named, not --runner=DirectRunner: that would first try to download another runner.
        graph = beam.Pipeline(runner=FnApiRunner(), options=options)
        build_graph(graph, TakeChunks(self._slot), rules, SendBounded(self._slot), CollectOutcomes(self._slot))
        # Beam makes a folder for every pipeline, and removes it when that is run: this one is never.
        shutil.rmtree(graph.local_tempdir, ignore_errors=True)
        self._graph = graph.to_runner_api(default_environment=EmbeddedPythonEnvironment.default())
        self._thread: threading.Thread | None = None

    def __call__(self, messages: list[Message], flush: bool, handed_over: Callable[[], None]) -> Future[list[Outcome]]:
        """The future raises FatalError and OutageError, as the sender does."""
        chunk = Chunk(messages, flush, handed_over)
        self._slot.put(chunk)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="graph", daemon=True)
            self._thread.start()
        return chunk.done

    def close(self) -> None:
        """No chunk comes, or begins, any more; one that goes through the graph is not waited for."""
        self._slot.close()
        if self._thread:
            self._thread.join(END_SECONDS)

    def _run(self) -> None:
        is_closed = False
        while not is_closed:
            try:
                FnApiRunner().run_via_runner_api(self._graph, self._options)
                is_closed = True
            except Exception as error:  # told to whoever waits for the chunk
                is_closed = not self._slot.fail(error)
