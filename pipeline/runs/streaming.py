"""The graph as a streaming job: on Dataflow, or on this machine for trying it."""

import contextlib
import logging
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage, ReadFromPubSub
from apache_beam.options.pipeline_options import StandardOptions
from apache_beam.pvalue import PBegin, PCollection

from pipeline.config.loader import LoadedConfig
from pipeline.config.to_rules import rules_of, sender_settings_of, sync_tag_of
from pipeline.graph import build_graph
from pipeline.run_options import LOCAL_RUNNERS, RunOptions, Stream
from pipeline.sources.pubsub_client import refuse_loop
from transforms.dead_letters.sinks import make_sink
from transforms.model.items import Message
from transforms.parse import MicroBatch
from transforms.report import ReportOutcomes
from transforms.send_streaming import SendStreaming

log = logging.getLogger(__name__)


def run_streaming(options: RunOptions, loaded: LoadedConfig) -> None:
    """Launch the streaming job. On Dataflow it then lives by itself; here it runs until Ctrl-C."""
    subscription = options.input_as(Stream).name
    settings = sender_settings_of(loaded.config, options.iterable_url, options.share)
    is_here = options.beam.view_as(StandardOptions).runner in LOCAL_RUNNERS
    sink = make_sink(options.dead_letters)
    refuse_loop(subscription, sink.topic)
    sink.check(is_here)
    pipeline = beam.Pipeline(options=options.beam)
    report = ReportOutcomes(sink, sync_tag_of(loaded))
    build_graph(pipeline, _ReadSubscription(subscription), rules_of(loaded.config), SendStreaming(settings), report)
    result = pipeline.run()
    if is_here:
        log.warning("Streaming on this machine, for trying it: Beam's DirectRunner acknowledges before it processes.")
        with contextlib.suppress(KeyboardInterrupt):
            result.wait_until_finish()
        result.cancel()


class _ReadSubscription(beam.PTransform):
    def __init__(self, subscription: str) -> None:
        super().__init__()
        self._subscription = subscription

    def expand(self, begin: PBegin) -> PCollection:
        pulled = begin | "Pull" >> ReadFromPubSub(subscription=self._subscription, with_attributes=True)
        return pulled | "ToMessages" >> beam.Map(to_message) | "MicroBatch" >> MicroBatch()


def to_message(pulled: PubsubMessage, timestamp: Any = beam.DoFn.TimestampParam) -> Message:
    """Without a publish time it is as old as Beam says: to fail here would stop all messages for ever."""
    published = pulled.publish_time.timestamp() if pulled.publish_time else float(timestamp)
    return Message(pulled.data, dict(pulled.attributes or {}), pulled.message_id, published)
