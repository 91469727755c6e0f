"""A view of dead letters: by reason, event type and field, with the remedy of each. Changes nothing."""

import argparse
import contextlib
import sys
from collections.abc import Generator

import click

from pipeline.cli.app import run_command
from pipeline.cli.parsing import Parser, UsageError
from pipeline.cli.resource_names import broken_rule_of, is_subscription, looks_like_a_resource
from pipeline.reports.letter_groups import LetterGroups
from pipeline.reports.screen import show
from pipeline.sources.archives import Reader, find_files
from pipeline.sources.buckets import BUCKETS
from pipeline.sources.files import messages_of
from pipeline.sources.pubsub import SubscriptionSource
from transforms.model.items import Message

PROGRAM = "python -m pipeline.dead_letters"
CHUNK_SIZE = 1_000

Letters = Generator[Message, None, None]


@click.command()
@click.argument("letters", metavar="FILE|SUBSCRIPTION")
@click.option("--limit", type=click.IntRange(min=1), default=100_000, show_default=True, help="Look at no more.")
def command(letters: str, limit: int) -> None:
    """Show dead letters by reason, event type and field, redacted, with the remedy of each reason.

    LETTERS are a file or pattern, or projects/P/subscriptions/S, of which nothing is acknowledged.
    """
    _describe(letters, limit)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code; see run_command."""
    return run_command(PROGRAM, lambda: _view(sys.argv[1:] if arguments is None else arguments))


def _view(arguments: list[str]) -> None:
    options = _parse(arguments)
    _describe(options.letters, options.limit)


def _describe(place: str, limit: int) -> None:
    _check_is_readable(place)
    groups = LetterGroups()
    letters = _pull(place) if is_subscription(place) else _read(place)
    with contextlib.closing(letters):
        for letter in letters:
            groups.add(letter)
            if groups.total == limit:
                break
    show(groups.describe())
    if groups.total == limit:
        show(f"\nThere may be more: these are the first {limit:,} (--limit).")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} FILE|SUBSCRIPTION [--limit N]",
        description="Show dead letters by reason, event type and field, redacted, with the remedy of each reason."
        " Nothing is acknowledged.",
        allow_abbrev=False,
    )
    parser.add_argument("letters", metavar="FILE|SUBSCRIPTION", help="a file or pattern, or projects/P/subscriptions/S")
    parser.add_argument("--limit", type=int, default=100_000, metavar="N", help="look at no more (%(default)s)")
    return parser.parse_args(arguments)


def _check_is_readable(place: str) -> None:
    is_local_file = not place.startswith(BUCKETS) and not is_subscription(place)
    if is_local_file and not find_files([place]):
        rule = "it is no projects/PROJECT/subscriptions/NAME"
        if looks_like_a_resource(place):
            rule = broken_rule_of(place, "subscriptions")
        raise UsageError(f"{place!r} is no file; {rule}.")


def _read(pattern: str) -> Letters:
    yield from messages_of(Reader(find_files([pattern])))


def _pull(subscription: str) -> Letters:
    """All that are there; they come again at once when this ends."""
    with contextlib.closing(SubscriptionSource(subscription, CHUNK_SIZE)) as source:
        while not source.is_exhausted:
            chunk = source.take(1.0)
            source.set_aside([message.message_id for message in chunk])
            yield from chunk
