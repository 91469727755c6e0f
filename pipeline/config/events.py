"""The events to send and their where clauses: rows of the config. Knows no section that holds them, and no YAML."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from pipeline.config.suggestions import closest
from pipeline.config.value_types import Name, PropertyPath, Rule, Section, broken_rule, check_row
from transforms.mapping.filters import Condition
from transforms.mapping.operators import BY_NAME, NO_VALUE, Operand, Scalar, Values, make_test

ALIASES = {"=": "is", "==": "is", "≠": "is not", "!=": "is not", "≤": "<=", "≥": ">="}

NOT_STREAMED = {  # the rule and the remedy
    "$identify": ("must not be an identify: it updates the user", "Use create_and_update_users"),
    "_identify": ("must not be a name that Amplitude reserves", "Use create_and_update_users for identifies"),
    "_all": ("must not be a name that Amplitude reserves", 'Use "*" for every event'),
    "$groupidentify": ("must not be a group identify: Iterable has no groups", "Remove the row"),
}


def _read_operator(value: Any) -> Any:
    operator = ALIASES.get(value, value) if isinstance(value, str) else value
    if isinstance(operator, str) and operator in BY_NAME:
        return operator
    close = closest(str(operator), BY_NAME)
    remedy = f'Did you mean "{close}"?' if close else 'Use "is" for an exact match'
    raise broken_rule(f"must be an operator: {', '.join(BY_NAME)}", remedy)


_OPERATOR_SCHEMA = {"anyOf": [{"enum": list(names), "type": "string"} for names in (BY_NAME, ALIASES)]}


def _read_values(value: Any) -> Values:
    values = value if isinstance(value, list | tuple) else [value]
    if not values or not all(isinstance(one, str | bool | int | float) for one in values):
        raise ValueError("no value, or one that is no scalar")
    return tuple(values)


class Clause(Section):
    """A condition on an event. Its values are OR; for the set operators, they are the set."""

    path: PropertyPath = Field(
        alias="property", description="The path compared, such as event_properties.total or user_id."
    )
    operator: Annotated[str, BeforeValidator(_read_operator), WithJsonSchema(_OPERATOR_SCHEMA)] = Field(
        description='Amplitude\'s own operators; "=", "==", "≠", "!=", "≤" and "≥" are understood too.'
    )
    values: Annotated[
        Values,
        BeforeValidator(_read_values, json_schema_input_type=Scalar | Annotated[Values, Field(min_length=1)]),
        Rule(
            "must be text, a number, true, false, or a list of these",
            f'Write "{NO_VALUE}" for a property without a value',
        ),
    ] = Field(alias="value", description=f'One value or a list. "{NO_VALUE}", with is and is not: there is none.')

    @field_validator("values")
    @classmethod
    def _fits_operator(cls, values: Values, info: ValidationInfo) -> Values:
        operator = info.data.get("operator", "is")
        operand = BY_NAME[operator].operand
        if NO_VALUE in values and operand is not Operand.ANY:
            raise broken_rule(f'must not be "{NO_VALUE}" with "{operator}"', 'Use "is" or "is not"')
        if operand is Operand.NUMBER and not all(map(operand.takes, values)):
            raise broken_rule(f'must be a number with "{operator}"', "Write it without quotes")
        if operand is Operand.TEXT and not all(map(operand.takes, values)):
            raise broken_rule(f'must be text with "{operator}"', "Put it in quotes")
        try:
            make_test(operator, values)
        except ValueError as error:
            raise broken_rule(f"must be a pattern: {error}", "Correct it; [[] stands for a [ itself") from None
        return values

    @property
    def condition(self) -> Condition:
        return Condition(self.path, self.operator, self.values)


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
        if event in NOT_STREAMED:
            raise broken_rule(*NOT_STREAMED[event])
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
