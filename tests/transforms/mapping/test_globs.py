# SPDX-License-Identifier: Apache-2.0
import pickle
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.mapping.globs import Glob


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("/shop", "/shop", True),
        ("/shop", "/Shop", False),
        ("/shop", "/shop/", False),
        ("shop", "/shop", False),
        ("/shop/*", "/shop/", True),
        ("/shop/*", "/shop/shoes", True),
        ("/shop/*", "/shop/shoes/1", False),
        ("/shop/*/1", "/shop/shoes/1", True),
        ("/shop/**", "/shop/shoes/1", True),
        ("/shop/***", "/shop/shoes/1", True),
        ("**/1", "/shop/shoes/1", True),
        ("**a*b", "a/ab", True),
        ("*a**", "b/a", False),
        ("*", "", True),
        ("**", "a\n/b", True),
        ("*", "a\nb", True),
        ("?", "a", True),
        ("?", "", False),
        ("?", "/", False),
        ("?", "😀", True),
        ("item-[0-9]", "item-7", True),
        ("item-[0-9]", "item-x", False),
        ("item-[0-9]", "item-77", False),
        ("[!a-z]", "A", True),
        ("[!a-z]", "m", False),
        ("[!a-z]", "/", False),
        ("[+-9]", "/", False),
        ("[/]", "/", True),
        ("[abc_]", "_", True),
        ("[a-cx-z]", "y", True),
        ("[a-]", "-", True),
        ("[-a]", "-", True),
        ("[]]", "]", True),
        ("[!]]", "]", False),
        ("[]-]", "-", True),
        ("[*]", "*", True),
        ("[*]", "a", False),
        ("[?]", "?", True),
        ("[!!]", "!", False),
        ("a]", "a]", True),
        ("a.c", "abc", False),
        ("\\*", "\\anything", True),
        ("é*", "école", True),
    ],
)
def test_matches(pattern: str, text: str, expected: bool) -> None:
    """A pattern stands for the whole text; only `**` and a slash itself cross a slash."""
    actual = Glob(pattern).matches(text)

    assert expected == actual


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        ("[", "a [ without its ]"),
        ("a[b", "a [ without its ]"),
        ("[]", "a [ without its ]"),
        ("[!]", "a [ without its ]"),
        ("[z-a]", "a range that runs backwards: z-a"),
    ],
)
def test_a_broken_pattern_is_refused(pattern: str, rule: str) -> None:
    """A bracket that does not end, or a backward range, would never do what its author meant."""
    with pytest.raises(ValueError, match=re.escape(f"{pattern!r} has {rule}")):
        Glob(pattern)


def as_regex(pattern: str) -> str:
    meanings = {"*": "[^/]*", "?": "[^/]", "[!a]": "[^a/]"}
    tokens: list[str] = re.findall(r"\*\*+|\[!a\]|.", pattern)
    return "".join(".*" if token.startswith("**") else meanings.get(token, token) for token in tokens)


@given(st.lists(st.sampled_from(["*", "**", "?", "a", "b", "/", "[!a]"]), max_size=7), st.text("ab/", max_size=9))
@settings(deadline=None, max_examples=500)
def test_agrees_with_the_regular_expression(tokens: list[str], text: str) -> None:
    """On short texts, where backtracking is cheap, a regular expression of the same meaning gives the same answer."""
    pattern = "".join(tokens)
    expected = re.fullmatch(as_regex(pattern), text) is not None

    actual = Glob(pattern).matches(text)

    assert expected == actual


def test_hostile_texts_take_linear_time() -> None:
    """Twenty stars over 50,000 characters, for which a regular expression would need ages, end within the timeout."""
    expected = False

    actual = Glob("*a" * 20 + "b").matches("a" * 50_000)

    assert expected == actual


def test_a_glob_survives_pickling() -> None:
    """A glob that was used works after its way to a worker."""
    glob = Glob("/shop/*/[0-9]")
    glob.matches("/shop/shoes/7")

    actual = pickle.loads(pickle.dumps(glob))

    assert actual.matches("/shop/shoes/8")
    assert not actual.matches("/shop/shoes/x")
