"""`python -m pipeline`, and the console script: see cli.a2i."""

from typing import NoReturn

from pipeline.cli.a2i import main
from pipeline.cli.app import exit_now


def run() -> NoReturn:
    exit_now(main())


if __name__ == "__main__":
    run()
