"""The events to send, and those that update users: rows of the config. Knows no section that holds them, no YAML."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, WrapValidator, field_validator

from pipeline.config.clauses import Where
from pipeline.config.properties import Properties, PropertyList
from pipeline.config.sources import TemplateText
from pipeline.config.value_types import Name, Rule, Section, broken_rule, check_row
from transforms.amplitude.paths import MISSING
from transforms.mapping.sources import Source

_NAME: TypeAdapter[str] = TypeAdapter(Name)
NOT_STREAMED = {  # the rule and the remedy
    "$identify": ("must not be an identify: it updates the user", "Use create_and_update_users"),
    "_identify": ("must not be a name that Amplitude reserves", "Use create_and_update_users for identifies"),
    "_all": ("must not be a name that Amplitude reserves", 'Use "*" for every event'),
    "$groupidentify": ("must not be a group identify: Iterable has no groups", "Remove the row"),
}


class UserEventRow(Section):
    """An event that updates its user, when, and with what. The first row that matches an event wins."""

    later: ClassVar[frozenset[str]] = frozenset({"event_properties", "user_properties"})

    event: Name = Field(description='The event\'s name in Amplitude (event_type), or "*" for every event.')
    where: Where = Field(default=(), description="All of these must hold.")
    event_properties: Properties = Field(
        default=PropertyList(),
        description="Event properties to send for these events, besides those of the section.",
        json_schema_extra={"default": []},
    )
    user_properties: Properties = Field(
        default=PropertyList(),
        description="User properties to send for these events, besides those of the section.",
        json_schema_extra={"default": []},
    )

    @field_validator("event")
    @classmethod
    def _is_streamed(cls, event: str) -> str:
        if event in NOT_STREAMED:
            raise broken_rule(*NOT_STREAMED[event])
        return event


class NameTemplate(Section):
    """A name that is made of an event's values."""

    template: TemplateText = Field(description="Text around paths in braces.")
    default: Name | None = Field(default=None, description="The name where one of the paths has no value.")

    @property
    def source(self) -> Source:
        return Source(template=self.template, default=MISSING if self.default is None else self.default)


def _read_new_name(value: Any, _: object) -> Any:
    """Of a union's two types the one that is meant: its problems alone are told."""
    return _NAME.validate_python(value) if isinstance(value, str) else NameTemplate.model_validate(value)


class EventRow(UserEventRow):
    """An event to send, and when. The first row that matches an event wins."""

    rename: Annotated[
        Name | NameTemplate | None,
        WrapValidator(_read_new_name),
        Rule(
            "must be a name, or a mapping with template", "Write a name; in quotes if YAML reads it as something else"
        ),
    ] = Field(default=None, alias="as", description="The event's name in Iterable. Omitted: its own.")

    @property
    def new_name(self) -> str:
        """As the file has it; "" for none."""
        return self.rename.template.text if isinstance(self.rename, NameTemplate) else self.rename or ""


def _reader(model: type[BaseModel]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, str):
            return {"event": value}
        check_row(value, model, ("event",))
        if isinstance(value, dict | model):
            return value
        remedy = "Write a name; put it in quotes if YAML reads it as something else"
        raise broken_rule("must be an event's name, or a mapping with event", remedy)

    return read


_EventName = Annotated[str, Field(min_length=1, description='The event\'s name, or "*" for every event.')]
EventRowOrName = Annotated[EventRow, BeforeValidator(_reader(EventRow), json_schema_input_type=_EventName | EventRow)]
UserEventRowOrName = Annotated[
    UserEventRow, BeforeValidator(_reader(UserEventRow), json_schema_input_type=_EventName | UserEventRow)
]
EventRows = Annotated[
    tuple[EventRowOrName, ...], Rule("must be a list of events", 'Write ["*"] to send all, [] to send none')
]
UserEventRows = Annotated[
    tuple[UserEventRowOrName, ...], Rule("must be a list of events", "Write [Signed Up], or remove it for none")
]
