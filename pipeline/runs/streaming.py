# SPDX-License-Identifier: Apache-2.0
"""The graph as a streaming job, and a run of it on this machine for trying it. Knows no Dataflow."""

import contextlib
import logging
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage, ReadFromPubSub
from apache_beam.pvalue import PBegin, PCollection

from pipeline.config.loader import LoadedConfig
from pipeline.config.to_rules import rules_of, sender_settings_of, sync_tag_of
from pipeline.graph import build_graph
from pipeline.run_options import RunOptions, Stream
from pipeline.sources.pubsub_client import refuse_loop
from pipeline.sources.pubsub_message import read_message
from transforms.dead_letters.sinks import make_sink
from transforms.model.items import Message
from transforms.parse import MicroBatch
from transforms.report import ReportOutcomes
from transforms.send_streaming import SendStreaming

log = logging.getLogger(__name__)


def run_streaming(options: RunOptions, loaded: LoadedConfig) -> None:
    """On this machine it runs until Ctrl-C; with another runner it lives by itself."""
    check_dead_letters(options)
    result = streaming_pipeline(options, loaded).run()
    if options.runs_here:
        log.warning("Streaming on this machine, for trying it: Beam's DirectRunner acknowledges before it processes.")
        with contextlib.suppress(KeyboardInterrupt):
            result.wait_until_finish()
        result.cancel()


def check_dead_letters(options: RunOptions) -> None:
    """Raises FatalError if the job's dead letters cannot be kept, or would be read again."""
    sink = make_sink(options.dead_letters)
    refuse_loop(options.input_as(Stream).name, sink.topic)
    sink.check(options.runs_here)


def streaming_pipeline(options: RunOptions, loaded: LoadedConfig) -> beam.Pipeline:
    """The job, not yet run; nobody is asked anything."""
    settings = sender_settings_of(loaded.config, options.iterable_url, options.share)
    read = _ReadSubscription(options.input_as(Stream).name)
    report = ReportOutcomes(make_sink(options.dead_letters), sync_tag_of(loaded))
    pipeline = beam.Pipeline(options=options.beam)
    build_graph(pipeline, read, rules_of(loaded.config), SendStreaming(settings), report)
    return pipeline


class _ReadSubscription(beam.PTransform):
    def __init__(self, subscription: str) -> None:
        super().__init__()
        self._subscription = subscription

    def expand(self, begin: PBegin) -> PCollection:
        pulled = begin | "Pull" >> _Pull(subscription=self._subscription, with_attributes=True)
        return pulled | "ToMessages" >> beam.Map(to_message) | "MicroBatch" >> MicroBatch()


class _Pull(ReadFromPubSub):
    """Beam's own, but for how a message is read: Beam's takes as long as all that we do with it. Its labels stay."""

    def expand_continued(self, pcoll: PCollection) -> PCollection:
        self.with_attributes = False  # the source has them; here it would say that Beam reads them
        counted = super().expand_continued(pcoll)
        return counted | "Map(_from_proto_str)" >> beam.Map(read_pulled)


def read_pulled(wire: bytes, timestamp: Any = beam.DoFn.TimestampParam) -> Message:
    """Without a publish time it is as old as Beam says: to fail here would stop all messages for ever."""
    return read_message(wire, float(timestamp))


def to_message(pulled: Message | PubsubMessage, timestamp: Any = beam.DoFn.TimestampParam) -> Message:
    """The DirectRunner puts a source of its own in the place of `_Pull`."""
    if isinstance(pulled, Message):
        return pulled
    published = pulled.publish_time.timestamp() if pulled.publish_time else float(timestamp)
    return Message(pulled.data, dict(pulled.attributes or {}), pulled.message_id, published)
