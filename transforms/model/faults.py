# SPDX-License-Identifier: Apache-2.0
"""What is told of a fault of ours. Knows no message."""

import logging
import traceback
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)


def place_of(error: Exception) -> str:
    """What failed and where, without the error's text: that may hold a value of the message."""
    frames = list(traceback.walk_tb(error.__traceback__))
    ours = [(frame, line) for frame, line in frames if _is_ours(frame.f_globals.get("__name__", ""))]
    frame, line = (ours or frames)[-1]
    return f"{type(error).__name__} in {Path(frame.f_code.co_filename).name}:{line}"


@cache
def tell_fault(where: str) -> None:
    """Once for each place, in this process."""
    log.warning("A fault of the program: %s. What it concerns is dead-lettered as processing_failed.", where)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("transforms", "pipeline")
