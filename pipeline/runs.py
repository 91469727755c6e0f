"""The two ways to run the graph: chunk by chunk on this machine, or as a streaming job."""

import contextlib
import gc
import logging
import signal
import threading
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage, ReadFromPubSub
from apache_beam.options.pipeline_options import StandardOptions
from apache_beam.pvalue import PBegin, PCollection

from pipeline.chunk_loop import ChunkLoop
from pipeline.chunk_runner import ChunkRunner
from pipeline.config import LoadedConfig
from pipeline.files import FilesSource
from pipeline.graph import build_graph
from pipeline.options import LOCAL_RUNNERS, RunOptions
from pipeline.progress import Progress
from pipeline.rules import rules_of, sender_settings_of, sync_tag_of
from pipeline.run_lock import only_run
from pipeline.subscription import SubscriptionSource
from pipeline.tally import Tally
from transforms.arrive import MicroBatch
from transforms.dead_letter_sinks import DeadLetterSink, FileSink, TopicSink
from transforms.events import Message
from transforms.leave import CountAndKeep
from transforms.send_keyed import SendKeyed

CHUNKS_AT_ONCE = 3  # one is mapped while another is sent and the last answers of a third are awaited

log = logging.getLogger(__name__)


def run_chunks(options: RunOptions, loaded: LoadedConfig) -> Tally:
    """Drain the subscription, or read the files, to the end or until SIGTERM or Ctrl-C; returns the tally.

    Raises:
      FatalError: the set-up is bad; nothing of the chunk in hand is settled.
    """
    settings = sender_settings_of(loaded.config, options.iterable_url)
    # A chunk is many objects without cycles: looking for cycles among them again and again costs a quarter of a run.
    gc.freeze()
    gc.set_threshold(100_000, 10, 5)
    with (
        only_run(loaded.config.name, settings.url),
        contextlib.closing(_source_of(options)) as source,
        Progress(loaded.config.name) as progress,
        _stop_on_signal() as stop,
    ):
        loop = ChunkLoop(
            source,
            ChunkRunner(rules_of(loaded.config), settings, options.beam, CHUNKS_AT_ONCE),
            _sink_of(options),
            sync_tag_of(loaded),
            forever=options.forever,
            max_wait=options.max_wait,
            chunks_at_once=CHUNKS_AT_ONCE,
            report=progress,
        )
        loop.run(stop)
        return loop.tally


def run_streaming(options: RunOptions, loaded: LoadedConfig) -> None:
    """Launch the streaming job. On Dataflow it then lives by itself; here it runs until Ctrl-C."""
    settings = sender_settings_of(loaded.config, options.iterable_url)
    pipeline = beam.Pipeline(options=options.beam)
    read = _ReadSubscription(options.input_subscription)
    leave = CountAndKeep(_sink_of(options), sync_tag_of(loaded))
    build_graph(pipeline, read, rules_of(loaded.config), SendKeyed(settings), leave)
    result = pipeline.run()
    if options.beam.view_as(StandardOptions).runner in LOCAL_RUNNERS:
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
        return pulled | "ToMessages" >> beam.Map(_to_message) | "MicroBatch" >> MicroBatch()


def _to_message(pulled: PubsubMessage) -> Message:
    return Message(pulled.data, dict(pulled.attributes), pulled.message_id, pulled.publish_time.timestamp())


def _source_of(options: RunOptions) -> FilesSource | SubscriptionSource:
    if options.input_files:
        return FilesSource(options.input_files, options.chunk_size, options.waiting_file)
    return SubscriptionSource(options.input_subscription, options.chunk_size)


def _sink_of(options: RunOptions) -> DeadLetterSink:
    return TopicSink(options.dead_letter_topic) if options.dead_letter_topic else FileSink(options.dead_letter_file)


@contextlib.contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set: the chunk in hand is finished first."""
    stop = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stop.set()) for number in signals]
    try:
        yield stop
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
