# SPDX-License-Identifier: Apache-2.0
"""The replay of dead letters: through the pipeline, or to the topic that it reads. Holds no step and no rule."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial

from pipeline.cli.beam_command import BeamCommand
from pipeline.cli.ending import Ending
from pipeline.cli.errors import UsageError
from pipeline.cli.letter_search import nothing_asked_for
from pipeline.cli.load_sync import load_sync
from pipeline.cli.replay_arguments import ReplayOptions, parse_replay_options, replay_parser
from pipeline.config.loader import LoadedConfig
from pipeline.config.to_rules import rules_of, sync_tag_of
from pipeline.reports.redaction import redact_name
from pipeline.reports.screen import show
from pipeline.reports.tally import Tally
from pipeline.run_options import Subscription
from pipeline.runs.local import CHUNKS_AT_ONCE, Ran, drive, run_chunks
from pipeline.runs.open import Opening, open_source, state_of
from pipeline.runs.process import tune_process
from pipeline.runs.replay_filter import Kind, LetterFilter
from pipeline.runs.replay_outlook import ReplayOutlook
from pipeline.runs.watching import Watch, doing_of
from pipeline.sources.pubsub_client import refuse_loop
from pipeline.sources.source import Source
from transforms.dead_letters.file_sink import FileSink
from transforms.dead_letters.letter import DL_REASON, DeadLetter, only_part
from transforms.dead_letters.topic_sink import TopicSink
from transforms.delivery.runtime import Threads
from transforms.model.items import MESSAGE, Message
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, Outcome

NO_ROOM = "more than a topic takes"  # dl_detail of what could not be published

log = logging.getLogger(__name__)


def replay(arguments: list[str]) -> int:
    """The exit code. Raises what run_command tells."""
    options = parse_replay_options(arguments)
    loaded = load_sync(options.run.config)
    if not loaded:
        return 0
    letters = LetterFilter(options.wanted(sync_tag_of(loaded)), time.time())

    if options.dry_run:
        outlook = ReplayOutlook(rules_of(loaded.config), letters.take)
        _look(open_source(Opening(options.run, loaded, select=outlook.take)))
        _check_asked_for(options, letters)
        show(f"{_describe(letters, 'Dead letters to replay')}\n{outlook.describe()}")
        return 0
    if options.to_topic:
        ran = _publish(options, loaded, letters)
        _check_asked_for(options, letters)
        show(_describe(letters, "Dead letters taken"))
        show(_summarize_published(ran, options.to_topic))
        return 0

    def before(ran: Ran) -> str:
        if not ran.failed:
            _check_asked_for(options, letters)
        return _describe(letters, "Dead letters replayed")

    return run_chunks(options.run, loaded, letters.take, Ending(options.run, loaded, before)).code


def _summarize_published(ran: Ran, topic: str) -> str:
    """What becomes of them is told by the run that reads the topic."""
    tally = ran.tally
    lines = [f"Published to {topic}: {tally.total(DELIVERED):,}"]
    if kept := tally.total(DEAD_LETTERED):
        lines.append(f"Dead letters still, for no topic takes them: {kept:,}")
    if tally.in_flight:
        lines.append(f"Not published: {tally.in_flight:,} ({ran.comes_again})")
    return "\n".join(lines)


def _publish(options: ReplayOptions, loaded: LoadedConfig, letters: LetterFilter) -> Ran:
    """To a topic, which must not be the one that the letters come from."""
    topic = TopicSink(options.to_topic)
    topic.check()
    if isinstance(options.run.input, Subscription):
        refuse_loop(options.run.input.name, options.to_topic)

    def select(message: Message) -> Message | None:
        return letters.take(topic.not_ours(message))

    overflow = state_of(options.run, loaded).letters
    publish = _Publish(topic, overflow)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(contextlib.closing(open_source(Opening(options.run, loaded, select=select))))
        stack.enter_context(tune_process(isinstance(options.run.input, Subscription)))
        threads = stack.enter_context(contextlib.closing(Threads(CHUNKS_AT_ONCE, "publish")))

        def begin_chunk(
            messages: list[Message], _flush: bool, _handed_over: Callable[[], None]
        ) -> Future[list[Outcome]]:
            return threads.submit(partial(publish, messages))

        watched = Watch(loaded.config.name, doing_of(options.run, is_replay=True), Tally(), source)
        return drive(source, begin_chunk, FileSink(overflow), options.run, loaded, watched)


class _Publish:
    """Runs a chunk by publishing its messages: what becomes of them is told by the run that reads the topic.

    What the topic cannot take stays a dead letter, for the same reason.
    """

    def __init__(self, topic: TopicSink, overflow: str) -> None:
        self._topic = topic
        self._overflow = overflow

    def __call__(self, messages: list[Message]) -> list[Outcome]:
        refused = {
            letter.message_id for letter in self._topic.publish([DeadLetter(*message[:4]) for message in messages])
        }
        if refused:
            log.warning("Letters that the topic cannot take: %s. They stay in %s.", f"{len(refused):,}", self._overflow)
        now = time.time()
        return [_outcome(message, message.message_id in refused, now) for message in messages]


def _outcome(message: Message, is_refused: bool, now: float) -> Outcome:
    part = only_part(message) or MESSAGE
    if is_refused:
        return Outcome(DEAD_LETTERED, part, message.attributes[DL_REASON], message, NO_ROOM)
    return Outcome(DELIVERED, part, "", message, attempts=1, time=now)


def _look(source: Source) -> None:
    """Look at all of them, and change nothing: what was held comes again at once."""
    with contextlib.closing(source):
        while not source.is_exhausted:
            source.set_aside([message.message_id for message in source.take(1.0)])


def _check_asked_for(options: ReplayOptions, letters: LetterFilter) -> None:
    """What no letter has was most likely misspelt: then nothing was taken, and nothing changed.

    Raises:
      UsageError: with what there is to ask for.
    """
    if problem := nothing_asked_for(options.reason, options.event_type, letters):
        raise UsageError(problem)


def _describe(letters: LetterFilter, title: str) -> str:
    return "\n".join(_lines(letters, title))


def _lines(letters: LetterFilter, title: str) -> Iterator[str]:
    yield f"{title:<28} {letters.taken.total() + letters.taken.others:>9,}"
    for kind, count in letters.taken.most_common():
        yield f"  {_name(kind):<50} {count:>9,}"
    if letters.taken.others:
        yield f"  {'of more kinds than can be listed':<50} {letters.taken.others:>9,}"
    if letters.events_alone:
        yield f"  of {letters.events_alone:,} whole messages the event alone (--with-users: the user update, too)"
    if letters.copies:
        yield f"{'Copies left out':<28} {letters.copies:>9,}"
    if letters.left_alone:
        yield f"{'Left alone':<28} {letters.left_alone.total():>9,}"
        for why, count in letters.left_alone.most_common():
            yield f"  {why:<50} {count:>9,}"


def _name(kind: Kind) -> str:
    return " · ".join(map(redact_name, filter(None, kind)))


HELP = """Send the dead letters of a sync again.

\b
  a2i replay --config my.yaml --dead-letters dead_letters.jsonl --dry-run
  a2i replay --config my.yaml --dead-letters projects/P/subscriptions/S \\
    --reason field_type_mismatch --dead-letter-topic projects/P/topics/T

Only the part that failed runs again. What is rejected again becomes a dead letter again; what Iterable has already does
not change. Look at them first: a2i dead.
"""
command = BeamCommand("replay", replay_parser, replay, HELP)
