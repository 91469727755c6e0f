# SPDX-License-Identifier: Apache-2.0
"""Any text is a value of a YAML file, and no more than that."""

import io

from hypothesis import given
from hypothesis import strategies as st

from pipeline.authoring.names import objection, scalar
from pipeline.config.document import read_document

SIGNS = st.text(alphabet="aAz09_ .:-#'\"\\[]{},&*!|>%@`~?\t\n\x85\u2028\ufeff😀ノ", max_size=8)
TEXTS = (
    SIGNS | st.text(alphabet=st.characters(exclude_categories=["Cs"])) | st.sampled_from(["null", "No", "1e3", "<<"])
)


@given(TEXTS)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    """Alone, in brackets, and in front of a comment."""
    file = f"a: {scalar(text)} # 5\nb: [{scalar(text)}, {{c: {scalar(text)}}}]\nd: {scalar(text)}\n"
    document = read_document("my.yaml", (), lambda _: io.BytesIO(file.encode()))

    assert document.value == {"a": text, "b": [text, {"c": text}], "d": text}
    assert (document.problems, document.warnings) == ([], [])


def test_what_needs_no_quotes_has_none() -> None:
    """The file is for people."""
    plain = ["Order Completed", "user_properties.Sign Up Date", "env:ITERABLE_API_KEY", "a - b"]
    quoted = ["[Amplitude] X", "Song: Played", "10", "yes", "", "a,b"]

    assert [scalar(text) for text in (*plain, *quoted)] == [*plain, *(f'"{text}"' for text in quoted)]


def test_what_a_config_may_not_hold_is_told() -> None:
    """An address least of all."""
    assert objection("Order Completed") == ""
    assert objection("x" * 161) == "a name of 161 characters is not written here"
    assert objection("") == "an empty name, which no config can select"
    assert objection("a@b.co") == objection("+49 170 1234567") != ""
