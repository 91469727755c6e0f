"""The two ways to run the graph: chunk by chunk on this machine, or as a streaming job."""

import contextlib
import gc
import logging
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import apache_beam as beam
from apache_beam.io.gcp.pubsub import PubsubMessage, ReadFromPubSub
from apache_beam.options.pipeline_options import StandardOptions
from apache_beam.pvalue import PBegin, PCollection

from pipeline.archives import BUCKETS, InputFile
from pipeline.checkpoint import CheckpointFile
from pipeline.chunk_loop import ChunkLoop, RunChunk
from pipeline.chunk_runner import ChunkRunner
from pipeline.config import LoadedConfig
from pipeline.file_problems import tell_of_old_files
from pipeline.files import FilesSource
from pipeline.graph import build_graph
from pipeline.options import LOCAL_RUNNERS, RunOptions
from pipeline.progress import Progress
from pipeline.resumed_messages import ResumedMessages
from pipeline.rules import rules_of, sender_settings_of, sync_tag_of
from pipeline.run_lock import only_run, try_lock
from pipeline.run_source import RunSource
from pipeline.state_folder import StateFolder
from pipeline.subscription import SubscriptionSource, refuse_loop
from pipeline.tally import Tally
from pipeline.waiting_file import WaitingFile
from pipeline.waiting_first import WaitingFirst
from transforms.arrive import MicroBatch
from transforms.dead_letter_sinks import DeadLetterSink, FileSink, TopicSink
from transforms.errors import FatalError
from transforms.events import Message, Select
from transforms.leave import CountAndKeep
from transforms.send_keyed import SendKeyed

NOTHING_LOST = "What is not settled comes again"
CHUNKS_AT_ONCE = 3  # one is mapped while another is sent and the last answers of a third are awaited

log = logging.getLogger(__name__)


class Ran(NamedTuple):
    """What a run on this machine came to. `comes_again`: how what is in flight will."""

    tally: Tally
    comes_again: str


def run_chunks(options: RunOptions, loaded: LoadedConfig) -> Ran:
    """Drain the subscription, or read the files, to the end or until SIGTERM or Ctrl-C.

    Raises:
      FatalError: the set-up is bad; nothing of the chunk in hand is settled.
    """
    return run_source(lambda state, sink: _open_source(options, loaded, state, sink), options, loaded)


@contextlib.contextmanager
def _only_run_of_files(options: RunOptions, loaded: LoadedConfig) -> Iterator[None]:
    """One that takes but a share of the limits may run beside another, but not over the same checkpoint."""
    checkpoint = checkpoint_of(options, loaded, []).path
    lock = state_of(options, loaded).lock_of(checkpoint)
    with try_lock(lock, is_kept=False) as is_ours:
        if not is_ours:
            raise FatalError(f"another run goes on from {checkpoint}, of the same files")
        yield


OpenSource = Callable[[StateFolder, DeadLetterSink], RunSource]


def run_source(open_source: OpenSource, options: RunOptions, loaded: LoadedConfig) -> Ran:
    """The same for any source, which is opened once no other run can be under way and the sink is looked for.

    First goes what waits.
    """
    rules = rules_of(loaded.config, options.times, options.events_only)
    settings = sender_settings_of(loaded.config, options.iterable_url, options.share)
    run_chunk = ChunkRunner(rules, settings, options.beam, CHUNKS_AT_ONCE)
    state = state_of(options, loaded)
    with contextlib.ExitStack() as stack:
        stack.enter_context(only_run(loaded.config.name, state.lock(options.share), options.share))
        if options.input_files:
            stack.enter_context(_only_run_of_files(options, loaded))
        sink = _sink_of(options, state.letters)
        source = stack.enter_context(contextlib.closing(open_source(state, sink)))
        if stack.enter_context(try_lock(state.waiting_lock)):  # else a run beside this one has taken it up
            source = WaitingFirst(source, WaitingFile(state.waiting), options.chunk_size, sync_tag_of(loaded))
        return drive(source, run_chunk, sink, options, loaded)


def state_of(options: RunOptions, loaded: LoadedConfig) -> StateFolder:
    """Of this sync and where it sends to; it is there. Raises FatalError if it cannot be."""
    url = sender_settings_of(loaded.config, options.iterable_url).url
    state = StateFolder(options.state_dir, loaded.config.name, url, loaded.config.destination.api_key)
    state.make()
    return state


