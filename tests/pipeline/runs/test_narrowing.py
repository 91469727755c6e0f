# SPDX-License-Identifier: Apache-2.0
"""Which message is at fault, and what of that is told. How pieces go again is seen in test_chunk_loop.py."""

import types

from pipeline.runs.narrowing import Narrowing, Piece
from transforms.amplitude.parse import parse_event
from transforms.model.items import Message

MESSAGE = Message(b"secret", {}, "m", 0.0)


def place_of(error: Exception) -> str:
    outcome = Narrowing().fail(Piece([MESSAGE], failed=True), error)
    assert outcome
    return outcome.detail


def error_of_a_library(call: object) -> Exception:
    """Raised by a module that is not ours, in a file that may lie anywhere."""
    module = types.ModuleType("library.transforms.core")
    exec(
        compile("def run(call):\n    call()\n    raise KeyError('secret')", "/srv/transforms/core.py", "exec"),
        vars(module),
    )
    try:
        module.run(call)
    except Exception as error:
        return error
    raise AssertionError


def test_a_place_is_the_last_of_our_own_files() -> None:
    error = error_of_a_library(lambda: parse_event(None))  # type: ignore[arg-type]

    assert place_of(error).startswith("AttributeError in parse.py:")


def test_where_a_file_lies_does_not_make_it_ours() -> None:
    """Nor does the name of a room inside that of its module; of none of ours it is the last one at all."""
    assert place_of(error_of_a_library(lambda: None)) == "KeyError in core.py:3"
