# SPDX-License-Identifier: Apache-2.0
"""What a run opens: its state folder, source, checkpoint and sink, as its options say. Knows no loop.

The sources by the input they are of: a new one is a row of SOURCES, its class, and its kind of input in run_options.
"""

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.config.loader import LoadedConfig
from pipeline.config.to_rules import sender_settings_of, sync_tag_of
from pipeline.run_options import Files, RunOptions, Subscription
from pipeline.sources.archives import InputFile, find_files
from pipeline.sources.buckets import BUCKETS
from pipeline.sources.checkpoint import CheckpointFile
from pipeline.sources.files import FilesSource
from pipeline.sources.own_files import own_files, tell_of_old_files
from pipeline.sources.resumed_messages import ResumedMessages
from pipeline.sources.source import NewChunkEnd, Source, anywhere
from pipeline.sources.state_folder import StateFolder
from transforms.dead_letters.sink import DeadLetterSink
from transforms.model.errors import FatalError
from transforms.model.items import Select

log = logging.getLogger(__name__)


def state_of(options: RunOptions, loaded: LoadedConfig) -> StateFolder:
    """Of this sync and where it sends to; it is there. Raises FatalError if it cannot be."""
    url = sender_settings_of(loaded.config, options.iterable_url).url
    state = StateFolder(options.local.state_dir, loaded.config.name, url, loaded.config.destination.api_key)
    state.make()
    return state


@dataclass(frozen=True)
class Opening:
    """What a source is opened with.

    Args:
      state: where it remembers what waits; without one nothing does.
      sink: where the run writes: what comes from there is refused.
      select: instead, which messages are for this run, and how they go.
      new_chunk_end: for each chunk, where it ends before it is full.
    """

    options: RunOptions
    loaded: LoadedConfig
    state: StateFolder | None = None
    sink: DeadLetterSink | None = None
    select: Select | None = None
    new_chunk_end: NewChunkEnd = anywhere


def _open_subscription(read: Subscription, opening: Opening) -> Source:
    # A while to import, and files need them not.
    from pipeline.sources.pubsub import SubscriptionSource
    from pipeline.sources.pubsub_client import refuse_loop

    select, sink = opening.select, opening.sink
    if sink and not select:
        refuse_loop(read.name, sink.topic)
        select = sink.not_ours
    resumed = ResumedMessages(opening.state.resumed(read.name)) if opening.state else None
    size, new_chunk_end = opening.options.local.chunk_size, opening.new_chunk_end
    return SubscriptionSource(read.name, size, select, resumed=resumed, new_chunk_end=new_chunk_end)


def _open_files(read: Files, opening: Opening) -> Source:
    """What waits at their end goes to the state folder, if the command line does not name another file."""
    options, loaded, state = opening.options, opening.loaded, opening.state
    checkpoint = None
    if not read.keeps_checkpoint:
        files = _find(options, read)
    else:
        host = state_of(options, loaded).destination["host"]
        for line in tell_of_old_files(read.waiting_file, read.checkpoint_file, host):
            log.warning("%s.", line)
        files = files_of(options, loaded)
        checkpoint = checkpoint_of(options, loaded, files)
    return FilesSource(
        files,
        options.local.chunk_size,
        sync_tag_of(loaded),
        (read.waiting_file or state.waiting) if state else "",
        checkpoint,
        opening.select,
        comes_again="" if read.waiting_file else "the next run of this sync takes them up",
        new_chunk_end=opening.new_chunk_end,
    )


OpenSource = Callable[[Any, Opening], Source]
SOURCES: Mapping[type, OpenSource] = {Subscription: _open_subscription, Files: _open_files}


def open_source(opening: Opening, sources: Mapping[type, OpenSource] = SOURCES) -> Source:
    """Raises FatalError if it cannot be read, or nothing here reads such an input."""
    read = opening.options.input
    if not (opens := sources.get(type(read))):
        kinds = ", ".join(kind.__name__ for kind in sources)
        raise FatalError(f"there is no source for the input {type(read).__name__}, only for {kinds}")
    return opens(read, opening)


def files_of(options: RunOptions, loaded: LoadedConfig) -> list[InputFile]:
    """Those of the command line; what waits in the state folder is taken up by itself."""
    waiting = os.path.realpath(state_of(options, loaded).waiting)
    return [file for file in _find(options, options.input_as(Files)) if os.path.realpath(file.path) != waiting]


def _find(options: RunOptions, read: Files) -> list[InputFile]:
    """A pattern does not mean what the run itself writes."""
    scheme, _, place = options.dead_letters.partition(":")
    dead_letter_file = place if scheme == "file" else ""
    own = own_files(options.local.state_dir, dead_letter_file, read.waiting_file, read.checkpoint_file)
    return find_files(read.patterns, own)


def checkpoint_of(options: RunOptions, loaded: LoadedConfig, files: Sequence[InputFile]) -> CheckpointFile:
    """The file of these options: each run of files has one of its own, wherever it was started."""
    state, read = state_of(options, loaded), options.input_as(Files)
    start, end = read.times
    chosen = {
        "--start_time": start if start > -math.inf else None,
        "--end_time": end if end < math.inf else None,
        "--events_only": read.events_only,
    }
    run = {"name": loaded.config.name, "destination": state.destination, "--input_files": list(read.patterns)}
    patterns = [pattern if pattern.startswith(BUCKETS) else os.path.abspath(pattern) for pattern in read.patterns]
    path = read.checkpoint_file or state.checkpoint({"--input_files": patterns, **chosen})
    return CheckpointFile(path, {**run, **chosen}, files)
