# SPDX-License-Identifier: Apache-2.0
import ast
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.cli.errors import spelt

ROOT = Path(__file__).parents[3]
# What the Beam-style entry shows as its usage, and what Dataflow's own page calls its own option.
AS_THEY_ARE = {"pipeline/cli/arguments.py", "pipeline/dataflow/graph_lock.py"}


def texts_of(tree: ast.Module) -> Iterator[str]:
    """Not docstrings, nor words of a command line, which have no blanks."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings and " " in str(node.value):
            yield str(node.value)


def test_what_is_said_names_options_with_hyphens() -> None:
    """As the help does, whatever is accepted."""
    files = [*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("transforms/**/*.py")]
    said = {
        (str(file.relative_to(ROOT)), option)
        for file in files
        if str(file.relative_to(ROOT)) not in AS_THEY_ARE
        for text in texts_of(ast.parse(file.read_bytes()))
        for option in re.findall(r"--[a-z]+_[a-z_]+", text)
    }

    assert said == set()
    assert spelt("dead_letter_file") == "--dead-letter-file"
