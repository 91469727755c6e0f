"""Runs bundles in Beam's own classes of a worker, on whichever thread asks. Knows no key, no clock and no fault."""

import itertools
import threading
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.worker.bundle_processor import BundleProcessor
from apache_beam.runners.worker.data_plane import InMemoryDataChannel, InMemoryDataChannelFactory
from apache_beam.runners.worker.sdk_worker import GlobalCachingStateHandler, StateHandler
from apache_beam.runners.worker.statecache import StateCache

from pipeline.sandbox.dataflow.stages import IN, Stage
from pipeline.sandbox.dataflow.state import StateSwitch
from pipeline.sandbox.dataflow.timers import SetTimer, Timer, TimerId


class Done(NamedTuple):
    """What a bundle came to: elements with window and time, and what it said of timers."""

    outputs: list[Any]
    timers: list[SetTimer]


class Harness:
    """One stage in this process. Each thread has a processor, and so DoFns, of its own; a failed one is made anew."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._mine = threading.local()
        self._numbers = itertools.count()

    def run(self, elements: Iterable[bytes], timers: Mapping[TimerId, Timer], state: StateHandler) -> Done:
        """Raises whatever a step raises."""
        if not hasattr(self._mine, "processor"):
            self._make_processor()
        bundle = f"bundle-{next(self._numbers)}"
        runner_side = self._mine.channel.inverse()
        self._write(runner_side, bundle, elements, timers)
        self._mine.switch.state = state
        processor = self._mine.processor
        try:
            processor.process_bundle(bundle)
            processor.reset()
        except BaseException:
            del self._mine.processor
            raise
        return self._read(runner_side, bundle)

    def _make_processor(self) -> None:
        channel, switch = InMemoryDataChannel(), StateSwitch()
        state = GlobalCachingStateHandler(StateCache(0), switch)
        self._mine.channel, self._mine.switch = channel, switch
        self._mine.processor = BundleProcessor(
            frozenset(), self.stage.descriptor, state, InMemoryDataChannelFactory(channel)
        )

    def _write(
        self, channel: InMemoryDataChannel, bundle: str, elements: Iterable[bytes], timers: Mapping[TimerId, Timer]
    ) -> None:
        stream = channel.output_stream(bundle, IN)
        for element in elements:
            stream.write(element)
        stream.close()
        for family, coder in self.stage.timer_coders.items():
            stream = channel.output_timer_stream(bundle, *family)
            for each, timer in timers.items():
                if each.family == family:
                    coder.encode_to_stream(timer, stream, True)
            stream.close()

    def _read(self, channel: InMemoryDataChannel, bundle: str) -> Done:
        done = Done([], [])
        for one in list(channel.input_elements(bundle, None)):
            if isinstance(one, beam_fn_api_pb2.Elements.Timers):
                family = next(
                    each for each in self.stage.timer_coders if each == (one.transform_id, one.timer_family_id)
                )
                done.timers.extend(
                    SetTimer(family, timer) for timer in self.stage.timer_coders[family].decode_all(one.timers)
                )
            elif one.data and self.stage.out_coder:
                done.outputs.extend(self.stage.out_coder.decode_all(one.data))
        return done
