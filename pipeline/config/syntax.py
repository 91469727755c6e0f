# SPDX-License-Identifier: Apache-2.0
"""The slips of somebody who writes YAML by hand, in their words: what is wrong there, and what to write instead.

Knows no YAML library, no key of the config and no file.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.config.problems import show_value


class Slip(NamedTuple):
    """What a YAML library says: of which it makes nothing, where; and inside what, where that began. Counted from 0."""

    problem: str
    line: int
    column: int
    context: str = ""
    context_line: int = 0
    context_column: int = 0


class Told(NamedTuple):
    """The same for its author; `line` from 1."""

    line: int
    rule: str
    remedy: str
    shows_text: bool = True  # of the file


_KEY_OF_A_ROW = re.compile(r" (property|path|as|type|event|where|operator|value): ")
_ROW = re.compile(r"\s*(?:- +)*")  # indentation, and the dashes of a list's rows
_KEY = re.compile(r"\s*(?:- +)*(?:[^\s\"'\[{#:][^:#]*|\"[^\"]*\"|'[^']*'):(?:\s+|$)")
_CONTENT = re.compile(r"\s*[^\s#]")


def explain(lines: Sequence[str], slip: Slip) -> Told | None:
    """None for a slip that nobody thought of."""
    for look in (
        _tab,
        _quote,
        _escape,
        _sign,
        _brackets_in_front,
        _bracket_inside,
        _colon,
        _open_bracket,
        _no_key,
        _indentation,
    ):
        if told := look(lines, slip):
            return told
    return None


def told_quotes(value: str) -> str:
    """The remedy for a text that YAML reads as something else."""
    return f"Put it in quotes: {show_value(value)}"


def told_sign(value: str) -> str:
    """The rule for a text that begins with a sign of YAML's."""
    return f"begins with {value[:1]}, which is a sign of YAML's own"


def _tab(_: Sequence[str], slip: Slip) -> Told | None:
    if "'\\t'" not in slip.problem:
        return None
    return Told(
        slip.line + 1, "holds a tab where YAML has blanks", "Indent with two blanks for each level", shows_text=False
    )


def _quote(lines: Sequence[str], slip: Slip) -> Told | None:
    if "quoted scalar" in slip.context and ("end of stream" in slip.problem or "document separator" in slip.problem):
        quote = lines[slip.context_line][slip.context_column]
        return Told(slip.context_line + 1, f"opens a quote ({quote}) that nothing closes", f"Close it with {quote}")
    if slip.problem.endswith("'<scalar>'") and _before(lines, slip).endswith(('"', "'")):
        rule = "goes on after a closing quote"
        return Told(slip.line + 1, rule, "Put the whole text in quotes: in double ones, where it holds a single one")
    return None


def _escape(_: Sequence[str], slip: Slip) -> Told | None:
    if not (match := re.fullmatch(r"found unknown escape character '(.*)'", slip.problem)):
        return None
    rule = f"holds \\{match[1]} in double quotes, which YAML does not know"
    return Told(slip.line + 1, rule, "Use single quotes, or write \\\\ for a backslash")


def _sign(lines: Sequence[str], slip: Slip) -> Told | None:
    line, column = slip.line, slip.column
    if re.search(r"scanning (a block scalar|an alias|an anchor)", slip.context):
        line, column = slip.context_line, slip.context_column
    elif "document start" in slip.problem and (first := _line_that_begins(lines, "%")) is not None:
        line, column = first, 0
    elif match := re.search(r"(?<=[\[{,: -])!=", lines[slip.line]) if "but got" in slip.problem else None:
        column = match.start()
    elif "cannot start any token" not in slip.problem and "undefined alias" not in slip.problem:
        return None
    text = lines[line]
    is_inside = text.count("{", 0, column) + text.count("[", 0, column) > 0
    value = _value_at(text, column, is_inside)
    return Told(line + 1, told_sign(value), told_quotes(value))


def _brackets_in_front(lines: Sequence[str], slip: Slip) -> Told | None:
    """`- [Amplitude] Page Viewed`."""
    before = _before(lines, slip)
    if not slip.problem.endswith("'<scalar>'") or before[-1:] not in ("]", "}"):
        return None
    begin = before.rfind("[" if before.endswith("]") else "{")
    value = _value_at(lines[slip.line], begin, is_inside="but got" in slip.problem, first=len(before) - begin)
    kind = "a list" if value.startswith("[") else "a mapping"
    return Told(slip.line + 1, f"begins with {value[:1]}, and is read as {kind}", told_quotes(value))


def _bracket_inside(lines: Sequence[str], slip: Slip) -> Told | None:
    """`{property: products[0].name}`."""
    match = re.search(r"but got '([\[{])'", slip.problem)
    if not match or slip.line != slip.context_line:
        return None
    line = lines[slip.line]
    begin = _begin_inside(line, slip)
    closing = line.find({"[": "]", "{": "}"}[match[1]], slip.column)
    value = _value_at(line, begin, is_inside=True, first=max(closing, slip.column) - begin + 1)
    return Told(slip.line + 1, f"holds {match[1]}, which is a sign of YAML's own there", told_quotes(value))


