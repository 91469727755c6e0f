# SPDX-License-Identifier: Apache-2.0
"""Beam as it is where its extras are not installed: less than half of the time to start. Knows no command."""

import importlib
import logging
import sys
from collections.abc import Sequence

from pipeline.cli.interrupts import end_on_interrupt

# Google's services, Arrow and MongoDB: a run on this machine has none of Beam's sources and sinks of those.
_EXTRAS = ("google.cloud", "apitools", "pyarrow", "pymongo", "apache_beam.io.gcp.bigquery")
_NEED_EXTRAS = ("runner", "streaming")  # a job on Dataflow, or its try on this machine


def import_lean_beam(arguments: Sequence[str]) -> None:
    """Unless they name what needs all of Beam, or it is there already.

    Beam finds no extra while it is imported; whoever imports one afterwards does. Ctrl-C ends the process until
    `import_work`, which is to follow, is done.
    """
    if "apache_beam" in sys.modules or any(word in argument for argument in arguments for word in _NEED_EXTRAS):
        return
    end_on_interrupt()
    hidden = {name: sys.modules.get(name) for name in _EXTRAS}
    beam = logging.getLogger("apache_beam")
    level = beam.level
    beam.setLevel(logging.ERROR)  # it warns of what is not there
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: there is no such module
    try:
        importlib.import_module("apache_beam")
    finally:
        beam.setLevel(level)
        for name, module in hidden.items():
            del sys.modules[name]
            if module:
                sys.modules[name] = module
