"""The Beam-style entry, which the template launches: `a2i run` under its older name, with its own help."""

import importlib
import sys

from pipeline.cli.app import exit_now, run_command

PROGRAM = "python -m pipeline.main"


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code; see run_command."""

    def run() -> int:
        # Here, for Beam takes seconds, in which Ctrl-C must end calmly, too.
        code: int = importlib.import_module("pipeline.cli.run").run(sys.argv[1:] if arguments is None else arguments)
        return code

    return run_command(PROGRAM, run)


if __name__ == "__main__":
    exit_now(main())
