"""The replay of dead letters: through the pipeline, or to the topic that it reads. Holds no step and no rule."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from pipeline.archives import InputFile, find_files
from pipeline.command import NOTHING_LOST, leave, load_sync, run_command
from pipeline.config import LoadedConfig
from pipeline.file_problems import own_files
from pipeline.files import FilesSource
from pipeline.letter_filter import Kind, LetterFilter
from pipeline.redaction import redact_name
from pipeline.replay_options import PROGRAM, ReplayOptions, parse_replay_options
from pipeline.resumed_messages import ResumedMessages
from pipeline.run_source import RunSource
from pipeline.runs import drive, open_files, run_source
from pipeline.state_folder import StateFolder
from pipeline.subscription import SubscriptionSource
from pipeline.summary import summarize
from transforms.dead_letter_sinks import TopicSink
from transforms.dead_letters import DeadLetter, only_part
from transforms.errors import FatalError
from transforms.events import MESSAGE, Message
from transforms.outcomes import DELIVERED, Outcome


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code; see run_command."""
    return run_command(PROGRAM, lambda: _replay(sys.argv[1:] if arguments is None else arguments), NOTHING_LOST)


def _replay(arguments: list[str]) -> None:
    options = parse_replay_options(arguments)
    loaded = load_sync(options.run.config)
    if not loaded:
        return
    letters = LetterFilter(options.wanted(loaded.config.name), time.time())

    if options.dry_run or options.to_topic:
        source = _open_to_publish(options, letters)
    if options.dry_run:
        _count(source)
        print(_describe(letters, "Dead letters to replay"))  # noqa: T201
        return
    if options.to_topic:
        with contextlib.closing(source):
            ran = drive(source, _Publish(options.to_topic), _NoSink(), options.run, loaded)
    else:
        ran = run_source(lambda state: _open_to_send(options, loaded, state, letters), options.run, loaded)
    print(f"{_describe(letters, 'Dead letters replayed')}\n")  # noqa: T201
    print(summarize(ran.tally, ran.comes_again))  # noqa: T201


def _open_to_send(options: ReplayOptions, loaded: LoadedConfig, state: StateFolder, letters: LetterFilter) -> RunSource:
    run = options.run
    if options.is_subscription:
        resumed = ResumedMessages(state.resumed(options.dead_letters))
        return SubscriptionSource(options.dead_letters, run.chunk_size, letters.take, resumed=resumed)
    return open_files(_files_of(options), run, loaded, state, select=letters.take)


def _open_to_publish(options: ReplayOptions, letters: LetterFilter) -> RunSource:
    """Or only to count; nothing waits of what is not sent from here."""
    chunk_size = options.run.chunk_size
    if options.is_subscription:
        return SubscriptionSource(options.dead_letters, chunk_size, letters.take)
    return FilesSource(_files_of(options), chunk_size, "", "", select=letters.take)


def _files_of(options: ReplayOptions) -> list[InputFile]:
    run = options.run
    return find_files([options.dead_letters], own_files(run.state_dir, run.dead_letter_file, run.waiting_file))


class _Publish:
    """Runs a chunk by publishing its messages: what becomes of them is told by the run that reads the topic."""

    def __init__(self, topic: str) -> None:
        self._sink = TopicSink(topic)

    def __call__(self, messages: list[Message], flush: bool, handed_over: Callable[[], None]) -> list[Outcome]:  # noqa: ARG002
        self._sink.write([DeadLetter(*message[:4]) for message in messages])
        now = time.time()
        return [
            Outcome(DELIVERED, only_part(message) or MESSAGE, "", message, attempts=1, time=now) for message in messages
        ]


class _NoSink:
    """Nothing that is only published becomes a dead letter once more."""

    def write(self, letters: Sequence[DeadLetter]) -> None:
        raise FatalError(f"{len(letters)} dead letters cannot be published")


def _count(source: RunSource) -> None:
    """Look at all of them, and change nothing: what was held comes again at once."""
    with contextlib.closing(source):
        while not source.is_exhausted:
            source.set_aside([message.message_id for message in source.take(1.0)])


def _describe(letters: LetterFilter, title: str) -> str:
    return "\n".join(_lines(letters, title))


def _lines(letters: LetterFilter, title: str) -> Iterator[str]:
    yield f"{title:<28} {letters.taken.total():>9,}"
    for kind, count in letters.taken.most_common():
        yield f"  {_name(kind):<50} {count:>9,}"
    if letters.events_alone:
        yield f"  of {letters.events_alone:,} whole messages the event alone (--with_users: the user update, too)"
    if letters.left_alone:
        yield f"{'Left alone':<28} {letters.left_alone.total():>9,}"
        for why, count in letters.left_alone.most_common():
            yield f"  {why:<50} {count:>9,}"


def _name(kind: Kind) -> str:
    return " · ".join(map(redact_name, filter(None, kind)))


if __name__ == "__main__":
    leave(main())
