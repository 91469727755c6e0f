# SPDX-License-Identifier: Apache-2.0
"""A view of dead letters: by reason, event type and field, with the remedy of each. Changes nothing."""

import contextlib
import json
from collections.abc import Generator, Mapping
from itertools import islice

import click

from pipeline.cli.errors import UsageError
from pipeline.cli.letter_search import nothing_asked_for
from pipeline.cli.load_sync import load_sync
from pipeline.cli.resource_names import broken_rule_of, is_subscription, looks_like_a_resource
from pipeline.cli.row_inputs import NEITHER, pull
from pipeline.config.to_rules import sender_settings_of
from pipeline.reports.bounded_counter import BoundedCounter
from pipeline.reports.letter_groups import LetterGroups
from pipeline.reports.letter_values import describe_values
from pipeline.reports.screen import show, show_values, show_wrapped, tell
from pipeline.sources.archives import Reader, find_files
from pipeline.sources.buckets import BUCKETS
from transforms.amplitude.parse import event_type_of
from transforms.amplitude.reserved_events import name_in_data
from transforms.dead_letters.copies import SeenLetters
from transforms.dead_letters.letter import DL_REASON, from_line, placed
from transforms.iterable.api_key import read_api_key
from transforms.iterable.client import IterableClient
from transforms.iterable.field_types import field_types
from transforms.model.items import Message

ALL, ONE = 100_000, 1  # letters that are looked at, and that are shown in full, unless --limit says

Letters = Generator[Message, None, None]

HELP = """Show dead letters with the remedy of each reason.

\b
  a2i dead dead_letters.jsonl
  a2i dead projects/P/subscriptions/S --ask my.yaml
  a2i dead dead_letters.jsonl --reason not_json --values

By reason, event type and field; without values unless --values is given. What is read is a file, a pattern,
gs://bucket/pattern, or a subscription, of which nothing is acknowledged.
"""


@click.command(help=HELP)
@click.argument("letters", metavar="FILE|SUBSCRIPTION")
@click.option("--reason", default="", metavar="R", help="Only those of this reason.")
@click.option("--event-type", "--event", default="", metavar="E", help="Only those of this event type.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help=f"Look at no more ({ALL:,}; with --values {ONE})."
)
@click.option("--values", is_flag=True, help="Show letters in full: the event, its reason, the detail.")
@click.option(
    "--ask", default="", metavar="CONFIG", help="Ask Iterable which types its user fields have. Nothing is sent."
)
@click.option("--iterable-url", default="", metavar="URL", help="Of --ask: instead of the host of the config's region.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; see configs/schemas/dead.schema.json.")
def command(
    letters: str,
    reason: str,
    event_type: str,
    limit: int | None,
    values: bool,
    ask: str,
    iterable_url: str,
    as_json: bool,
) -> None:
    _check_is_readable(letters)
    if values and (as_json or ask):
        raise UsageError("Give --values alone: --json and --ask tell of all letters, and hold no values.")
    chosen = _Chosen(reason, event_type)
    with contextlib.closing(pull(letters) if is_subscription(letters) else _read(letters)) as found:
        if values:
            _show_in_full(found, chosen, limit or ONE)
        else:
            _show_groups(found, chosen, limit or ALL, _types_of(ask, iterable_url) if ask else None, as_json)
    if problem := nothing_asked_for(reason, event_type, chosen, ""):
        raise UsageError(problem)


class _Chosen:
    """Tells the letters that were asked for from others, and what all of them have."""

    def __init__(self, reason: str, event_type: str) -> None:
        self._reason = reason
        self._event_type = name_in_data(event_type)
        self.reasons: BoundedCounter[str] = BoundedCounter()
        self.event_types: BoundedCounter[str] = BoundedCounter()

    def holds(self, letter: Message) -> bool:
        if DL_REASON not in letter.attributes:
            return not (self._reason or self._event_type)
        reason, event_type = letter.attributes[DL_REASON], event_type_of(letter.data)
        self.reasons.add(reason)
        self.event_types.add(event_type)
        is_of_type = not self._event_type or self._event_type == name_in_data(event_type)
        return is_of_type and self._reason in ("", reason)


def _show_groups(letters: Letters, chosen: _Chosen, limit: int, types: Mapping[str, str] | None, as_json: bool) -> None:
    groups = LetterGroups()
    for letter in letters:
        if chosen.holds(letter):
            groups.add(letter)
        if groups.looked_at == limit:
            break
    if as_json:
        show(json.dumps(groups.as_json(types), indent=2, ensure_ascii=False))
    else:
        show_wrapped(groups.describe(types))
    if groups.looked_at == limit:
        (tell if as_json else show)(f"\nThere may be more: these are the first {limit:,} (--limit).")


def _show_in_full(letters: Letters, chosen: _Chosen, limit: int) -> None:
    seen, ours = SeenLetters(), (letter for letter in letters if DL_REASON in letter.attributes)
    found = (letter for letter in ours if chosen.holds(letter) and not seen.is_copy(letter))
    for shown, letter in enumerate(islice(found, limit)):
        show_values(f"\n{describe_values(letter)}" if shown else describe_values(letter))
    if next(found, None):
        show(f"\nThere are more: {'this is the first' if limit == 1 else f'these are the first {limit:,}'} (--limit).")


def _types_of(config: str, iterable_url: str) -> dict[str, str] | None:
    """Of the project's fields; None, with a line of why, for a sync that is disabled."""
    loaded = load_sync(config)
    if not loaded:
        return None
    settings = sender_settings_of(loaded.config, iterable_url)
    with contextlib.closing(IterableClient(settings.url, lambda: read_api_key(settings.api_key))) as client:
        return field_types(client)


def _check_is_readable(place: str) -> None:
    is_local_file = not place.startswith(BUCKETS) and not is_subscription(place)
    if is_local_file and not find_files([place]):
        if looks_like_a_resource(place):
            raise UsageError(f"{place!r} is no subscription; {broken_rule_of(place, 'subscriptions')}.")
        raise UsageError(f"{place!r} {NEITHER}.")


def _read(pattern: str) -> Letters:
    reader = Reader(find_files([pattern]))
    for line in reader:
        if text := line.rstrip(b"\r\n"):
            place = reader.position.place
            letter = from_line(text)
            yield placed(letter, place) if letter else Message(b"", {}, place, 0.0)