def _colon(lines: Sequence[str], slip: Slip) -> Told | None:
    """`event: Song: Played`."""
    line = lines[slip.line] if slip.line < len(lines) else ""
    is_inside = slip.problem.endswith("but got ':'") and slip.line == slip.context_line
    if is_inside:
        begin = _begin_inside(line, slip)
    elif slip.problem == "mapping values are not allowed here" and (key := _KEY.match(line)):
        begin = key.end()
    else:
        return None
    if begin > slip.column:
        return None
    value = _value_at(line, begin, is_inside)
    if is_inside and (key := _KEY_OF_A_ROW.search(value)):
        return Told(
            slip.line + 1,
            f"lacks a comma in front of {key[1]}:",
            f"Write , {key[1]}: or put it in quotes if it is one text",
        )
    return Told(slip.line + 1, 'holds ": ", and is read as a key', told_quotes(value))


def _open_bracket(lines: Sequence[str], slip: Slip) -> Told | None:
    if not (match := re.match(r"expected ',' or '([\]}])'", slip.problem)):
        return None
    begins_anew = "stream end" in slip.problem or bool(_KEY.match(lines[slip.line]))
    if slip.line == slip.context_line or not begins_anew:
        return None
    opening = {"]": "[", "}": "{"}[match[1]]
    return Told(slip.context_line + 1, f"opens a {opening} that nothing closes", f"Close it with {match[1]}")


def _no_key(lines: Sequence[str], slip: Slip) -> Told | None:
    """`name:Test`, `status enabled`, or a row that is a name and goes on with keys; the next line shows it."""
    if "could not find expected ':'" in slip.problem:
        above = slip.context_line
    elif slip.problem == "mapping values are not allowed here" and (above := _line_above(lines, slip.line)) >= 0:
        if _KEY.match(lines[above]) or _begin(lines[above]) != _begin(lines[slip.line]):
            return None
    else:
        return None
    text = lines[above][_begin(lines[above]) :].rstrip()
    if re.match(r"[\w-]+:\S", text):
        return Told(above + 1, "has no blank after its colon", f"Write {text.replace(':', ': ', 1)}")
    if re.match(r"\s*- ", lines[above]):
        rule = f"is a text, {show_value(text)}, and the lines below give it keys"
        return Told(above + 1, rule, "Write its own key in front of it, such as - event: or - property:")
    return Told(above + 1, "is neither KEY: VALUE nor a row of a list", "Write a colon and a blank behind its key")


def _indentation(lines: Sequence[str], slip: Slip) -> Told | None:
    is_meant = slip.problem == "mapping values are not allowed here" or re.search(
        r"but found '(<block (mapping|sequence) start>|\?|-)'", slip.problem
    )
    above = _line_above(lines, slip.line)
    if not is_meant or above < 0:
        return None
    indented = _blanks(lines[slip.line])
    if indented == _blanks(lines[above]) == _begin(lines[above]):
        rule = "does not continue what the line above begins"
        return Told(slip.line + 1, rule, "Check the colons and dashes of both")
    *others, last = sorted(_open_above(lines, above))
    places = f"{', '.join(map(str, others))} and {last}" if others else str(last)
    rule = f"is indented by {indented}, and what it may belong to by {places}"
    return Told(slip.line + 1, rule, "Give keys of one mapping and rows of one list the same indentation")


def _open_above(lines: Sequence[str], line: int) -> set[int]:
    """Where, down to this line, keys and rows begin that may have another below it."""
    places: set[int] = set()
    while line >= 0:
        if not places or _blanks(lines[line]) < min(places):
            places |= {_blanks(lines[line]), _begin(lines[line])}
        line = _line_above(lines, line)
    return places


def _blanks(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _begin_inside(line: str, slip: Slip) -> int:
    """Where, inside brackets, the text begins that a slip is in."""
    begin = max(line.rfind(sign, 0, slip.column) for sign in "[{,") + 1
    key = re.compile(r"\s*[^\s:]+: +").match(line, begin) if "mapping" in slip.context else None
    return key.end() if key else begin


def _before(lines: Sequence[str], slip: Slip) -> str:
    return lines[slip.line][: slip.column].rstrip() if slip.line < len(lines) else ""


def _begin(line: str) -> int:
    """Where its key or text begins, behind the dashes."""
    match = _ROW.match(line)
    return match.end() if match else 0


def _line_above(lines: Sequence[str], line: int) -> int:
    """The last one above that says something; -1 if none does."""
    return next((number for number in range(line - 1, -1, -1) if _CONTENT.match(lines[number])), -1)


def _line_that_begins(lines: Sequence[str], sign: str) -> int | None:
    return next((number for number, line in enumerate(lines) if line.startswith(sign)), None)


def _value_at(line: str, column: int, is_inside: bool, first: int = 1) -> str:
    """The text from there to the end of the line, or of its place inside brackets; at least `first` characters."""
    end = re.compile(r"\s*[,\]}]|\s+#|\s*$" if is_inside else r"\s+#|\s*$").search(line, column + first)
    return line[column : end.start() if end else None].strip()
