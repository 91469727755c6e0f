"""`python -m pipeline.replay`: the older name of `a2i replay`."""

from pipeline.cli.a2i import call_by_old_name
from pipeline.cli.app import exit_now

if __name__ == "__main__":
    exit_now(call_by_old_name("pipeline.replay", "replay"))
