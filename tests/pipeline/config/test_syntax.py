# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from pipeline.config.document import read_document
from pipeline.config.problems import ConfigError


def told(folder: Path, content: str) -> list[str]:
    """What reading says, without the folder."""
    file = folder / "sync.yaml"
    file.write_text(content, encoding="utf-8")
    try:
        problems = read_document(str(file), secret=("destination", "api_key")).problems
    except ConfigError as error:
        problems = error.problems
    return [str(problem).removeprefix(f"{folder}/") for problem in problems]


TAB = "holds a tab where YAML has blanks. Indent with two blanks for each level."
INDENTED = "Give keys of one mapping and rows of one list the same indentation."


def sign(value: str) -> str:
    return f'begins with {value[0]}, which is a sign of YAML\'s own. Put it in quotes: "{value}".'


def colon(value: str) -> str:
    return f'holds ": ", and is read as a key. Put it in quotes: "{value}".'


def flow(value: str, kind: str = "list") -> str:
    return f'begins with {value[0]}, and is read as a {kind}. Put it in quotes: "{value}".'


SLIPS = [
    ("a:\n\tb: 1\n", 2, TAB),
    ("a:\n  b:\n  \t- c\n", 3, TAB),
    ("a:\tb\n", 1, TAB),
    ("destination:\n\tapi_key: hunter2\n", 2, TAB),  # which shows nothing of the line
    ("a: 1\n b: 2\n", 2, f"is indented by 1, and what it may belong to by 0. {INDENTED}"),
    ("a:\n  b: 1\n   c: 2\n", 3, f"is indented by 3, and what it may belong to by 0 and 2. {INDENTED}"),
    ("a:\n   b: 1\n\n  # c\n  c: 2\n", 5, f"is indented by 2, and what it may belong to by 0 and 3. {INDENTED}"),
    ("a:\n  - x\n - y\n", 3, f"is indented by 1, and what it may belong to by 0, 2 and 4. {INDENTED}"),
    ("a:\n  - b: x\n  c: y\n", 3, f"is indented by 2, and what it may belong to by 0, 2 and 4. {INDENTED}"),
    ("a:\n  - b: x\n      c: y\n", 3, f"is indented by 6, and what it may belong to by 0, 2 and 4. {INDENTED}"),
    ("a: x\n- y\n", 2, "does not continue what the line above begins. Check the colons and dashes of both."),
    ("- [Amplitude] Page Viewed\n", 1, flow("[Amplitude] Page Viewed")),
    ("a:\n  - b: 1\n  - c: [Amplitude] Page Viewed # it\n", 3, flow("[Amplitude] Page Viewed")),
    ("a: [x, [Amplitude] Page Viewed, b]\n", 1, flow("[Amplitude] Page Viewed")),
    ("- {event: [Amplitude] Page Viewed, as: b}\n", 1, flow("[Amplitude] Page Viewed")),
    ("- {plan} chosen\n", 1, flow("{plan} chosen", "mapping")),
    (
        "{a: products[0].name, b: c}\n",
        1,
        'holds [, which is a sign of YAML\'s own there. Put it in quotes: "products[0].name".',
    ),
    ("operator: >=\nvalue: 1\n", 1, sign(">=")),
    ("{operator: >=, value: 1}\n", 1, sign(">=")),
    ("{operator: >, value: 1}\n", 1, sign(">")),
    ("operator: >\nvalue: 1\n", 1, f"operator: {sign('>')}"),
    ("- operator: >\n\n  value: 1\n", 1, f"[0].operator: {sign('>')}"),
    ("operator: |\nvalue: 1\n", 1, f"operator: {sign('|')}"),
    ("value: > 10\n", 1, sign("> 10")),
    ("operator: !=\nvalue: 1\n", 1, f"operator: {sign('!=')}"),
    ("{operator: !=, value: 1}\n", 1, sign("!=")),
    ("- !Important thing\n", 1, f"[0]: {sign('!Important thing')}"),
    ("a:\n- *\n", 2, sign("*")),
    ("a: *\nb: 1\n", 1, sign("*")),
    ("a: [*]\n", 1, sign("*")),
    ("a: [b, *, c]\n", 1, sign("*")),
    ("a: *all\n", 1, sign("*all")),
    ("- *.example\n", 1, sign("*.example")),
    ("- & more\n", 1, sign("& more")),
    ("- @foo\n", 1, sign("@foo")),
    ("b: 1\nas: @x # y\n", 2, sign("@x")),
    ("[a, @x, b]\n", 1, sign("@x")),
    ("- %foo\n", 1, sign("%foo")),
    ("%foo\n", 1, sign("%foo")),
    ("- `x`\n", 1, sign("`x`")),
    ("- event: Song: Played\n", 1, colon("Song: Played")),
    ("a: b: c # d\n", 1, colon("b: c")),
    ("- Song: Played: twice\n", 1, colon("Played: twice")),
    ("{event: Song: Played, as: b}\n", 1, colon("Song: Played")),
    ("[a, Song: Played: twice]\n", 1, colon("Song: Played: twice")),
    ('a: "x\nb: 1\n', 1, 'opens a quote (") that nothing closes. Close it with ".'),
    ("a: 1\nb: 'x\nc: 1\n", 2, "opens a quote (') that nothing closes. Close it with '."),
    (
        "- 'It's'\n- b\n",
        1,
        "goes on after a closing quote. Put the whole text in quotes: in double ones, where it holds a single one.",
    ),
    (
        'a: "Song" Played\n',
        1,
        "goes on after a closing quote. Put the whole text in quotes: in double ones, where it holds a single one.",
    ),
    (
        'a: "C:\\d"\n',
        1,
        "holds \\d in double quotes, which YAML does not know. Use single quotes, or write \\\\ for a backslash.",
    ),
    ("a:\n  b: [1,\nc: 2\n", 2, "opens a [ that nothing closes. Close it with ]."),
    ("a: [b\nc: 2\n", 1, "opens a [ that nothing closes. Close it with ]."),
    ("a: {b: 1\nc: 2\n", 1, "opens a { that nothing closes. Close it with }."),
    (
        "status enabled\nname: x\n",
        1,
        "is neither KEY: VALUE nor a row of a list. Write a colon and a blank behind its key.",
    ),
    (
        "a: 1\nname\nb: 2\n",
        2,
        "is neither KEY: VALUE nor a row of a list. Write a colon and a blank behind its key.",
    ),
    ("a:\n  name:Test\n  status: x\n", 2, "has no blank after its colon. Write name: Test."),
    (
        "a:\n- Song\n  as: b\n",
        2,
        (
            'is a text, "Song", and the lines below give it keys. '
            "Write its own key in front of it, such as - event: or - property:."
        ),
    ),
]


@pytest.mark.parametrize(("content", "line", "told_so"), SLIPS)
def test_a_slip_of_the_hand_is_told_in_its_authors_words(tmp_path: Path, content: str, line: int, told_so: str) -> None:
    """Where it is, what is wrong there, and what to write: none of YAML's own words."""
    assert [f"sync.yaml:{line}: {told_so}"] == told(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        "destination:\n  api_key: @hunter2\n",
        "destination: {api_key: @hunter2}\n",
        "destination:\n  api_key:\n    @hunter2\n",
        "destination:\n  api_key: hunter2: hunter2\n",
        "destination:\n  api_key: [a] hunter2\n",
        "destination:\n  api_key: !hunter2 x\n",
        "destination:\n  api_key: *hunter2\n",
        "destination:\n  api_key:hunter2\n  b: c\n",
    ],
)
def test_a_slip_at_the_key_does_not_show_it(tmp_path: Path, content: str) -> None:
    """Somebody may have pasted it."""
    (line,) = told(tmp_path, content)

    assert "hunter2" not in line
