# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

import pytest

from pipeline.dataflow.__main__ import main

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file or directory"),
        (b"", "it is no graph lock"),
        (b"\xff", "it is no graph lock"),
        (b"[1]", "it is no graph lock"),
        (b'{"steps": {}}', "it is no graph lock"),
    ],
)
def test_a_file_that_is_no_lock_is_one_line(
    content: bytes | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With another code than a lock that differs: `make update` goes on from that one where MAPPING is given."""
    lock = tmp_path / "lock.json"
    if content is not None:
        lock.write_bytes(content)

    assert main(["compare", str(lock)]) == 2
    assert capsys.readouterr() == ("", f"{lock}: {told}.\n")


def test_make_update_goes_on_only_from_a_lock_that_differs() -> None:
    """Code 1; a file that cannot be read is code 2."""
    (line,) = re.findall(r"pipeline.dataflow compare \S+ (.*)", (ROOT / "Makefile").read_text())

    assert line == '|| { test $$? -eq 1 && test -n "$(MAPPING)"; }'
