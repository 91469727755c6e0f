"""Runs chunks through the graph on this machine, several at once. Knows no source and no sink."""

import logging
import shutil
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.transforms.environments import EmbeddedPythonEnvironment

from pipeline.graph import Rules, build_graph
from transforms.errors import FatalError, OutageError
from transforms.events import Message
from transforms.in_process import Chunk, CollectOutcomes, Lane, TakeChunk
from transforms.outcomes import Outcome
from transforms.send_collected import SendCollected
from transforms.sender import SenderSettings


class ChunkRunner:
    """(messages, flush, handed_over) → the outcomes of all their items; see ChunkLoop.

    The graph is built and translated once per lane: for every chunk anew that would take three times as long as a chunk
    of a few messages itself.

    Args:
      lanes: how many chunks may run at once.
    """

    def __init__(self, rules: Rules, settings: SenderSettings, options: PipelineOptions, lanes: int) -> None:
        self._options = options
        self._graphs: SimpleQueue[tuple[Lane, Any]] = SimpleQueue()  # a lane and the graph in Beam's portable form
        for _ in range(lanes):
            lane = Lane()
            # Named, not --runner=DirectRunner: that would first try to download another runner.
            graph = beam.Pipeline(runner=FnApiRunner(), options=options)
            build_graph(graph, TakeChunk(lane), rules, SendCollected(settings, lane), CollectOutcomes(lane))
            self._graphs.put((lane, graph.to_runner_api(default_environment=EmbeddedPythonEnvironment.default())))
            # Beam makes a folder for every pipeline, and removes it when that is run: this one is never.
            shutil.rmtree(graph.local_tempdir, ignore_errors=True)
        # A rejected record or key is no crash: what a step raises is told once, by the command line.
        logging.getLogger("apache_beam.runners").setLevel(logging.CRITICAL)

    def __call__(self, messages: list[Message], flush: bool, handed_over: Callable[[], None]) -> list[Outcome]:
        """Raises FatalError and OutageError, as the sender does."""
        lane, graph = self._graphs.get()
        try:
            with lane.holding(Chunk(messages, flush, handed_over)) as chunk:
                FnApiRunner().run_via_runner_api(graph, self._options)
                return chunk.outcomes
        except (FatalError, OutageError) as error:
            raise type(error)(str(error).partition(" [while running")[0]) from None  # Beam adds the step's label
        finally:
            self._graphs.put((lane, graph))
