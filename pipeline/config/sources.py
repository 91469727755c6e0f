# SPDX-License-Identifier: Apache-2.0
"""Where a value comes from, as a config writes it: a path, several, a constant, a template. Knows no row."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from pipeline.config.problems import show_value
from pipeline.config.value_types import PathOrScope, PropertyPath, Rule, Section, broken_rule
from transforms.amplitude.paths import MISSING, Path
from transforms.mapping.conversions import WITH_TEXTS, Conversion
from transforms.mapping.operators import Scalar
from transforms.mapping.sources import Handling, Source, Template, parse_template

TypeName = Literal["string", "integer", "number", "boolean", "date", "list", "trim", "lower", "upper", "json", "split"]
SOURCES = ("property", "path", "value", "template")

_ON_ERROR = "What becomes of a value that cannot be converted: a dead letter; nothing is sent of it; as it is."


def _read_constant(value: Any) -> Any:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | bool | int | float) for one in values):
        raise ValueError("null, or what is no constant")
    return value


def _as_tuple(value: Any) -> Any:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else value if isinstance(value, tuple) else (value,)


def short(values: Sequence[Any]) -> Any:
    """As the file would have it: one alone, or a list."""
    return (values[0] if len(values) == 1 else list(values)) if values else None


def _are_texts(values: Any, count: int) -> bool:
    """As many of them, and the first, which is looked for, is not empty."""
    is_list = isinstance(values, list) and len(values) == count > 0
    return is_list and all(isinstance(one, str) for one in values) and bool(values[0])


def _read_conversion(value: Any) -> Conversion:
    if isinstance(value, Conversion):
        return value
    if isinstance(value, str) and value in get_args(TypeName):
        return Conversion(value)
    if isinstance(value, dict) and len(value) == 1:
        ((name, texts),) = value.items()
        texts = [texts] if name == "split" else texts
        if _are_texts(texts, WITH_TEXTS.get(name, 0)):
            return Conversion(name, tuple(texts))
    rule = f'must be one of {", ".join(get_args(TypeName))}, {{split: ";"}}, {{replace: [OLD, NEW]}}'
    raise broken_rule(rule, "Remove it to keep the value's own type")


def _write_conversions(conversions: tuple[Conversion, ...]) -> Any:
    return short([{one.name: short(one.texts)} if one.texts else one.name for one in conversions])


def _read_template(value: Any) -> Template:
    if isinstance(value, Template):
        return value
    if not isinstance(value, str):
        raise ValueError("no text")
    return parse_template(value)


_PATH_OR_PATHS = Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]
_SPLIT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["split"],
    "properties": {"split": {"type": "string", "minLength": 1, "description": "What stands between two parts."}},
}
_REPLACE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["replace"],
    "properties": {
        "replace": {
            "type": "array",
            "prefixItems": [{"type": "string", "minLength": 1}, {"type": "string"}],
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": "string"},
            "description": "A text, and what stands in its place wherever it is found.",
        }
    },
}
_CONVERSION = (
    TypeName
    | Annotated[dict[str, str], WithJsonSchema(_SPLIT)]
    | Annotated[dict[str, list[str]], WithJsonSchema(_REPLACE)]
)

_Path = TypeVar("_Path")
_Paths: TypeAlias = Annotated[
    tuple[_Path, ...],
    Field(min_length=1),
    BeforeValidator(_as_tuple, json_schema_input_type=_PATH_OR_PATHS),
    PlainSerializer(lambda paths: short([str(path) for path in paths])),
    Rule("must be a path, or a list of paths", "Write scope.name, such as user_properties.email"),
]
Paths: TypeAlias = _Paths[PropertyPath]
PathsOrScopes: TypeAlias = _Paths[PathOrScope]
Constant = Annotated[
    Any,
    PlainValidator(_read_constant, json_schema_input_type=Scalar | list[Scalar]),
    Rule("must be text, a number, true, false, or a list of these", "Put it in quotes if it is text"),
]
TemplateText = Annotated[
    Template,
    PlainValidator(_read_template, json_schema_input_type=Annotated[str, Field(min_length=1)]),
    PlainSerializer(lambda template: template.text),
    Rule("must be text with a path in braces", 'Write "{user_properties.first} {user_properties.last}"; {{ is a brace'),
]
Conversions = Annotated[
    tuple[Annotated[Conversion, PlainValidator(_read_conversion)], ...],
    BeforeValidator(_as_tuple, json_schema_input_type=_CONVERSION | list[_CONVERSION] | None),
    PlainSerializer(_write_conversions),
]
OnError = Annotated[
    Literal["dead_letter", "leave_out", "as_is"],
    Rule("must be dead_letter, leave_out or as_is", "Use one of the three"),
]
Nulls = Annotated[Literal["send", "leave_out"], Rule("must be send or leave_out", "Use one of the two")]
Dates = Annotated[Literal["as_is", "iso"], Rule("must be as_is or iso", "Use one of the two")]


def only_source(value: Any, data: dict[str, Any]) -> Any:
    """`value`, if none of the row's other sources stands before it. Raises broken_rule."""
    beside = next((name for name in SOURCES if data.get("names" if name == "property" else name) is not None), None)
    if value is not None and beside:
        raise broken_rule(f"must not stand beside {beside}: a row has one source", "Remove one of the two")
    return value


