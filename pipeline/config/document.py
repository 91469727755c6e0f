# SPDX-License-Identifier: Apache-2.0
"""A YAML file as plain values that know their lines: the only file that reads YAML. Knows no key of the config.

YAML 1.2's core schema: `on`, `yes` and `12:30` are text. What YAML's versions read differently (`010`) is refused.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import IO, Any

import yaml

from pipeline.config.problems import ConfigError, Keys, Problem, hide_keys, shorten, show_path, show_value
from pipeline.config.syntax import Slip, explain, told_quotes, told_sign

_MAX_BYTES = 500_000
_MAX_SIZE = 4_000_000  # with aliases followed: nine lines of them can stand for billions of values
_SIZE_OF_A_VALUE = 20  # besides its characters
_MAX_DEPTH = 50
_INTEGERS = range(-(2**63), 2**64)  # what JSON writers agree on

_TAG = "tag:yaml.org,2002:"
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as YAML 1.1 counts lines
_PLAIN = {
    "null": r"null|Null|NULL|~|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9A-Fa-f]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}

Opener = Callable[[str], IO[bytes]]


class _CoreLoader(yaml.BaseLoader):
    """BaseLoader resolves nothing: every plain scalar is text until a row of _PLAIN says otherwise."""


for _name, _pattern in _PLAIN.items():
    _CoreLoader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), None)


@dataclass(frozen=True)
class Document:
    """What a file says, and on which line it says it."""

    file: str
    secret: Keys = ()  # never show a value there
    value: Any = None
    lines: dict[Keys, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)  # what may be read as it is not meant
    refused: set[Keys] = field(default_factory=set)  # a problem says why there is no value

    def existing(self, keys: Keys) -> Keys:
        """`keys` as far as the file has them, without the names of which the file knows nothing."""
        found: Keys = ()
        for key in keys:
            if (*found, key) in self.lines:
                found = (*found, key)
            elif isinstance(key, int) or not isinstance(self.at(found), list):
                break
        return found

    def at(self, keys: Keys) -> Any:
        """The value at `keys`, or None."""
        value = self.value
        for key in keys:
            held = key in value if isinstance(value, dict) else isinstance(value, list) and key in range(len(value))
            if not held:
                return None
            value = value[key]
        return value

    def problem(self, keys: Keys, rule: str, remedy: str, *, value: str = "") -> Problem:
        """A problem at the line of `keys`, or of what holds the place where they would be."""
        if value and (keys == self.secret[: len(keys)] or keys[: len(self.secret)] == self.secret):
            value = "the value (hidden: it may be a key)"
        return Problem(self.file, self.lines.get(self.existing(keys), 1), show_path(keys), value, rule, remedy)

    def problem_with_value(self, keys: Keys, rule: str, remedy: str) -> Problem:
        """A problem of the value at `keys`, or of what holds the place where it would be."""
        found = self.existing(keys)
        value = self.at(found)
        is_named = bool(keys) and isinstance(keys[-1], str)
        something_is_missing = is_named and found[-1:] != keys[-1:] and isinstance(value, dict)
        return self.problem(found, rule, remedy, value="" if something_is_missing else show_value(value))


def open_local(path: str) -> IO[bytes]:
    """Raises OSError."""
    return open(path, "rb")


def read_document(file: str, secret: Keys, open_file: Opener = open_local) -> Document:
    """Read `file`, whose value at `secret` no problem shall show.

    `open_file` raises OSError as open does.

    Raises:
      ConfigError: it cannot be read as one YAML document.
    """
    text = _read_text(file, open_file)
    try:
        root = yaml.compose(text, _CoreLoader)
    except yaml.YAMLError as error:
        raise ConfigError([_syntax_problem(file, text, error, secret)]) from None
    except RecursionError:
        raise ConfigError([_too_deep(file, 1)]) from None
    except (OverflowError, ValueError):  # PyYAML's own, of an escape such as "\\UFFFFFFFF"
        rule = "is not YAML: it escapes a character that does not exist"
        raise ConfigError([Problem(file, 0, "", "", rule, "Check its \\U escapes")]) from None
    if root is None:
        raise ConfigError([Problem(file, 0, "", "", "is empty", "Start from configs/minimal.yaml")])
    document = Document(file, secret)
    return replace(document, value=_Builder(document, text).build(root, (), ()))


class _Builder:
    """Plain values from YAML's nodes; notes the lines and the problems in the document."""

    def __init__(self, document: Document, text: str) -> None:
        self._document = document
        self._text = text
        self._size = 0

    def build(self, node: yaml.Node, keys: Keys, holders: tuple[yaml.Node, ...]) -> Any:
        document = self._document
        line = document.lines.setdefault(keys, _line(node))
        self._size += _SIZE_OF_A_VALUE + len(node.value)
        if node in holders:
            rule = "is an alias for something that holds it"
            raise ConfigError([document.problem(keys, rule, "Write the value itself")])
        if len(holders) > _MAX_DEPTH:
            raise ConfigError([_too_deep(document.file, line)])
        if self._size > _MAX_SIZE:
            rule = "is too large with its aliases followed"
            raise ConfigError([Problem(document.file, line, "", "", rule, "Use fewer aliases")])
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, keys, (*holders, node))
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.build(item, (*keys, i), (*holders, node)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, keys)
        return self._refuse(keys, f"has the tag {show_value(node.tag)}, which means nothing here", "Remove the tag")

    def _mapping(self, node: yaml.MappingNode, keys: Keys, holders: tuple[yaml.Node, ...]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        lines = self._document.lines
        for key_node, value_node in node.value:
            key, line = key_node.value, _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != _TAG + "str" or not _is_unicode(key):
                self._report(keys, line, "has a key that is not text", "Put the key in quotes")
            elif key == "<<" and key_node.style is None:
                self._report((*keys, key), line, "is a merge key, which YAML 1.2 does not have", "Write its keys here")
            elif key in mapping:
                self._report((*keys, key), line, f"is given twice, on line {lines[(*keys, key)]} too", "Remove one")
            else:
                lines[(*keys, key)] = line
                mapping[key] = self.build(value_node, (*keys, key), holders)
        return mapping

    def _scalar(self, node: yaml.ScalarNode, keys: Keys) -> Any:
        text: str = node.value
        kind = node.tag.removeprefix(_TAG)
        if kind.startswith("!"):  # of a name such as "!Important thing" YAML takes the first word for a tag
            return self._refuse(keys, told_sign(kind), self._quotes(keys, f"{kind} {text}".rstrip()))
        if node.style in (">", "|") and not text.strip():
            return self._refuse(keys, told_sign(node.style), self._quotes(keys, node.style))
        if node.style is None:
            self._warn_of_plain(node, keys)
        if kind == "str":
            return text if _is_unicode(text) else self._refuse(keys, "must be Unicode text", "Correct its \\u escapes")
        if kind not in _PLAIN or not re.fullmatch(_PLAIN[kind], text):
            return self._refuse(keys, f"has the tag {show_value(node.tag)}, which does not fit", "Remove the tag")
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        return self._number(text, kind, keys)

    def _quotes(self, keys: Keys, value: str) -> str:
        return "Put it in quotes" if keys == self._document.secret else told_quotes(value)

    def _warn_of_plain(self, node: yaml.ScalarNode, keys: Keys) -> None:
        """Without quotes a text goes on in lines that are indented by more, and ends where a comment begins."""
        document, end = self._document, node.end_mark
        if end.line > node.start_mark.line:
            rule = f"goes on to line {end.line + 1}: these lines are read as one text"
            document.warnings.append(document.problem(keys, rule, "Correct their indentation, or put it in quotes"))
        if re.match(r" +#[0-9]", self._text[end.index : end.index + 20]):
            rule = 'ends before " #": what follows is read as a comment'
            document.warnings.append(document.problem(keys, rule, "Put it in quotes if it is part of the name"))

    def _number(self, text: str, kind: str, keys: Keys) -> Any:
        if re.match(r"[-+]?0[0-9o]", text):
            remedy = "Write it without the zero in front, or put it in quotes if it is text"
            return self._refuse(keys, "must not start with 0: YAML's versions read that differently", remedy, text)
        number = _read_number(text, kind)
        remedy = "Write a smaller number, or put it in quotes if it is text"
        return self._refuse(keys, "must be a number that JSON can hold", remedy, text) if number is None else number

    def _refuse(self, keys: Keys, rule: str, remedy: str, text: str = "") -> Any:
        value = shorten(hide_keys(text))
        self._document.problems.append(self._document.problem(keys, rule, remedy, value=value))
        self._document.refused.add(keys)
        return None

    def _report(self, keys: Keys, line: int, rule: str, remedy: str) -> None:
        problem = self._document.problem(keys, rule, remedy)
        self._document.problems.append(problem._replace(line=line))


def _read_text(file: str, open_file: Opener) -> str:
    try:
        with open_file(file) as stream:
            content = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError([Problem(file, 0, "", "", "there is no such file", "Check the path")]) from None
    except IsADirectoryError:
        raise ConfigError([Problem(file, 0, "", "", "is a folder", "Name one file in it")]) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError([Problem(file, 0, "", "", f"cannot be read: {reason}", "Check the path")]) from None
    if len(content) > _MAX_BYTES:
        rule = f"is larger than {_MAX_BYTES} bytes"
        raise ConfigError([Problem(file, 0, "", "", rule, "Check that it is a config")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(file, line, "", "", "is not UTF-8", "Save it as UTF-8")]) from None


def _read_number(text: str, kind: str) -> float | None:
    if kind == "float":
        number = math.nan if "n" in text.lower() else float(text)  # .inf, .nan
        return number if math.isfinite(number) else None
    if len(text) > len(str(_INTEGERS[0])):  # Python refuses to read thousands of digits
        return None
    integer = int(text, 16 if "x" in text else 10)
    return integer if integer in _INTEGERS else None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)  # half a pair, from an escape


