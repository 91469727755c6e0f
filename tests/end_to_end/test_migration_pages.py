# SPDX-License-Identifier: Apache-2.0
"""docs/from_*.md: each example is a config, and makes of rows what the page says."""

from pathlib import Path

import pytest

from tests.page_examples import DOCS, Example, check, examples_in

PAGES = [DOCS / "from_segment.md", DOCS / "from_rudderstack.md"]
EXAMPLES = [
    pytest.param(example, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, example in enumerate(examples_in(page.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_makes_of_rows_what_the_page_says(example: Example, tmp_path: Path) -> None:
    """It loads without a warning, but that a part may send nothing."""
    check(example, tmp_path)
