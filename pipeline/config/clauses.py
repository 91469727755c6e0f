# SPDX-License-Identifier: Apache-2.0
"""Where clauses: tests on an event, and groups of them. Knows no row and no section that holds them, and no YAML."""

from typing import Annotated, Any, ClassVar, TypeAlias, cast

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    field_validator,
)
from pydantic_core import PydanticKnownError

from pipeline.config.suggestions import closest
from pipeline.config.value_types import PropertyPath, Rule, Section, broken_rule
from transforms.mapping.filters import Condition, ConditionGroup, Quantifier
from transforms.mapping.operators import BY_NAME, NO_VALUE, Case, Operand, Scalar, Values, make_test

ALIASES = {"=": "is", "==": "is", "≠": "is not", "!=": "is not", "≤": "<=", "≥": ">="}

MAX_DEPTH = 5  # of groups in groups
_GROUPS = "any", "all"
_WITHOUT_VALUES = [name for name, operator in BY_NAME.items() if operator.operand is Operand.NOTHING]


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


def _value_is_required(schema: dict[str, Any]) -> None:
    """But with the operators that take none."""
    del schema["properties"]["value"]["default"]
    schema["if"] = {"properties": {"operator": {"enum": _WITHOUT_VALUES}}, "required": ["operator"]}
    schema["then"] = {"properties": {"value": False}}
    schema["else"] = {"required": ["value"]}


class Clause(Section):
    """A condition on an event. Its values are OR; for the set operators, they are the set."""

    model_config = ConfigDict(json_schema_extra=_value_is_required)
    later: ClassVar[frozenset[str]] = frozenset({"case"})

    path: PropertyPath = Field(
        alias="property", description="The path compared, such as event_properties.total or user_id."
    )
    operator: Annotated[str, BeforeValidator(_read_operator), WithJsonSchema(_OPERATOR_SCHEMA)] = Field(
        description=(
            'Amplitude\'s own operators, and "exists", "ends with" and their negations; "=", "==", "≠", "!=", "≤" and'
            ' "≥" are understood too.'
        )
    )
    value: Annotated[
        Values,
        BeforeValidator(_read_values, json_schema_input_type=Scalar | Annotated[Values, Field(min_length=1)]),
        Rule(
            "must be text, a number, true, false, or a list of these",
            f'Write "{NO_VALUE}" for a property without a value',
        ),
    ] = Field(
        default=(),
        validate_default=True,
        description=f'One value or a list. "{NO_VALUE}", with is and is not: there is none. Not with exists.',
    )
    case: Annotated[Case | None, Rule("must be sensitive or insensitive", "Use one of the two")] = Field(
        default=None,
        description=(
            "Whether a and A differ. Omitted: they do with is and glob match, and not with contains, starts with,"
            " ends with."
        ),
    )

    @field_validator("value", mode="wrap")
    @classmethod
    def _fits_operator(cls, value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Values:
        operator = info.data.get("operator", "is")
        operand = BY_NAME[operator].operand
        if operand is Operand.NOTHING:
            if value == ():
                return ()
            raise broken_rule(f'must not stand beside "{operator}", which compares with nothing', "Remove it")
        if value == ():  # what no YAML holds: it is the default
            raise PydanticKnownError("missing")
        values: Values = read(value)
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

    @field_validator("case")
    @classmethod
    def _compares_texts(cls, case: Case | None, info: ValidationInfo) -> Case | None:
        operator, values = info.data.get("operator"), info.data.get("value")
        if case and operator and not BY_NAME[operator].case:
            raise broken_rule(f'must not stand beside "{operator}", which compares no texts', "Remove it")
        if case and values and not any(isinstance(value, str) and value != NO_VALUE for value in values):
            raise broken_rule("must not stand beside values of which none is text", "Remove it")
        return case

    @property
    def values(self) -> Values:
        return self.value

    @property
    def condition(self) -> Condition:
        return Condition(self.path, self.operator, self.values, self.case)


def _read_clause(value: Any, _: object) -> Any:
    """Of a union's two models the one that is meant: its problems alone are told."""
    if isinstance(value, Section):
        return value
    if not isinstance(value, dict) or value.keys().isdisjoint(_GROUPS):
        return Clause.model_validate(value)
    if len(value) > 1:
        raise broken_rule(
            "must be any or all alone: a group of clauses", "Make what stands beside it a clause of its own"
        )
    return ClauseGroup.model_validate(value)


class ClauseGroup(Section):
    """Clauses of which any, or all, have to hold."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in _GROUPS]})

    any_of: "_Clauses | None" = Field(default=None, alias="any", description="At least one of these must hold.")
    all_of: "_Clauses | None" = Field(default=None, alias="all", description="All of these must hold.")

    @field_validator("any_of", "all_of")
    @classmethod
    def _is_flat(cls, clauses: "tuple[AnyClause, ...] | None") -> "tuple[AnyClause, ...] | None":
        if clauses and _depth(clauses) >= MAX_DEPTH:
            raise broken_rule(f"must not hold more than {MAX_DEPTH - 1} levels of groups", "Write it flatter")
        return clauses

    @property
    def quantifier(self) -> Quantifier:
        return "all" if self.all_of else "any"

    @property
    def clauses(self) -> "tuple[AnyClause, ...]":
        return cast("tuple[AnyClause, ...]", self.all_of or self.any_of)

    @property
    def condition(self) -> ConditionGroup:
        return ConditionGroup(self.quantifier, tuple(clause.condition for clause in self.clauses))


def _depth(clauses: "tuple[AnyClause, ...]") -> int:
    return max((1 + _depth(each.clauses) for each in clauses if isinstance(each, ClauseGroup)), default=0)


AnyClause: TypeAlias = Annotated[Clause | ClauseGroup, WrapValidator(_read_clause)]
_Clauses: TypeAlias = Annotated[
    tuple[AnyClause, ...],
    Field(min_length=1),
    Rule("must be a list of one clause or more", "Write - {property: PATH, operator: is, value: …}"),
]
Where: TypeAlias = Annotated[
    tuple[AnyClause, ...],
    Rule("must be a list of clauses", "Write - {property: user_id, operator: is not, value: (none)}"),
]
ClauseGroup.model_rebuild()
