# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config.document import Document, read_document
from pipeline.config.problems import ConfigError


def read(folder: Path, content: str | bytes) -> Document:
    file = folder / "sync.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_document(str(file), secret=("destination", "api_key"))


def told(folder: Path, content: str | bytes) -> list[str]:
    """What reading says, without the folder."""
    try:
        problems = read(folder, content).problems
    except ConfigError as error:
        problems = error.problems
    return [str(problem).removeprefix(f"{folder}/") for problem in problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("0.10", 0.1),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2026-01-31", "2026-01-31"),
        ('"12"', "12"),
        ("!!str 12", "12"),
        ("(none)", "(none)"),
        ("18446744073709551615", 2**64 - 1),
    ],
)
def test_scalars_follow_yaml_1_2(tmp_path: Path, written: str, value: Any) -> None:
    """Only true and false are booleans; no timestamps, sexagesimals or underscores."""
    document = read(tmp_path, f"on: {written}\n")

    assert {"on": value} == document.value
    assert type(value) is type(document.value["on"])


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (
            "a: 010\n",
            [
                (
                    "sync.yaml:1: a: 010 is not allowed: must not start with 0: YAML's versions read that differently. "
                    "Write it without the zero in front, or put it in quotes if it is text."
                )
            ],
        ),
        (
            "a: [.nan, -.INF, 1e999, 18446744073709551616]\n",
            [
                f"sync.yaml:1: a[{i}]: {text} is not allowed: must be a number that JSON can hold. "
                "Write a smaller number, or put it in quotes if it is text."
                for i, text in enumerate([".nan", "-.INF", "1e999", "18446744073709551616"])
            ],
        ),
        ("a: 1\nb:\n  c: 2\na: 3\n", ["sync.yaml:4: a: is given twice, on line 1 too. Remove one."]),
        ("b:\n  c: 1\n  c: 2\n", ["sync.yaml:3: b.c: is given twice, on line 2 too. Remove one."]),
        (
            "a: &a {b: 1}\nc:\n  <<: *a\n",
            ['sync.yaml:3: c."<<": is a merge key, which YAML 1.2 does not have. Write its keys here.'],
        ),
        ("a:\n  1: x\n", ["sync.yaml:2: a: has a key that is not text. Put the key in quotes."]),
        ("a: {[b]: x}\n", ["sync.yaml:1: a: has a key that is not text. Put the key in quotes."]),
        ('a: "\\ud800"\n', ["sync.yaml:1: a: must be Unicode text. Correct its \\u escapes."]),
        ("a: !!int x\n", ['sync.yaml:1: a: has the tag "tag:yaml.org,2002:int", which does not fit. Remove the tag.']),
        ("a: !own {b: 1}\n", ['sync.yaml:1: a: has the tag "!own", which means nothing here. Remove the tag.']),
    ],
)
def test_what_has_no_one_meaning_is_a_problem(tmp_path: Path, content: str, lines: list[str]) -> None:
    """Each on its line, and reading goes on after it."""
    assert lines == told(tmp_path, content)


GENERAL = "sync.yaml:{}: is not YAML: {} that starts on line 1). Check the indentation, quotes and brackets there."


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "sync.yaml: is empty. Start from configs/minimal.yaml."),
        ("# nothing\n", "sync.yaml: is empty. Start from configs/minimal.yaml."),
        ("a: ]\n", GENERAL.format("1:4", "expected the node content, but found ']' (while parsing a block node")),
        (
            "a: 1\n---\nb: 2\n",
            "sync.yaml:2: starts a second YAML document, and a config is one. Remove the '---', or make it two files.",
        ),
        (b"a: 1\nb: \xff\n", "sync.yaml:2: is not UTF-8. Save it as UTF-8."),
        ("a: 1\nb: \x07\n", "sync.yaml:2: holds the character U+0007. Remove it."),
        (
            'a: "\\UFFFFFFFF"\n',
            "sync.yaml: is not YAML: it escapes a character that does not exist. Check its \\U escapes.",
        ),
        ("a: " + "[" * 20_000, "sync.yaml:1: holds more than 50 levels. Check its brackets and indentation."),
        ("a: " + "[" * 60 + "]" * 60, "sync.yaml:1: holds more than 50 levels. Check its brackets and indentation."),
        ("a: &a\n  b: *a\n", "sync.yaml:2: a.b: is an alias for something that holds it. Write the value itself."),
        ("a: " + "x" * 500_000, "sync.yaml: is larger than 500000 bytes. Check that it is a config."),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, content: str | bytes, line: str) -> None:
    """One line, with the place where there is one."""
    assert [line] == told(tmp_path, content)


