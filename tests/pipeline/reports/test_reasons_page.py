# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from pipeline.reports.reasons_page import page

ROOT = Path(__file__).parents[3]


def test_the_committed_page_is_current() -> None:
    """Written anew by: make docs."""
    assert f"{page()}\n" == (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