def source_of(paths: Sequence[Path], row: "SourceSpec | Any", handling: Handling, each: Any = None) -> Source:
    """What the keys of a row, which SourceSpec has and PropertyRow, say of its source."""
    return Source(
        tuple(paths),
        MISSING if row.value is None else row.value,
        row.template,
        row.type,
        each,
        MISSING if row.default is None else row.default,
        handling,
    )


class SourceSpec(Section):
    """Where a value comes from, and what is made of it."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in SOURCES if name != "property"]}
    )

    path: Paths | None = Field(default=None, description="A path, or a list: the first that has a value.")
    value: Constant | None = Field(default=None, description="Instead: a constant.")
    template: TemplateText | None = Field(
        default=None, validate_default=True, description="Instead: text around paths in braces."
    )
    type: Conversions = Field(
        default=(), json_schema_extra={"default": None}, description="A conversion, or a list of them in order."
    )
    default: Constant | None = Field(default=None, description="A constant for what has no value.")
    on_error: OnError = Field(default="dead_letter", description=_ON_ERROR)

    @field_validator("value", "template")
    @classmethod
    def _one_source(cls, value: Any, info: ValidationInfo) -> Any:
        return only_source(value, info.data)

    @field_validator("template")
    @classmethod
    def _some_source(cls, template: Template | None, info: ValidationInfo) -> Template | None:
        if (
            template is None
            and info.data.keys() >= {"path", "value"}
            and not any(info.data[name] is not None for name in ("path", "value"))
        ):
            raise broken_rule("must have a path, a value or a template", "Add path: SCOPE.NAME")
        return template

    @property
    def paths(self) -> tuple[Path, ...]:
        return self.path or ()

    @property
    def source(self) -> Source:
        return source_of(self.paths, self, Handling(self.on_error))


def _read_source(value: Any) -> Any:
    return value if isinstance(value, dict | SourceSpec) else {"path": value}


def _refuse_bare(value: Any) -> Any:
    """A number, say, can be no path: it is told how it is written as a constant."""
    one = value[0] if isinstance(value, list) and value else value
    if isinstance(one, bool | int | float):
        remedy = f"Write {{value: {show_value(value)}}} if it is a constant, or a path, such as user_id"
        raise broken_rule("must be a path", remedy)
    return value


def _write_source(spec: SourceSpec) -> Any:
    written = spec.model_dump(exclude_defaults=True)
    return written["path"] if list(written) == ["path"] else written


# A path alone stands for itself: `email: user_properties.email`; so does a list of them.
ValueSource = Annotated[
    SourceSpec,
    BeforeValidator(_read_source, json_schema_input_type=_PATH_OR_PATHS | SourceSpec),
    PlainSerializer(_write_source),
]
ValueOrSource = Annotated[ValueSource, BeforeValidator(_refuse_bare)]  # of what a constant may be meant for
