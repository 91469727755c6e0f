# SPDX-License-Identifier: Apache-2.0
"""What a run sets for its process holds no longer than the run."""

import contextlib
import gc
import logging
import sys

from pipeline.runs.process import tune_process
from transforms.model.errors import FatalError


def settings() -> tuple[object, ...]:
    return (
        gc.get_threshold(),
        gc.get_freeze_count(),
        sys.getswitchinterval(),
        logging.getLogger("apache_beam.runners").level,
    )


def test_the_process_is_put_back_as_it_was_whatever_ends_the_run() -> None:
    before = settings()

    with contextlib.suppress(FatalError), tune_process(is_pulling=True):
        tuned = settings()
        raise FatalError("the key is refused")

    assert all(one != another for one, another in zip(before, tuned, strict=True))
    assert settings() == before


def test_only_who_pulls_is_interrupted_often() -> None:
    """Pulls need it; it costs a tenth of all else."""
    before = sys.getswitchinterval()

    with tune_process(is_pulling=False):
        assert sys.getswitchinterval() == before
