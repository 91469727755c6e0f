# SPDX-License-Identifier: Apache-2.0
"""What the values of the config are made of: a type, and in words the rule it checks. Knows no key of the config."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from pipeline.config.durations import DURATION_PATTERN, parse_duration
from pipeline.config.suggestions import closest
from pipeline.config.syntax import told_quotes
from transforms.amplitude.event_keys import EVENT_KEYS
from transforms.amplitude.paths import SCOPES, Path, parse_path

_LIKELY_KEY = re.compile(r"[a-z_]+")
BROKEN_RULE = "broken_rule"  # the type of every error about a value; its context holds the rule and the remedy


def broken_rule(rule: str, remedy: str) -> PydanticCustomError:
    """The error that says so."""
    return PydanticCustomError(BROKEN_RULE, "{rule}. {remedy}", {"rule": rule, "remedy": remedy})


def check_row(row: Any, model: type[BaseModel], sources: Sequence[str]) -> None:
    """Raise the error of a row that was meant as a name, which YAML reads as a mapping or a list.

    Args:
      row: as the file has it.
      model: of rows that are mappings.
      sources: keys of which such a row has one.
    """
    if isinstance(row, list) and len(row) == 1 and isinstance(row[0], str):
        raise broken_rule("begins with [, and is read as a list", told_quotes(f"[{row[0]}]"))
    if not isinstance(row, dict) or any(key in row for key in sources):
        return
    known = [field.alias or name for name, field in model.model_fields.items()]
    unknown = [key for key in row if key not in known]
    value = row[unknown[0]] if len(unknown) == 1 else None
    if not isinstance(value, str | int | float) or _LIKELY_KEY.fullmatch(unknown[0]) or closest(unknown[0], known):
        return
    raise broken_rule('holds ": ", and is read as a key', told_quotes(f"{unknown[0]}: {value}"))


@dataclass(frozen=True)
class Rule:
    """Annotates a type: whatever it objects to about the value itself is told as this rule and this remedy.

    What it objects to further inside (an element of a list) is passed on as it is.
    """

    rule: str
    remedy: str
    kind: str = ""  # "a whole number": said as well when the value is of another type

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._check, handler(source))

    def _check(self, value: Any, check: Callable[[Any], Any]) -> Any:
        try:
            return check(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            if first["loc"] or first["type"] == BROKEN_RULE:
                raise
            wrong_type = self.kind and first["type"].endswith("_type")
            rule = self.rule.replace("must be", f"must be {self.kind}", 1) if wrong_type else self.rule
            raise broken_rule(rule, self.remedy) from None


class Section(BaseModel):
    """A mapping of the config: its keys and no others, and nothing changes it.

    `later`: fields of later versions. Omitted they are not written, so that an old config keeps its hash.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    later: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_later(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        fields = type(self).model_fields
        omitted = [name for name in self.later if getattr(self, name) == fields[name].get_default()]
        for name in omitted:
            written.pop(name, None)
            written.pop(fields[name].alias or name, None)
        return written


def _read_path(value: Any) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str):
        raise ValueError("not text")
    path = parse_path(value)
    scope, dot, _ = path.name.partition(".")
    close = closest(scope, SCOPES)
    if (
        not path.scope and dot and scope not in EVENT_KEYS and close
    ):  # a slip here would find nothing in any event, and nobody would notice
        raise broken_rule(f'must start with a scope: "{scope}" is none', f'Did you mean "{close}"?')
    return path


def _read_path_or_scope(value: Any) -> Path:
    return Path("", value) if value in SCOPES else _read_path(value)


PropertyPath = Annotated[
    Path,
    PlainValidator(_read_path, json_schema_input_type=Annotated[str, Field(min_length=1)]),
    PlainSerializer(str),
    Rule("must be a path", "Write scope.name, such as user_properties.email, or a key such as user_id"),
]
PathOrScope = Annotated[  # all of a scope, as an object: a row says with `each` what becomes of it
    Path,
    PlainValidator(_read_path_or_scope, json_schema_input_type=Annotated[str, Field(min_length=1)]),
    PlainSerializer(str),
    Rule("must be a path", "Write scope.name, such as user_properties.email, or a key such as user_id"),
]
Name = Annotated[
    str,
    Field(min_length=1),
    Rule("must be text and not empty", "Write a name; put it in quotes if YAML reads it as something else"),
]


def _read_duration(value: Any) -> float:
    if isinstance(value, str):
        value = parse_duration(value)
    if not isinstance(value, float) or value <= 0:
        raise ValueError("no duration above 0")
    return value


Duration = Annotated[
    float,
    BeforeValidator(_read_duration, json_schema_input_type=Annotated[str, Field(pattern=DURATION_PATTERN)]),
    Rule("must be a number above 0 followed by s, m, h or d", "Write for example 20s, 5m or 4h"),
]
