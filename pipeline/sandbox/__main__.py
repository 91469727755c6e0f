# SPDX-License-Identifier: Apache-2.0
"""`make run`: generated traffic through the real pipeline into a simulated Iterable, and a check of what arrived there.

Over Google's Pub/Sub emulator where it is installed, else from a file. Knows no step of the pipeline: it runs the
command that a user would type.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson

from pipeline.sandbox.arguments import Parser
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.oracle.expected import Expected
from pipeline.sandbox.pubsub.emulator import EmulatorError, PubsubEmulator
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic, publish, pull_attributes
from pipeline.sandbox.traffic.generator import Traffic, write_rows
from pipeline.sandbox.traffic.settings import TrafficSettings

CONFIG = pathlib.Path(__file__).parents[2] / "configs" / "demo.yaml"
FOLDER = pathlib.Path(".run")
STATE = FOLDER / "state"
API_KEY = "sandbox-key"
EXIT_INTERRUPTED = 130
# Iterable itself needs a minute to apply users; a newcomer need not.
APPLIED_WITHIN = AsyncDelay(users=1.0, events=1.0)

# Returns (part, reason) of each dead letter that was kept.
ReadDeadLetters = Callable[[], Iterator[tuple[str, str]]]


class Input(NamedTuple):
    """Where the run reads, where it keeps dead letters, and how to read those again."""

    arguments: list[str]
    environ: dict[str, str]
    read_dead_letters: ReadDeadLetters


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if Iterable and the dead letters hold exactly what they should."""
    parser = Parser(prog="a2i sandbox demo", description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=5_000, help="how many to generate (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same traffic (default %(default)s)")
    options = parser.read(sys.argv[1:] if arguments is None else arguments)
    try:
        traffic = Traffic(TrafficSettings(seed=options.seed, messages=options.messages))
        FOLDER.mkdir(exist_ok=True)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"the demo keeps its files in {FOLDER.resolve()}: {error.strerror}")
    with contextlib.ExitStack() as stack:
        iterable = stack.enter_context(SimulatedIterable(Settings(async_delay=APPLIED_WITHIN)))
        _say(f"Simulated Iterable (a hybrid project) at {iterable.url}")
        try:
            emulator = stack.enter_context(PubsubEmulator())
        except EmulatorError as error:
            _say(f"{error}. Reading from a file instead.")
            source = _prepare_file(traffic)
        else:
            source = _prepare_topics(emulator, traffic)
        config = CONFIG.relative_to(pathlib.Path.cwd()) if CONFIG.is_relative_to(pathlib.Path.cwd()) else CONFIG
        command = ["-m", "pipeline", "run", f"--config={config}", *source.arguments, f"--iterable-url={iterable.url}"]
        command.append(f"--state-dir={STATE}")
        _say(f"\n$ python {' '.join(command)}\n")
        shutil.rmtree(STATE, ignore_errors=True)  # an Iterable that is gone knows nobody of whom it tells
        environ = {**os.environ, **source.environ, "ITERABLE_API_KEY": API_KEY}
        code = _run([sys.executable, *command], environ)
        return code or _check(traffic.expected, iterable.dump(settle=True), source.read_dead_letters())


def _run(command: list[str], environ: dict[str, str]) -> int:
    """Its exit code. Ctrl-C reaches it as well, and it ends by itself: then there is nothing to check."""
    is_stopped = False
    with subprocess.Popen(command, env=environ) as process:  # noqa: S603 - our own command
        while True:
            try:
                code = process.wait()
            except KeyboardInterrupt:
                is_stopped = True
            else:
                return EXIT_INTERRUPTED if is_stopped else code


def _prepare_topics(emulator: PubsubEmulator, traffic: Traffic) -> Input:
    host, run = emulator.host, uuid.uuid4().hex[:8]  # an emulator that was running may hold topics of earlier runs
    topics = {name: create_topic(host, f"{name}-{run}") for name in ("events", "dead-letters")}
    subscriptions = {name: create_subscription(host, topic, f"{name}-{run}") for name, topic in topics.items()}
    count = publish(host, topics["events"], traffic)
    _say(f"Pub/Sub emulator at {host}: published {count:,} generated messages to {topics['events']}")
    return Input(
        [f"--input-subscription={subscriptions['events']}", f"--dead-letter-topic={topics['dead-letters']}"],
        emulator.environ,
        partial(_pull_dead_letters, host, subscriptions["dead-letters"]),
    )


def _pull_dead_letters(host: str, subscription: str) -> Iterator[tuple[str, str]]:
    return ((attributes["dl_part"], attributes["dl_reason"]) for attributes in pull_attributes(host, subscription))


def _prepare_file(traffic: Traffic) -> Input:
    names = ("events", "dead_letters", "waiting", "checkpoint")
    events, dead_letters, waiting, checkpoint = (FOLDER / f"{name}.jsonl" for name in names)
    for of_earlier_run in (dead_letters, waiting, checkpoint):
        of_earlier_run.unlink(missing_ok=True)
    with events.open("wb") as stream:
        write_rows(traffic, stream)
    _say(f"Wrote {traffic.settings.messages:,} generated messages to {events}")
    arguments = [f"--input-files={events}", f"--dead-letter-file={dead_letters}", f"--waiting-file={waiting}"]
    arguments.append(f"--checkpoint-file={checkpoint}")
    return Input(arguments, {}, partial(_read_lines, dead_letters))


def _read_lines(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    for line in path.read_bytes().splitlines():
        attributes = orjson.loads(line)["attributes"]
        yield attributes["dl_part"], attributes["dl_reason"]


def _check(expected: Expected, dump: dict[str, Any], dead_letters: Iterator[tuple[str, str]]) -> int:
    wanted = Counter(
        {outcome[1:]: count for outcome, count in expected.outcomes.items() if outcome[0] == "dead_lettered"}
    )
    kept = Counter(dead_letters)
    problems = differences(expected, dump)
    problems += [
        f"dead letters {key}: {kept[key]}, expected {wanted[key]}" for key in wanted | kept if kept[key] != wanted[key]
    ]
    if problems:
        _say("\nIt is not as it should be:\n  " + "\n  ".join(problems))
        return 1
    users, events = len(expected.users), len(expected.events)
    _say(
        f"\nChecked: Iterable holds exactly the {users:,} users and {events:,} events that it must (copies of an event"
        f" are one), and the {kept.total():,} dead letters are the expected ones."
    )
    return 0


def _say(text: str) -> None:
    """As wide as the terminal, if it is one; a command is left whole, or it could not be copied."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        wrapped = partial(textwrap.fill, width=width, subsequent_indent="  ", break_long_words=False)
        text = "\n".join(line if line.startswith("$ ") else wrapped(line) for line in text.split("\n"))
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
