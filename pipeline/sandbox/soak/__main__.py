# SPDX-License-Identifier: Apache-2.0
"""`make soak`: trials, and many seeds of traffic and chaos, through the real pipeline. Knows no check.

Each runs in a process of its own, as `python -m pipeline.sandbox.soak --trial NAME` or `--first N --seeds 1` does here,
and of the streaming job `python -m pipeline.sandbox.dataflow --seed N`.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.sandbox.pubsub.emulator import EmulatorNotFoundError
from pipeline.sandbox.soak.seeds import check_operations, check_seed
from pipeline.sandbox.soak.trials import TRIALS

FOLDER = Path(".run")
PROGRAM = "pipeline.sandbox.soak"
DATAFLOW = "pipeline.sandbox.dataflow"  # above this room: known by name alone
OPERATIONS_MESSAGES = 1_000  # at most, for each seed: most of them are requests of their own
MOST_SECONDS = 1800.0  # of one seed; they take one minute or two


class Job(NamedTuple):
    """A seed or a trial, and what repeats it."""

    title: str
    arguments: tuple[str, ...]
    program: str = PROGRAM

    @property
    def command(self) -> list[str]:
        return ["-m", self.program, *self.arguments]


class Failure(NamedTuple):
    """A job that did not come to what it must."""

    job: Job
    problem: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every trial and seed came to what it must."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="how many (default %(default)s)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="the first of them (default %(default)s)")
    parser.add_argument("--messages", type=int, default=5_000, metavar="N", help="for each (default %(default)s)")
    parser.add_argument(
        "--dataflow_seeds",
        type=int,
        default=6,
        metavar="N",
        help="of the streaming job, twice: of events, of operations (default %(default)s)",
    )
    parser.add_argument(
        "--jobs", type=int, default=2 * (os.cpu_count() or 1), metavar="N", help="seeds at once (default %(default)s)"
    )
    parser.add_argument("--operations", action="store_true", help="those of purchases, carts and calls alone")
    parser.add_argument("--trial", choices=TRIALS, metavar="NAME", help=f"one of {', '.join(TRIALS)}, and no seed")
    options = parser.parse_args(arguments)
    if min(options.seeds, options.messages, options.jobs) < 1:
        parser.error("--seeds, --messages and --jobs must be 1 or more")
    if options.trial:
        return _run_here(options.trial, TRIALS[options.trial])
    if options.seeds == 1:
        kind, check = ("operations seed", check_operations) if options.operations else ("seed", check_seed)
        return _run_here(f"{kind} {options.first}", lambda folder: check(options.first, options.messages, folder))
    seeds = range(options.first, options.first + options.seeds)
    fewer = min(options.messages, OPERATIONS_MESSAGES)
    of_operations = [_seed_job("Operations seed", n, fewer, "--operations") for n in seeds]
    streaming = range(1, options.dataflow_seeds + 1)
    more = "--messages=400", "--operations"
    jobs = [
        *(Job(f"Trial {name}", (f"--trial={name}",)) for name in TRIALS),
        *(_seed_job("Seed", n, options.messages) for n in seeds),
        *(Job(f"Dataflow seed {n}", (f"--seed={n}",), DATAFLOW) for n in streaming),
        *(Job(f"Dataflow operations seed {n}", (f"--seed={n}", *more), DATAFLOW) for n in streaming),
    ]
    jobs = of_operations if options.operations else jobs + of_operations
    failures = _run_all(jobs, options.jobs)
    done = f"{len(jobs) - len(failures)} of {len(jobs)} came to what they must"
    others = f"{len(TRIALS)} trials, {len(seeds)} seeds, {2 * len(streaming)} of the streaming job, "
    kinds = f"{'' if options.operations else others}{len(seeds)} of operations"
    Console().print(f"{done}: {kinds}.", highlight=False)
    return 1 if failures else 0


def _seed_job(title: str, seed: int, messages: int, *more: str) -> Job:
    return Job(f"{title} {seed}", (f"--first={seed}", "--seeds=1", f"--messages={messages}", *more))


def _run_here(name: str, check: Callable[[Path], list[str]]) -> int:
    """What is kept of a run that fails is for a person to look at."""
    folder = (FOLDER / f"soak-{name.replace(' ', '-')}").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        problems = check(folder)
    except EmulatorNotFoundError as error:
        print(f"{name} is skipped: {error}")  # noqa: T201
        return 0
    for problem in problems or [f"{name} came to what it must."]:
        print(problem)  # noqa: T201
    if problems:
        print(f"Its messages and dead letters are in {folder}", file=sys.stderr)  # noqa: T201
        return 1
    shutil.rmtree(folder)
    return 0


def _run_all(jobs: Sequence[Job], at_once: int) -> list[Failure]:
    failures = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress, ThreadPoolExecutor(at_once) as pool:
        bar = progress.add_task("Trials and seeds", total=len(jobs))
        running = [pool.submit(_run_apart, job) for job in jobs]
        try:
            for done in as_completed(running):
                progress.advance(bar)
                if failure := done.result():
                    failures.append(failure)
                    progress.console.print(_line(failure), markup=False, highlight=False, soft_wrap=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)  # those under way had the signal, too
            raise
    return failures


def _run_apart(job: Job) -> Failure | None:
    command = [sys.executable, *job.command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return Failure(job, f"did not end within {MOST_SECONDS:.0f} s")
    if not done.returncode:
        return None
    lines = done.stdout.splitlines() or done.stderr.splitlines()[-1:] or [f"exit code {done.returncode}"]
    return Failure(job, lines[0] + (f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""))


def _line(failure: Failure) -> str:
    return f"{failure.job.title}: {failure.problem}. Repeat: python {' '.join(failure.job.command)}"


if __name__ == "__main__":
    sys.exit(main())
