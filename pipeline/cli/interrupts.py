# SPDX-License-Identifier: Apache-2.0
"""What Ctrl-C does while nothing is under way: it ends the process without a word. Imports nothing that takes long."""

import importlib
import os
import signal
from types import ModuleType

EXIT_INTERRUPTED = 130


def end_on_interrupt() -> None:
    """From now on, without a KeyboardInterrupt, of which an import that is under way makes what it likes.

    Where Ctrl-C is ignored, as in a background job, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def import_work(module: str) -> ModuleType:
    """Before there is something to leave in order: from then on Ctrl-C raises KeyboardInterrupt again."""
    end_on_interrupt()
    try:
        return importlib.import_module(module)
    finally:
        if signal.getsignal(signal.SIGINT) is _end:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(*_: object) -> None:
    os._exit(EXIT_INTERRUPTED)
