"""What a run opens: its state folder, source, checkpoint and sink, as its options say. Knows no loop."""

import logging
import math
import os
from collections.abc import Sequence

from pipeline.config.loader import LoadedConfig
from pipeline.config.to_rules import sender_settings_of, sync_tag_of
from pipeline.run_options import RunOptions
from pipeline.sources.archives import BUCKETS, InputFile
from pipeline.sources.checkpoint import CheckpointFile
from pipeline.sources.files import FilesSource
from pipeline.sources.own_files import tell_of_old_files
from pipeline.sources.pubsub import SubscriptionSource, refuse_loop
from pipeline.sources.resumed_messages import ResumedMessages
from pipeline.sources.source import RunSource
from pipeline.sources.state_folder import StateFolder
from transforms.dead_letters.sinks import DeadLetterSink, FileSink, TopicSink
from transforms.model.items import Select

log = logging.getLogger(__name__)


def state_of(options: RunOptions, loaded: LoadedConfig) -> StateFolder:
    """Of this sync and where it sends to; it is there. Raises FatalError if it cannot be."""
    url = sender_settings_of(loaded.config, options.iterable_url).url
    state = StateFolder(options.state_dir, loaded.config.name, url, loaded.config.destination.api_key)
    state.make()
    return state


def open_source(options: RunOptions, loaded: LoadedConfig, state: StateFolder, sink: DeadLetterSink) -> RunSource:
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


def sink_of(options: RunOptions, overflow: str = "", *, is_here: bool = True) -> DeadLetterSink:
    """Raises FatalError if it is a topic that is not there. `overflow`: see TopicSink; `is_here`: see its check."""
    if not options.dead_letter_topic:
        return FileSink(options.dead_letter_file)
    sink = TopicSink(options.dead_letter_topic, overflow)
    sink.check(is_here)
    return sink
