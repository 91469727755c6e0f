# SPDX-License-Identifier: Apache-2.0
"""The Beam-style entry, which the template launches: `a2i run` under its older name, with its own help."""

import sys

from pipeline.cli.interrupts import end_on_interrupt, import_work

end_on_interrupt()  # before what takes long to import

from pipeline.cli.app import exit_now, run_command  # noqa: E402
from pipeline.cli.lean_beam import import_lean_beam  # noqa: E402

PROGRAM = "python -m pipeline.main"


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code; see run_command."""

    def run() -> int:
        given = sys.argv[1:] if arguments is None else arguments
        import_lean_beam(given)
        code: int = import_work("pipeline.cli.run").run(given)
        return code

    return run_command(PROGRAM, run)


if __name__ == "__main__":
    exit_now(main())
