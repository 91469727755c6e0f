# SPDX-License-Identifier: Apache-2.0
"""Bundles of a stage in Beam's own classes of a worker. Knows no key, no clock and no fault."""

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.worker.bundle_processor import BundleProcessor
from apache_beam.runners.worker.data_plane import DataChannel, InMemoryDataChannel, InMemoryDataChannelFactory
from apache_beam.runners.worker.sdk_worker import GlobalCachingStateHandler
from apache_beam.runners.worker.statecache import StateCache

from pipeline.sandbox.dataflow.stages import IN, Stage, TimerFamily
from pipeline.sandbox.dataflow.state import BundleState, StateSwitch
from pipeline.sandbox.dataflow.timers import SetTimer, Timer, TimerId


class WorkerLostError(Exception):
    """The process that ran a bundle is no more."""


class Done(NamedTuple):
    """What a bundle came to: elements with window and time, and what it said of timers."""

    outputs: list[Any]
    timers: list[SetTimer]


class Harness(Protocol):
    """What runs the bundles of one stage."""

    stage: Stage

    def run(self, elements: Iterable[bytes], timers: Mapping[TimerId, Timer], state: BundleState) -> Done:
        """Raises WorkerLostError, or whatever a step raises."""


MakeHarness = Callable[[Stage], Harness]


class ThreadHarness:
    """In this process. Each thread has a processor, and so DoFns, of its own; one that failed is made anew."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._mine = threading.local()
        self._numbers = itertools.count()

    def run(self, elements: Iterable[bytes], timers: Mapping[TimerId, Timer], state: BundleState) -> Done:
        """See Harness.run."""
        if not hasattr(self._mine, "processor"):
            self._make_processor()
        bundle = f"bundle-{next(self._numbers)}"
        runner_side = self._mine.channel.inverse()
        write_inputs(self.stage, runner_side, bundle, elements, timers)
        self._mine.switch.state = state
        processor = self._mine.processor
        try:
            processor.process_bundle(bundle)
            processor.reset()
        except BaseException:
            del self._mine.processor
            raise
        return read_outputs(self.stage, runner_side.input_elements(bundle, None))

    def _make_processor(self) -> None:
        channel, switch = InMemoryDataChannel(), StateSwitch()
        state = GlobalCachingStateHandler(StateCache(0), switch)
        self._mine.channel, self._mine.switch = channel, switch
        self._mine.processor = BundleProcessor(
            frozenset(), self.stage.descriptor, state, InMemoryDataChannelFactory(channel)
        )


def write_inputs(
    stage: Stage, channel: DataChannel, bundle: str, elements: Iterable[bytes], timers: Mapping[TimerId, Timer]
) -> None:
    """All that a bundle is given."""
    stream = channel.output_stream(bundle, IN)
    for element in elements:
        stream.write(element)
    stream.close()
    for family, coder in stage.timer_coders.items():
        stream = channel.output_timer_stream(bundle, *family)
        for each, timer in timers.items():
            if each.family == family:
                coder.encode_to_stream(timer, stream, True)
        stream.close()


def read_outputs(stage: Stage, told: Iterable[Any]) -> Done:
    """All that it said."""
    done = Done([], [])
    for one in told:
        if isinstance(one, beam_fn_api_pb2.Elements.Timers):
            family = TimerFamily(one.transform_id, one.timer_family_id)
            done.timers.extend(SetTimer(family, timer) for timer in stage.timer_coders[family].decode_all(one.timers))
        elif one.data and stage.out_coder:
            done.outputs.extend(stage.out_coder.decode_all(one.data))
    return done