def _too_deep(file: str, line: int) -> Problem:
    return Problem(file, line, "", "", f"holds more than {_MAX_DEPTH} levels", "Check its brackets and indentation")


def _syntax_problem(file: str, text: str, error: yaml.YAMLError, secret: Keys) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Problem(file, line, "", "", f"holds the character U+{ord(text[error.position]):04X}", "Remove it")
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Problem(file, 0, "", "", "is not YAML", "Check it in an editor")
    mark = error.problem_mark
    if error.context and "single document" in error.context:
        rule, remedy = "starts a second YAML document, and a config is one", "Remove the '---', or make it two files"
        return Problem(file, mark.line + 1, "", "", rule, remedy)
    lines = _LINE_BREAK.split(text)
    began_at = error.context_mark or mark
    slip = Slip(error.problem or "", mark.line, mark.column, error.context or "", began_at.line, began_at.column)
    if told := explain(lines, slip):
        around = "\n".join(lines[max(0, told.line - 2) : told.line])
        if told.shows_text and secret and str(secret[-1]) in around:
            rule, remedy = "is not YAML", "Check its quotes (the line is not shown: it may hold a key)"
            return Problem(file, told.line, "", "", rule, remedy)
        return Problem(file, told.line, "", "", told.rule, told.remedy)
    began = f" ({error.context} that starts on line {error.context_mark.line + 1})" if error.context_mark else ""
    rule = hide_keys(f"is not YAML: {error.problem}{began}".replace("\n", " "))
    remedy = "Check the indentation, quotes and brackets there"
    return Problem(file, mark.line + 1, "", "", rule, remedy, mark.column + 1)
