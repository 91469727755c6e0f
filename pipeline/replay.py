"""`python -m pipeline.replay`: see cli.replay."""

from pipeline.cli.app import exit_now
from pipeline.cli.replay import main

if __name__ == "__main__":
    exit_now(main())
