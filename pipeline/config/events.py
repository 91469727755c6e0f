"""The events to send and their where clauses: rows of the config. Knows no section that holds them, and no YAML."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from pipeline.config.suggestions import closest
from pipeline.config.value_types import Name, PropertyPath, Rule, Section, broken_rule, check_row

NO_VALUE = "(none)"

Scalar = str | bool | int | float
Operator = Literal[
    "is",
    "is not",
    "contains",
    "does not contain",
    "starts with",
    "does not start with",
    "<",
    "<=",
    ">",
    ">=",
    "set is",
    "set is not",
    "set contains",
    "set does not contain",
    "glob match",
    "glob does not match",
]
OperatorAlias = Literal["=", "==", "≠", "!=", "≤", "≥"]

_OPERATORS = get_args(Operator)
_CANONICAL: dict[str, str] = {"=": "is", "==": "is", "≠": "is not", "!=": "is not", "≤": "<=", "≥": ">="}
COMPARISONS = ("<", "<=", ">", ">=")
_ON_TEXT = ("contains", "does not contain", "starts with", "does not start with", "glob match", "glob does not match")

_NOT_STREAMED = {  # the rule and the remedy
    "$identify": ("must not be an identify: it updates the user", "Use create_and_update_users"),
    "_identify": ("must not be a name that Amplitude reserves", "Use create_and_update_users for identifies"),
    "_all": ("must not be a name that Amplitude reserves", 'Use "*" for every event'),
    "$groupidentify": ("must not be a group identify: Iterable has no groups", "Remove the row"),
}


def _read_operator(value: Any) -> Any:
    operator = _CANONICAL.get(value, value) if isinstance(value, str) else value
    if operator in _OPERATORS:
        return operator
    close = closest(str(operator), _OPERATORS)
    remedy = f'Did you mean "{close}"?' if close else 'Use "is" for an exact match'
    raise broken_rule(f"must be an operator: {', '.join(_OPERATORS)}", remedy)


def _read_values(value: Any) -> tuple[Scalar, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    if not values or not all(isinstance(one, str | bool | int | float) for one in values):
        raise ValueError("no value, or one that is no scalar")
    return tuple(values)


class Clause(Section):
    """A condition on an event. Its values are OR; for the set operators, they are the set."""

    path: PropertyPath = Field(
        alias="property", description="The path compared, such as event_properties.total or user_id."
    )
    operator: Annotated[Operator, BeforeValidator(_read_operator, json_schema_input_type=Operator | OperatorAlias)] = (
        Field(description='Amplitude\'s own operators; "=", "==", "≠", "!=", "≤" and "≥" are understood too.')
    )
    values: Annotated[
        tuple[Scalar, ...],
        BeforeValidator(
            _read_values, json_schema_input_type=Scalar | Annotated[tuple[Scalar, ...], Field(min_length=1)]
        ),
        Rule(
            "must be text, a number, true, false, or a list of these",
            f'Write "{NO_VALUE}" for a property without a value',
        ),
    ] = Field(alias="value", description=f'One value or a list. "{NO_VALUE}", with is and is not: there is none.')

    @field_validator("values")
    @classmethod
    def _fits_operator(cls, values: tuple[Scalar, ...], info: ValidationInfo) -> tuple[Scalar, ...]:
        operator = info.data.get("operator", "is")
        if NO_VALUE in values and operator not in ("is", "is not"):
            raise broken_rule(f'must not be "{NO_VALUE}" with "{operator}"', 'Use "is" or "is not"')
        if operator in COMPARISONS and any(isinstance(one, str | bool) for one in values):
            raise broken_rule(f'must be a number with "{operator}"', "Write it without quotes")
        if operator in _ON_TEXT and not all(isinstance(one, str) for one in values):
            raise broken_rule(f'must be text with "{operator}"', "Put it in quotes")
        return values


class EventRow(Section):
    """An event to send, and when. The first row that matches an event wins."""

    event: Name = Field(description='The event\'s name in Amplitude (event_type), or "*" for every event.')
    rename: Name | None = Field(default=None, alias="as", description="The event's name in Iterable. Omitted: its own.")
    where: Annotated[
        tuple[Clause, ...],
        Rule("must be a list of clauses", "Write - {property: user_id, operator: is not, value: (none)}"),
    ] = Field(default=(), description="All of these must hold.")

    @field_validator("event")
    @classmethod
    def _is_streamed(cls, event: str) -> str:
        if event in _NOT_STREAMED:
            raise broken_rule(*_NOT_STREAMED[event])
        return event


def _read_event(value: Any) -> Any:
    if isinstance(value, str):
        return {"event": value}
    check_row(value, EventRow, ("event",))
    if isinstance(value, dict | EventRow):
        return value
    remedy = "Write a name; put it in quotes if YAML reads it as something else"
    raise broken_rule("must be an event's name, or a mapping with event", remedy)


_EventName = Annotated[str, Field(min_length=1, description='The event\'s name, or "*" for every event.')]
EventRowOrName = Annotated[EventRow, BeforeValidator(_read_event, json_schema_input_type=_EventName | EventRow)]
