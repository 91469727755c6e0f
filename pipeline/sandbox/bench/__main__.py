# SPDX-License-Identifier: Apache-2.0
"""`make bench`: every measure, or those that are named, one after the other. Knows none from inside.

Each figure has its target beside it, or is told beside a floor measured in the same run: machines differ by a third
from one minute to the next, and what a step costs is best seen alone (`--steps`). BENCH_EVENTS: the most events of a
run, by default a million. BENCH_JSON: a file for all of it, with versions and every single run; `curves` draws it.
"""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.sandbox.bench.figures import HEAD, Figure, line_of
from pipeline.sandbox.bench.machine import about

# Those that start processes first: the least peak of a process is that of the one which started it.
MEASURES = ("speed", "preview", "backlog", "drain", "trickle", "long_run", "outage", "rules", "steps")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.sandbox.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASURES)} (default: all)")
    parser.add_argument("--steps", action="store_true", help="the table of steps alone")
    given = parser.parse_args()
    names = ["steps"] if given.steps else given.names
    if unknown := [name for name in names if name not in MEASURES]:
        parser.error(f"no such measure: {', '.join(unknown)}")
    machine = about()
    _say(", ".join(f"{name} {value}" for name, value in machine.items()))
    found: dict[str, list[dict[str, Any]]] = {}
    missed = 0
    for name in names or MEASURES:
        measure = module_of(name)
        _say(f"\n{(measure.__doc__ or name).partition(chr(10))[0]}\n{HEAD}")
        found[name] = []
        for figure in _told(measure.measure()):
            missed += figure.is_met is False
            found[name].append(figure._asdict() | {"is_met": figure.is_met})
    _say(f"\n{missed} of the targets missed." if missed else "\nEvery target is met.")
    if path := os.environ.get("BENCH_JSON"):
        Path(path).write_text(json.dumps({"machine": machine, "measures": found}, indent=1) + "\n")
    return 0


def module_of(measure: str) -> Any:
    return importlib.import_module(f"pipeline.sandbox.bench.{measure}")


def _told(figures: Iterator[Figure]) -> Iterator[Figure]:
    for figure in figures:
        _say(line_of(figure))
        yield figure


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
