# SPDX-License-Identifier: Apache-2.0
"""A small streaming graph with state and timers of every kind that a worker may be asked for; says what it saw."""

import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.io.gcp.pubsub import ReadFromPubSub
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.combiners import CountCombineFn
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    CombiningValueStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)

SAW: list[tuple[Any, ...]] = []  # what the probe did, commits lost or not


class Probe(beam.DoFn):
    """Of each key: keeps all elements; a timer fires soon for each, by tag, but for "cleared"; END tells all."""

    ALL = BagStateSpec("all", BytesCoder())
    LAST = ReadModifyWriteStateSpec("last", BytesCoder())
    COUNT = CombiningValueStateSpec("count", combine_fn=CountCombineFn())
    SOON = TimerSpec("soon", TimeDomain.REAL_TIME)
    END = TimerSpec("end", TimeDomain.WATERMARK)

    def process(
        self,
        element: tuple[int, bytes],
        window: Any = beam.DoFn.WindowParam,
        all_: Any = beam.DoFn.StateParam(ALL),
        last: Any = beam.DoFn.StateParam(LAST),
        count: Any = beam.DoFn.StateParam(COUNT),
        soon: Any = beam.DoFn.TimerParam(SOON),
        end: Any = beam.DoFn.TimerParam(END),
    ) -> None:
        _, data = element
        SAW.append(("element", data))
        all_.add(data)
        last.write(data)
        count.add(1)
        soon.set(time.time() + 0.1, dynamic_timer_tag=data.decode())
        if data == b"cleared":
            soon.clear(dynamic_timer_tag=data.decode())
        if data == b"slow":
            time.sleep(0.5)
        end.set(window.end)

    @on_timer(SOON)
    def on_soon(self, tag: Any = beam.DoFn.DynamicTimerTagParam) -> None:
        SAW.append(("timer", tag))

    @on_timer(END)
    def on_end(
        self,
        key: Any = beam.DoFn.KeyParam,
        all_: Any = beam.DoFn.StateParam(ALL),
        last: Any = beam.DoFn.StateParam(LAST),
        count: Any = beam.DoFn.StateParam(COUNT),
    ) -> Iterator[int]:
        SAW.append(("end", key, sorted(all_.read()), last.read(), count.read()))
        yield key


def probe_pipeline() -> Any:
    """Keys are 0 and 1, by the length of the message."""
    options = PipelineOptions(flags=[], streaming=True)
    pipeline = beam.Pipeline(options=options)
    pulled = pipeline | "Pull" >> ReadFromPubSub(subscription="projects/sandbox/subscriptions/s", with_attributes=True)
    keyed = pulled | "Key" >> beam.Map(lambda message: (len(message.data) % 2, message.data)).with_output_types(
        tuple[int, bytes]
    )
    told = keyed | "Probe" >> beam.ParDo(Probe()).with_output_types(int)
    lengths = pulled | "Length" >> beam.Map(lambda message: len(message.data)).with_output_types(int)
    (told, lengths) | "Both" >> beam.Flatten() | "Pass" >> beam.Map(lambda length: length)
    return pipeline.to_runner_api()
