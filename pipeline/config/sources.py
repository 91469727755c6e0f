"""Where a value comes from, in every form that a config may write: a path, several, a constant, a template. Knows no row."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, ValidationInfo, field_validator

from pipeline.config.value_types import PropertyPath, Rule, Section, broken_rule
from transforms.amplitude.paths import MISSING, Path
from transforms.mapping.conversions import Conversion
from transforms.mapping.operators import Scalar
from transforms.mapping.sources import Handling, Source, Template, parse_template

TypeName = Literal["string", "integer", "number", "boolean", "date", "list", "trim", "lower", "upper", "json", "split"]
OnError = Annotated[
    Literal["dead_letter", "leave_out", "as_is"], Rule("must be dead_letter, leave_out or as_is", "Use one of the three")
]
Nulls = Annotated[Literal["send", "leave_out"], Rule("must be send or leave_out", "Use one of the two")]
Dates = Annotated[Literal["as_is", "iso"], Rule("must be as_is or iso", "Use one of the two")]


def _read_constant(value: Any) -> Any:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | bool | int | float) for one in values):
        raise ValueError("null, or what is no constant")
    return value


Constant = Annotated[
    Any,
    PlainValidator(_read_constant, json_schema_input_type=Scalar | list[Scalar]),
    Rule("must be text, a number, true, false, or a list of these", "Put it in quotes if it is text"),
]


def _read_conversion(value: Any) -> Conversion:
    if isinstance(value, Conversion):
        return value
    if isinstance(value, str) and value in get_args(TypeName):
        return Conversion(value)
    if isinstance(value, dict) and list(value) == ["split"] and isinstance(value["split"], str) and value["split"]:
        return Conversion("split", value["split"])
    rule = f'must be one of {", ".join(get_args(TypeName))}, or {{split: ";"}}'
    raise broken_rule(rule, "Remove it to keep the value's own type")


def _write_conversion(conversion: Conversion) -> Any:
    return {"split": conversion.separator} if conversion.separator else conversion.name


class Split(Section):
    """Text at each separator."""

    split: Annotated[str, Field(min_length=1)] = Field(description="The text between two parts.")


_Conversion = Annotated[
    Conversion,
    PlainValidator(_read_conversion, json_schema_input_type=TypeName | Split),
    PlainSerializer(_write_conversion),
]


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _one_or_more(values: tuple[Any, ...] | None, info: Any) -> Any:
    return values and (values[0] if len(values) == 1 else list(values))
