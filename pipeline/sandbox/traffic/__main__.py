# SPDX-License-Identifier: Apache-2.0
"""Generated traffic as a command: `python -m pipeline.sandbox.traffic`. Knows not how it is made."""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipeline.sandbox.arguments import Parser
from pipeline.sandbox.traffic.generator import Traffic, write_rows
from pipeline.sandbox.traffic.settings import TrafficSettings


def main(argv: Sequence[str] | None = None) -> int:
    parser = Parser(prog="a2i sandbox traffic", description="Writes made-up Amplitude rows.")
    parser.add_argument("--messages", type=int, default=TrafficSettings.messages, help="how many (default %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=TrafficSettings.seed, help="same seed, same bytes (default %(default)s)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to; without it, standard output")
    arguments = parser.read(sys.argv[1:] if argv is None else argv)
    try:
        traffic = Traffic(TrafficSettings(seed=arguments.seed, messages=arguments.messages))
        if arguments.output is None:
            write_rows(traffic, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with arguments.output.open("wb") as stream:
                write_rows(traffic, stream)
    except ValueError as error:
        parser.error(str(error))
    except BrokenPipeError:  # the reader has seen enough; Python would complain again while closing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        parser.error(f"{arguments.output}: {error.strerror}")
    print(_summary(traffic, arguments.output), file=sys.stderr)  # noqa: T201  # what a command says
    return 0


def _summary(traffic: Traffic, output: Path | None) -> str:
    kinds: Counter[str] = Counter()
    for (kind, _, _), count in traffic.expected.outcomes.items():
        kinds[kind] += count
    return (
        f"{traffic.settings.messages:,} messages written to {output or 'standard output'}; under configs/demo.yaml "
        f"{kinds['delivered']:,} are to be delivered ({len(traffic.expected.users):,} users, "
        f"{len(traffic.expected.events):,} events), {kinds['dropped']:,} dropped, "
        f"{kinds['dead_lettered']:,} dead-lettered"
    )


if __name__ == "__main__":
    sys.exit(main())
