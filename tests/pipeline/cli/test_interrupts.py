# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# What libraries do around an import of theirs that may fail.
SWALLOWS = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
except BaseException:
    pass
"""
BEGIN = """
import os, signal
signal.signal(signal.SIGINT, signal.{handler})
from pipeline.cli.interrupts import end_on_interrupt, import_work
end_on_interrupt()
import_work({module!r})
print("works", flush=True)
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("left in order")
"""


@pytest.mark.parametrize(
    ("module", "handler", "code", "out"),
    [
        ("swallows", "default_int_handler", 130, ""),
        ("this_module", "default_int_handler", 0, "works\nleft in order\n"),
        ("swallows", "SIG_IGN", 0, "works\n"),
    ],
)
def test_ctrl_c_ends_imports_at_once_and_work_in_order(
    tmp_path: Path, module: str, handler: str, code: int, out: str
) -> None:
    """Whatever an import makes of a KeyboardInterrupt; where it is ignored, it stays so."""
    (tmp_path / "swallows.py").write_text(SWALLOWS)
    (tmp_path / "this_module.py").write_text("")
    ran = subprocess.run(
        [sys.executable, "-c", BEGIN.format(module=module, handler=handler)],
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (code, out, "")
