"""`python -m pipeline`: see cli.a2i."""

from pipeline.cli.a2i import main
from pipeline.cli.app import exit_now

if __name__ == "__main__":
    exit_now(main())
