# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

from pipeline.sandbox.bench.__main__ import MEASURES, module_of


def test_every_measure_says_in_a_line_what_it_is() -> None:
    """`make bench` heads its figures with it."""
    assert all((module_of(name).__doc__ or "").partition("\n")[0].endswith(".") for name in MEASURES)


def test_an_unknown_measure_is_refused() -> None:
    """With the names there are."""
    command = [sys.executable, "-m", "pipeline.sandbox.bench", "haste"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "no such measure: haste" in done.stderr
