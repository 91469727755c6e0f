# SPDX-License-Identifier: Apache-2.0
"""The graph chunk by chunk on this machine, over any source."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pipeline.config.loader import LoadedConfig
from pipeline.config.to_rules import rules_of, sender_settings_of, sync_tag_of
from pipeline.records.recorder import Recorder
from pipeline.reports.progress import Progress
from pipeline.reports.screen import note
from pipeline.reports.tally import Tally
from pipeline.reports.under_way import Snapshot
from pipeline.run_options import Files, RunOptions, Subscription
from pipeline.runs.chunk_loop import BeginChunk, ChunkLoop
from pipeline.runs.chunk_runner import ChunkRunner
from pipeline.runs.chunk_time import end_of_chunks
from pipeline.runs.forecast import forecast
from pipeline.runs.open import Opening, checkpoint_of, open_source, state_of
from pipeline.runs.process import tune_process
from pipeline.runs.record_start import open_record
from pipeline.runs.run_lock import only_run, try_lock
from pipeline.runs.watching import Sending, Watch, doing_of, start_line
from pipeline.sources.source import Source
from pipeline.sources.waiting_file import WaitingFile
from pipeline.sources.waiting_first import WaitingFirst
from transforms.dead_letters.sink import DeadLetterSink
from transforms.dead_letters.sinks import make_sink
from transforms.delivery.resources import watch
from transforms.delivery.runtime import Threads
from transforms.model.errors import FatalError
from transforms.model.items import Select

NOTHING_LOST = "What is not settled comes again"
CHUNKS_AT_ONCE = 3  # one is mapped while another is sent and the last answers of a third are awaited


class Ran(NamedTuple):
    """What a run on this machine came to, over all its processes. `comes_again`: how what is in flight will.

    `run`: the name of its record, "" without one; `rows`: settled by each earlier process of it.
    `code`: what the process is to exit with.
    """

    tally: Tally
    comes_again: str
    run: str = ""
    rows: Sequence[int] = ()
    failed: bool = False
    code: int = 0


OnEnd = Callable[[Ran], int]  # → 1 if the run came to what it must not come to, else 0


@contextlib.contextmanager
def _only_run_of_files(options: RunOptions, loaded: LoadedConfig) -> Iterator[None]:
    """One that takes but a share of the limits may run beside another, but not over the same checkpoint."""
    checkpoint = checkpoint_of(options, loaded, []).path
    lock = state_of(options, loaded).lock_of(checkpoint)
    with try_lock(lock, is_kept=False) as is_ours:
        if not is_ours:
            raise FatalError(f"another run goes on from {checkpoint}, of the same files")
        yield


def run_chunks(
    options: RunOptions, loaded: LoadedConfig, select: Select | None = None, on_end: OnEnd = lambda _: 0
) -> Ran:
    """Drain the subscription, or read the files, to the end or until SIGTERM or Ctrl-C; first goes what waits.

    Nothing is opened before no other run can be under way.

    Args:
      options: not of a streaming job.
      loaded: the config.
      select: which messages are for this run; without one, those that it has not written itself.
      on_end: told what the run came to, however it ended, before anything is raised.

    Raises:
      FatalError: the set-up is bad; nothing of the chunk in hand is settled.
    """
    settings = sender_settings_of(loaded.config, options.iterable_url, options.share)
    rules = rules_of(loaded.config, options.times, options.events_only)
    run_chunk = ChunkRunner(rules, settings, options.beam)
    state = state_of(options, loaded)
    is_replay = select is not None
    with contextlib.ExitStack() as stack:
        stack.enter_context(only_run(loaded.config.name, state.lock(options.share), options.share))
        ahead = ""
        if isinstance(options.input, Files) and options.input.keeps_checkpoint:
            stack.enter_context(_only_run_of_files(options, loaded))
            ahead = "" if options.local.quiet else forecast(options, loaded)
        sink = make_sink(options.dead_letters, state.letters)
        sink.check()
        size, tag = options.local.chunk_size, sync_tag_of(loaded)
        ends = end_of_chunks(rules, settings.rules.operations, size)
        opening = Opening(options, loaded, state, sink, select, ends)
        source = stack.enter_context(contextlib.closing(open_source(opening)))
        if stack.enter_context(try_lock(state.waiting_lock)):  # else a run beside this one has taken it up
            source = WaitingFirst(source, WaitingFile(state.waiting), size, tag, ends)
        stack.enter_context(tune_process(isinstance(options.input, Subscription)))
        stack.enter_context(contextlib.closing(run_chunk))
        recorder = open_record(options, loaded, state, source, is_replay=is_replay)
        stack.enter_context(contextlib.closing(recorder))
        tally = Tally.going_on(recorder.before)
        activity = recorder.watch(tally)
        sending = Sending(settings, watch(settings, activity), activity)
        if not options.local.quiet:
            note("\n".join(filter(None, [start_line(options, loaded, settings.url, recorder), ahead])))
        is_endless = isinstance(options.input, Subscription) and options.input.forever
        doing = doing_of(options, is_replay)
        watched = Watch(loaded.config.name, doing, tally, source, sending, ends=not is_endless)
        return drive(source, run_chunk, sink, options, loaded, watched, recorder, on_end)


def drive(
    source: Source,
    begin_chunk: BeginChunk,
    sink: DeadLetterSink,
    options: RunOptions,
    loaded: LoadedConfig,
    watched: Watch,
    recorder: Recorder | None = None,
    on_end: OnEnd = lambda _: 0,
) -> Ran:
    """The chunk loop over a source, with its progress on the screen, until it ends or is told to by a signal."""
    tally = watched.tally
    threads = Threads(CHUNKS_AT_ONCE, "keep")  # dead letters, and the end of the source

    def look() -> Snapshot:
        return watched.look(loop.standing)

    failed: Exception | None = None
    with contextlib.closing(threads), Progress(look, is_quiet=options.local.quiet) as progress:
        loop = ChunkLoop(
            source,
            begin_chunk,
            sink,
            sync_tag_of(loaded),
            threads,
            forever=isinstance(options.input, Subscription) and options.input.forever,
            max_wait=options.local.max_wait,
            grace=options.local.grace_period,
            chunks_at_once=CHUNKS_AT_ONCE,
            tally=tally,
            report=progress,
            recorder=recorder,
        )

        def hurry() -> None:
            loop.hurry()
            source.hurry()

        with _stop_on_signal(hurry) as stop:
            try:
                loop.run(stop)
            except Exception as error:
                failed = error
        if loop.gave_up:  # there is no time left to wait for anything
            source.hurry()
    run, rows = (recorder.run, recorder.rows) if recorder else ("", ())
    ran = Ran(tally, source.comes_again, run, rows, failed is not None)
    how, code = _ended(failed, stop.is_set())
    try:
        findings = on_end(ran)
        code = code or findings
    finally:
        if recorder:
            recorder.end(how, code, tally.in_flight)
    if isinstance(failed, FatalError):
        sent = f", {tally.taken_unsettled:,} items that Iterable took among it" if tally.taken_unsettled else ""
        raise FatalError(f"{failed}. {NOTHING_LOST}{sent}") from failed
    if failed:
        raise failed
    return ran._replace(code=code)


def _ended(failed: Exception | None, was_stopped: bool) -> tuple[str, int]:
    """How, as the record tells it, and the exit code of that."""
    if failed:
        return ("fatal", 3) if isinstance(failed, FatalError) else ("fault", 1)
    return ("stopped" if was_stopped else "done"), 0


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
