# SPDX-License-Identifier: Apache-2.0
"""docs/language.md: each wish has its line, and each example makes of rows what the page says."""

import re
from pathlib import Path

import pytest

from tests.page_examples import DOCS, Example, check, examples_in

PAGE = (DOCS / "language.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", examples_in(PAGE), ids=lambda example: example[0].partition("\n")[0])
def test_an_example_makes_of_rows_what_the_page_says(example: Example, tmp_path: Path) -> None:
    """It loads without a warning, but that a part may send nothing."""
    check(example, tmp_path)


def test_every_letter_has_a_line_and_a_line_that_points_somewhere_has_an_example() -> None:
    """A to V, in their order; a link leads to a heading, and below that is an example."""
    lines = re.findall(r"^\| ([A-Z]) \| .* \|$", PAGE, re.MULTILINE)
    links = set(re.findall(r"\]\(#([a-z]-[^)]+)\)", PAGE))
    sections = re.findall(r"^### (.*)\n\n```yaml", PAGE, re.MULTILINE)

    assert lines == [chr(code) for code in range(ord("A"), ord("V") + 1)]
    assert links == {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in sections}
