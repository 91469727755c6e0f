# SPDX-License-Identifier: Apache-2.0
"""`python -m pipeline.dead_letters`: the older name of `a2i dead`."""

from pipeline.cli.interrupts import end_on_interrupt

end_on_interrupt()  # before what takes long to import

from pipeline.cli.a2i import call_by_old_name  # noqa: E402
from pipeline.cli.app import exit_now  # noqa: E402

if __name__ == "__main__":
    exit_now(call_by_old_name("pipeline.dead_letters", "dead"))
