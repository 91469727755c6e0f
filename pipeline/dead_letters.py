"""`python -m pipeline.dead_letters`: see cli.dead."""

from pipeline.cli.app import exit_now
from pipeline.cli.dead import main

if __name__ == "__main__":
    exit_now(main())
