"""`make soak`: many seeds of traffic and chaos through the real pipeline, each checked in full. Knows no check.

A seed runs in a process of its own, as `python -m pipeline.sandbox.soak --first SEED --seeds 1` does here.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.sandbox.chaos_run import check_seed

FOLDER = Path(".run")
PROGRAM = "pipeline.sandbox.soak"
MOST_SECONDS = 1800.0  # of one seed; they take one minute or two


class Failure(NamedTuple):
    """A seed that did not come to what it must."""

    seed: int
    problem: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every seed came to what it must."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="how many (default %(default)s)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="the first of them (default %(default)s)")
    parser.add_argument("--messages", type=int, default=5_000, metavar="N", help="for each (default %(default)s)")
    parser.add_argument(
        "--jobs", type=int, default=2 * (os.cpu_count() or 1), metavar="N", help="seeds at once (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    if min(options.seeds, options.messages, options.jobs) < 1:
        parser.error("--seeds, --messages and --jobs must be 1 or more")
    if options.seeds == 1:
        return _run_here(options.first, options.messages)
    seeds = range(options.first, options.first + options.seeds)
    failures = _run_all(seeds, options.messages, options.jobs)
    Console().print(f"{len(seeds) - len(failures)} of {len(seeds)} seeds came to what they must.", highlight=False)
    return 1 if failures else 0


def _run_here(seed: int, messages: int) -> int:
    """What is kept of a run that fails is for a person to look at."""
    folder = FOLDER / f"soak-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    problems = check_seed(seed, messages, folder)
    for problem in problems or [f"Seed {seed} came to what it must."]:
        print(problem)  # noqa: T201
    if problems:
        print(f"Its messages and dead letters are in {folder}", file=sys.stderr)  # noqa: T201
        return 1
    shutil.rmtree(folder)
    return 0


def _run_all(seeds: range, messages: int, jobs: int) -> list[Failure]:
    failures = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress, ThreadPoolExecutor(jobs) as pool:
        bar = progress.add_task("Seeds", total=len(seeds))
        running = [pool.submit(_run_apart, seed, messages) for seed in seeds]
        try:
            for done in as_completed(running):
                progress.advance(bar)
                if failure := done.result():
                    failures.append(failure)
                    progress.console.print(_line(failure, messages), markup=False, highlight=False, soft_wrap=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)  # those under way had the signal, too
            raise
    return failures


def _run_apart(seed: int, messages: int) -> Failure | None:
    command = [sys.executable, *_arguments(seed, messages)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return Failure(seed, f"did not end within {MOST_SECONDS:.0f} s")
    if not done.returncode:
        return None
    lines = done.stdout.splitlines() or done.stderr.splitlines()[-1:] or [f"exit code {done.returncode}"]
    return Failure(seed, lines[0] + (f" (and {len(lines) - 1} more)" if lines[1:] else ""))


def _line(failure: Failure, messages: int) -> str:
    command = " ".join(_arguments(failure.seed, messages))
    return f"Seed {failure.seed}: {failure.problem}. Repeat: python {command}"


def _arguments(seed: int, messages: int) -> list[str]:
    return ["-m", PROGRAM, f"--first={seed}", "--seeds=1", f"--messages={messages}"]


if __name__ == "__main__":
    sys.exit(main())