@pytest.mark.timeout(20)
@given(st.text(st.sampled_from("ab:-[]{}>|*&!%@`\"'#, \n\t="), max_size=60))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_or_told(tmp_path: Path, content: str) -> None:
    """In lines, never by an error of ours."""
    assert all("\n" not in line for line in told(tmp_path, content))


def test_texts_without_quotes_are_looked_at_twice(tmp_path: Path) -> None:
    """One that goes on in the next line, and one that a comment cuts off, are most likely meant otherwise."""
    document = read(tmp_path, "a:\n  - Song\n   - Played\n  - Order #1\n  - plan # the plan\n  - 'Order #1'\n")
    warnings = [str(warning).removeprefix(f"{tmp_path}/") for warning in document.warnings]

    assert document.value == {"a": ["Song - Played", "Order", "plan", "Order #1"]}
    assert warnings == [
        (
            "sync.yaml:2: a[0]: goes on to line 3: these lines are read as one text. "
            "Correct their indentation, or put it in quotes."
        ),
        (
            'sync.yaml:4: a[1]: ends before " #": what follows is read as a comment. '
            "Put it in quotes if it is part of the name."
        ),
    ]


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    """Nine lines that stand for nine to the ninth values are not built."""
    rows = [f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]" for i in range(9)]
    bomb = "\n".join(["a: &a [x]", *rows])
    expected = ["sync.yaml:1: is too large with its aliases followed. Use fewer aliases."]

    assert expected == told(tmp_path, bomb)


def test_a_long_text_in_many_aliases_is_refused(tmp_path: Path) -> None:
    """What counts is the size of what they stand for, not their number."""
    bomb = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 100)}]\n"
    expected = ["sync.yaml:1: is too large with its aliases followed. Use fewer aliases."]

    assert expected == told(tmp_path, bomb)


def test_aliases_are_followed(tmp_path: Path) -> None:
    """An anchor may stand for the same value in two places."""
    document = read(tmp_path, "a: &rows [plan, total]\nb: *rows\n")
    expected = {"a": ["plan", "total"], "b": ["plan", "total"]}

    assert expected == document.value


def test_every_value_knows_its_line(tmp_path: Path) -> None:
    """A key's line, or that of a list's element; what is missing has the line of what should hold it."""
    document = read(tmp_path, "a:\n  - x\n  -\n    b:\n      1\n")
    lines = [document.problem(keys, "", "").line for keys in [("a",), ("a", 0), ("a", 1, "b"), ("a", 1, "c"), ("z",)]]
    expected = [1, 2, 4, 4, 1]

    assert expected == lines


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    """Windows editors write one."""
    expected = {"a": 1}

    assert expected == read(tmp_path, b"\xef\xbb\xbfa: 1\r\n").value


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("missing.yaml", "missing.yaml: there is no such file. Check the path."),
        (".", "is a folder. Name one file in it."),
        ("nul\0.yaml", "cannot be read: embedded null byte. Check the path."),
    ],
)
def test_a_path_that_is_no_file_says_so(tmp_path: Path, name: str, line: str) -> None:
    """No traceback for a slip of the keyboard."""
    with pytest.raises(ConfigError) as caught:
        read_document(str(tmp_path / name) if name != "." else str(tmp_path), secret=())

    assert str(caught.value).endswith(line)
