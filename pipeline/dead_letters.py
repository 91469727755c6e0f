"""`python -m pipeline.dead_letters`: the older name of `a2i dead`."""

from pipeline.cli.a2i import call_by_old_name
from pipeline.cli.app import exit_now

if __name__ == "__main__":
    exit_now(call_by_old_name("pipeline.dead_letters", "dead"))
