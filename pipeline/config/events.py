# SPDX-License-Identifier: Apache-2.0
"""The events to send, and those that update users: rows of the config. Knows no section that holds them, no YAML."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationInfo, WrapValidator, field_validator

from pipeline.config.clauses import Where
from pipeline.config.properties import Properties, PropertyList, PropertyRow, PropertyRowOrName
from pipeline.config.sources import SourceSpec, TemplateText, ValueSource
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
    not_named: ClassVar[dict[str, tuple[str, str]]] = NOT_STREAMED | {
        "$identify": ("must not be an identify: on says whether those update users", "Write on: [identify]")
    }

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
        if event in cls.not_named:
            raise broken_rule(*cls.not_named[event])
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

    later: ClassVar[frozenset[str]] = UserEventRow.later | {"send_as", "items", "total"}
    not_named: ClassVar[dict[str, tuple[str, str]]] = NOT_STREAMED

    rename: Annotated[
        Name | NameTemplate | None,
        WrapValidator(_read_new_name),
        Rule(
            "must be a name, or a mapping with template", "Write a name; in quotes if YAML reads it as something else"
        ),
    ] = Field(default=None, alias="as", description="The event's name in Iterable. Omitted: its own.")
    send_as: Annotated[
        Literal["event", "purchase", "cart"], Rule("must be event, purchase or cart", "Use one of the three")
    ] = Field(default="event", description="What it is in Iterable: an event, a purchase, or all of the user's cart.")
    items: PropertyRowOrName | None = Field(
        default=None,
        validate_default=True,
        description="Of a purchase or a cart: the list of its items, and with each: what becomes of one.",
    )
    total: ValueSource | None = Field(
        default=None, description="Of a purchase: its total. Omitted: the sum of its items."
    )

    @property
    def new_name(self) -> str:
        """As the file has it; "" for none."""
        return self.rename.template.text if isinstance(self.rename, NameTemplate) else self.rename or ""

    @field_validator("items")
    @classmethod
    def _of_commerce(cls, items: PropertyRow | None, info: ValidationInfo) -> PropertyRow | None:
        is_event = info.data.get("send_as", "event") == "event"
        if items is None and not is_event:
            raise broken_rule(
                "must have items with send_as: purchase, or cart", "Add items: {property: products, each: […]}"
            )
        if items is not None and is_event and "send_as" in info.data:
            raise broken_rule("must not stand without send_as: purchase, or cart", "Add it, or remove items")
        if items is not None and items.each is None:
            raise broken_rule("must have each: what becomes of an item", "Add each: [id, name, price, quantity]")
        if items is not None and info.data.get("rename"):
            raise broken_rule("must not stand beside as: a purchase and a cart have no name", "Remove as")
        return items

    @field_validator("total")
    @classmethod
    def _of_purchases(cls, total: SourceSpec | None, info: ValidationInfo) -> SourceSpec | None:
        if total is not None and info.data.get("send_as", "purchase") != "purchase":
            raise broken_rule("must stand with send_as: purchase", "Remove it")
        return total


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
