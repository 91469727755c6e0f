# SPDX-License-Identifier: Apache-2.0
"""The command line of a replay: which dead letters, where to, the options of a run. Knows no YAML and no network."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.cli.arguments import add_run_options, run_options, run_problems
from pipeline.cli.file_checks import FileSet
from pipeline.cli.parsing import (
    Parser,
    add_parameter,
    paths_of,
    read_values,
    refuse,
    resource_problem,
    time_problems,
    times_of,
    with_underscores,
)
from pipeline.cli.resource_names import is_subscription, looks_like_a_resource
from pipeline.run_options import Files, RunOptions, Subscription
from pipeline.runs.replay_filter import Wanted
from pipeline.sources.archives import find_files
from transforms.dead_letters.letter import sync_name_of
from transforms.model.time_range import TimeRange

PROGRAM = "a2i replay"


@dataclass(frozen=True)
class ReplayOptions:
    """What `run` reads are the dead letters. `times`: of dead-lettering, not of events."""

    run: RunOptions
    times: TimeRange
    to_topic: str
    reason: str
    event_type: str
    with_users: bool
    with_deletions: bool
    from_sync: str  # as it was called; "": as the config is
    dry_run: bool

    def wanted(self, sync_tag: str) -> Wanted:
        """`sync_tag`: of the config, as its own letters carry it."""
        return Wanted(
            self.from_sync or sync_name_of(sync_tag),
            self.reason,
            self.event_type,
            self.times,
            self.with_users,
            sync_tag if self.from_sync else "",
            self.with_deletions,
        )


def replay_parser() -> Parser:
    """Its options, in the groups of `--help`."""
    parser = Parser(prog=PROGRAM, allow_abbrev=False)
    letters = parser.add_argument_group("Which letters")
    add_parameter(letters, "config")
    add = letters.add_argument
    add("--dead_letters", default="", metavar="FILE|S", help="a file or pattern, or projects/P/subscriptions/S")
    add("--reason", default="", metavar="R", help="only those of this dl_reason")
    add("--event_type", default="", metavar="E", help="only those of this event type")
    add("--start_time", metavar="T", help="only those dead-lettered from then on, such as 2026-01-31T09:30:00Z")
    add("--end_time", metavar="T", help="only those dead-lettered before then")
    add("--with_users", action="store_true", help="user updates, too: old values may overwrite newer ones")
    add("--with_deletions", action="store_true", help="calls that cannot be undone, too: users/delete, users/forget")
    add("--from_sync", default="", metavar="OLD", help="those of the sync that was called OLD, now the config's own")
    how = parser.add_argument_group("How").add_argument
    how("--dry_run", action="store_true", help="say what the config makes of them now, and change nothing")
    how("--to_topic", default="", metavar="T", help="publish them to projects/P/topics/T instead of running them here")
    add_run_options(parser)
    parser.add_argument_group("Beam", "Any option of Beam goes to the runner.")
    return parser


def parse_replay_options(arguments: list[str]) -> ReplayOptions:
    """Raises UsageError with every problem."""
    parser = replay_parser()
    ours, rest = parser.parse_known_args(with_underscores(arguments, parser))
    values, problems = read_values(ours, rest)
    problems += [*time_problems(ours, values), *_problems(ours)]
    refuse(problems)
    run = run_options(values, _input_of(ours))
    return ReplayOptions(
        run,
        times_of(values),
        ours.to_topic,
        ours.reason,
        ours.event_type,
        ours.with_users,
        ours.with_deletions,
        ours.from_sync,
        ours.dry_run,
    )


def _input_of(ours: argparse.Namespace) -> Subscription | Files:
    if is_subscription(ours.dead_letters):
        return Subscription(ours.dead_letters)
    return Files((ours.dead_letters,), waiting_file=ours.waiting_file, keeps_checkpoint=False)


def _problems(ours: argparse.Namespace) -> Iterator[str]:
    if not ours.dead_letters:
        yield "--dead-letters is missing. Give a file of dead letters, or a subscription of their topic."
    yield from resource_problem("to_topic", ours.to_topic, "topics")
    read = [ours.dead_letters] if ours.dead_letters and not is_subscription(ours.dead_letters) else []
    if read and looks_like_a_resource(read[0]) and not find_files(read):
        yield from resource_problem("dead_letters", read.pop(), "subscriptions")
    sends = not (ours.to_topic or ours.dry_run)
    files = FileSet(
        "dead_letters",
        read,
        ours.config,
        ours.state_dir,
        appended=paths_of(ours, "dead_letter_file") if sends else {},
        replaced=paths_of(ours, "waiting_file") if sends and read else {},
    )
    yield from run_problems(ours, files, sends)
