# SPDX-License-Identifier: Apache-2.0
"""The calls of other operations of Iterable's: rows of the config. Knows no section that holds them, and no YAML."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator

from pipeline.config.clauses import Where
from pipeline.config.events import NOT_STREAMED
from pipeline.config.sources import ValueOrSource
from pipeline.config.suggestions import closest
from pipeline.config.value_types import Name, Section, broken_rule
from transforms.amplitude.parse import IDENTIFY
from transforms.iterable.operation import Operation
from transforms.iterable.operations import BY_CALL
from transforms.mapping.filters import EVERYTHING


def _read_call(value: Any) -> Any:
    if isinstance(value, str) and value in BY_CALL:
        return value
    close = closest(str(value), BY_CALL)
    remedy = f'Did you mean "{close}"?' if close else "See docs/operations.md"
    raise broken_rule(f"must be an operation: {', '.join(BY_CALL)}", remedy)


def _is_streamed(event: str) -> str:
    if event == EVERYTHING:
        raise broken_rule("must be the name of one event: no call is made of every event", "Write a row for each event")
    if event in NOT_STREAMED and event != IDENTIFY:
        raise broken_rule(*NOT_STREAMED[event])
    return event


class CallRow(Section):
    """An event of which another operation of Iterable's is called, and with what."""

    event: Annotated[Name, AfterValidator(_is_streamed)] = Field(
        description="The event's name in Amplitude (event_type), or $identify."
    )
    where: Where = Field(default=(), description="All of these must hold.")
    call: Annotated[str, BeforeValidator(_read_call), WithJsonSchema({"enum": list(BY_CALL), "type": "string"})] = (
        Field(description="The operation, by its name in Iterable's reference. See docs/operations.md.")
    )
    fields: dict[str, ValueOrSource] = Field(
        default_factory=dict, description="Its own fields, by their names in Iterable; the user is told by `mappings`."
    )
    confirm: str | None = Field(default=None, description="What cannot be undone has to be spelled out here.")

    @field_validator("fields", mode="before")
    @classmethod
    def _is_mapping(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            raise broken_rule("must be a mapping of fields", "Write {newEmail: event_properties.new_email}")
        return fields

    @property
    def operation(self) -> Operation:
        return BY_CALL[self.call]
