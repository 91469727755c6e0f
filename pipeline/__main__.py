# SPDX-License-Identifier: Apache-2.0
"""`python -m pipeline`, and the console script: see cli.a2i."""

from pipeline.cli.interrupts import end_on_interrupt

end_on_interrupt()  # before what takes long to import

from pipeline.cli.a2i import main  # noqa: E402
from pipeline.cli.app import exit_now  # noqa: E402


def run() -> None:
    exit_now(main())


if __name__ == "__main__":
    run()