def drive(
    source: RunSource, run_chunk: RunChunk, sink: DeadLetterSink, options: RunOptions, loaded: LoadedConfig
) -> Ran:
    """The chunk loop over a source, with its progress on the screen, until it ends or is told to by a signal."""
    # A chunk is many objects without cycles: looking for cycles among them again and again costs a quarter of a run.
    gc.freeze()
    gc.set_threshold(100_000, 10, 5)
    # Threads that pull and post need the interpreter often and briefly: beside one that maps, a pull took 50 ms for 2.
    sys.setswitchinterval(0.0005)
    done = None if source.done is None else lambda: source.done or 0.0
    with Progress(loaded.config.name, done) as progress:
        loop = ChunkLoop(
            source,
            run_chunk,
            sink,
            sync_tag_of(loaded),
            forever=options.forever,
            max_wait=options.max_wait,
            grace=options.grace_period,
            chunks_at_once=CHUNKS_AT_ONCE,
            report=progress,
        )

        def hurry() -> None:
            loop.hurry()
            source.hurry()

        with _stop_on_signal(hurry) as stop:
            try:
                loop.run(stop)
            except FatalError as error:
                raise FatalError(f"{error}. {NOTHING_LOST}") from error
        if loop.gave_up:  # there is no time left to wait for anything
            source.hurry()
        return Ran(loop.tally, source.comes_again)


def run_streaming(options: RunOptions, loaded: LoadedConfig) -> None:
    """Launch the streaming job. On Dataflow it then lives by itself; here it runs until Ctrl-C."""
    settings = sender_settings_of(loaded.config, options.iterable_url, options.share)
    refuse_loop(options.input_subscription, options.dead_letter_topic)
    pipeline = beam.Pipeline(options=options.beam)
    read = _ReadSubscription(options.input_subscription)
    is_here = options.beam.view_as(StandardOptions).runner in LOCAL_RUNNERS
    leave = CountAndKeep(_sink_of(options, is_here=is_here), sync_tag_of(loaded))
    build_graph(pipeline, read, rules_of(loaded.config), SendKeyed(settings), leave)
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
        return pulled | "ToMessages" >> beam.Map(_to_message) | "MicroBatch" >> MicroBatch()


def _to_message(pulled: PubsubMessage) -> Message:
    return Message(pulled.data, dict(pulled.attributes), pulled.message_id, pulled.publish_time.timestamp())


def _open_source(options: RunOptions, loaded: LoadedConfig, state: StateFolder, sink: DeadLetterSink) -> RunSource:
    if options.input_subscription:
        refuse_loop(options.input_subscription, options.dead_letter_topic)
        select = sink.not_ours if isinstance(sink, TopicSink) else None
        resumed = ResumedMessages(state.resumed(options.input_subscription))
        return SubscriptionSource(options.input_subscription, options.chunk_size, select, resumed=resumed)
    for line in tell_of_old_files(options.waiting_file, options.checkpoint_file, state.destination["host"]):
        log.warning("%s.", line)
    files = files_of(options, loaded)
    checkpoint = checkpoint_of(options, loaded, files)
    return open_files(files, options, loaded, state, checkpoint)


def open_files(
    files: Sequence[InputFile],
    options: RunOptions,
    loaded: LoadedConfig,
    state: StateFolder,
    checkpoint: CheckpointFile | None = None,
    select: Select | None = None,
) -> FilesSource:
    """What waits at their end goes to the state folder, if the command line does not name another file."""
    waiting_file = options.waiting_file or state.waiting
    comes_again = "" if options.waiting_file else "the next run of this sync takes them up"
    return FilesSource(
        files, options.chunk_size, sync_tag_of(loaded), waiting_file, checkpoint, select, comes_again=comes_again
    )


def files_of(options: RunOptions, loaded: LoadedConfig) -> list[InputFile]:
    """Those of the command line; what waits in the state folder is taken up by itself."""
    waiting = os.path.realpath(state_of(options, loaded).waiting)
    return [file for file in options.files if os.path.realpath(file.path) != waiting]


def checkpoint_of(options: RunOptions, loaded: LoadedConfig, files: Sequence[InputFile]) -> CheckpointFile:
    """The file of these options: each run of files has one of its own, wherever it was started."""
    state = state_of(options, loaded)
    times = {
        "--start_time": options.start_time if options.start_time > -math.inf else None,
        "--end_time": options.end_time if options.end_time < math.inf else None,
        "--events_only": options.events_only,
    }
    run = {"name": loaded.config.name, "destination": state.destination, "--input_files": list(options.input_files)}
    patterns = [pattern if pattern.startswith(BUCKETS) else os.path.abspath(pattern) for pattern in options.input_files]
    path = options.checkpoint_file or state.checkpoint({"--input_files": patterns, **times})
    return CheckpointFile(path, {**run, **times}, files)


def _sink_of(options: RunOptions, overflow: str = "", *, is_here: bool = True) -> DeadLetterSink:
    """Raises FatalError if it is a topic that is not there. `overflow`: see TopicSink; `is_here`: see its check."""
    if not options.dead_letter_topic:
        return FileSink(options.dead_letter_file)
    sink = TopicSink(options.dead_letter_topic, overflow)
    sink.check(is_here)
    return sink


@contextlib.contextmanager
def _stop_on_signal(hurry: Callable[[], None]) -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set: the chunk in hand is finished first, unless there is a second signal."""
    stop = threading.Event()

    def handle(*_: object) -> None:
        if stop.is_set():
            hurry()
        stop.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, handle) for number in signals]
    try:
        yield stop
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
