# SPDX-License-Identifier: Apache-2.0
"""`python -m pipeline.sandbox.dataflow [FIGURE ...]`: how the streaming sender does on the model of the workers."""

import argparse
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.sandbox.dataflow.figures import FIGURES
from pipeline.sandbox.dataflow.trial import Trial, run_operations, run_seed


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 1 if a seed did not come to what it must."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.sandbox.dataflow", description=(__doc__ or "").partition(": ")[2]
    )
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of {', '.join(FIGURES)} (all)")
    parser.add_argument("--seed", type=int, metavar="N", help="instead of figures: traffic, chaos and every fault")
    parser.add_argument("--messages", type=int, default=1_500, metavar="N", help="of the seed (default %(default)s)")
    parser.add_argument("--operations", action="store_true", help="of the seed: purchases, carts and calls, too")
    options = parser.parse_args(arguments)
    if unknown := set(options.figures) - FIGURES.keys():
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    logging.disable(logging.ERROR)  # of failures, which are counted, Beam logs a traceback each
    if options.seed is not None:
        return _run_seed(run_operations if options.operations else run_seed, options.seed, options.messages)
    for name in options.figures or FIGURES:
        with tempfile.TemporaryDirectory() as folder:
            for what, value in FIGURES[name](Path(folder)):
                _say(f"{name}: {what}: {value}")
    return 0


def _run_seed(run: Callable[[int, int, Path], Trial], seed: int, messages: int) -> int:
    folder = Path(tempfile.mkdtemp(prefix=f"dataflow-seed-{seed}-"))
    trial = run(seed, messages, folder)
    for line in (*trial.problems, f"drained in {trial.drain_seconds or 0:.1f} s", *trial.measures.lines()):
        _say(line)
    if trial.problems:
        _say(f"Its messages and dead letters are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what a command says


if __name__ == "__main__":
    sys.exit(main())
