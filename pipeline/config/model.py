# SPDX-License-Identifier: Apache-2.0
"""The sections of the config: these models are its schema. Knows no YAML, no rule that spans sections."""

import unicodedata
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, ValidationInfo, field_validator

from pipeline.config.calls import CallRow
from pipeline.config.clauses import Where
from pipeline.config.delivery import Delivery
from pipeline.config.events import EventRows, UserEventRows
from pipeline.config.properties import Properties, PropertyList
from pipeline.config.sources import Dates, Nulls, OnError, SourceSpec, ValueOrSource, ValueSource
from pipeline.config.value_types import Rule, Section, broken_rule
from transforms.amplitude.paths import Path
from transforms.iterable.operation import SERVER_SIDE
from transforms.mapping.sources import Handling

API_KEY_PATTERN = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|secret:projects/[^/]+/secrets/[^/]+/versions/[^/]+)$"

_BREAKS = ("Cc", "Zl", "Zp")  # control characters, line and paragraph separators

ProjectType = Literal["email", "user_id", "hybrid"]

_A_PATH_OR_NULL = Rule("must be a path or null", "Write scope.name, such as user_properties.email, or null for none")


Enabled = Annotated[StrictBool, Rule("must be true or false", "Write enabled: true, or enabled: false")]
Switch = Annotated[StrictBool | None, Rule("must be true or false", "Remove the key to leave it to Iterable")]


def _check_name(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip() or "#" in value:
        raise ValueError("no text, blank, or with a #")
    if any(unicodedata.category(character) in _BREAKS for character in value):
        raise ValueError("a control character")
    return value


class Destination(Section):
    """The Iterable project."""

    api_key: Annotated[
        str,
        Field(pattern=API_KEY_PATTERN),
        Rule(
            "must say where the key is kept: env:NAME, file:PATH or secret:projects/P/secrets/S/versions/V",
            "Put the key there, never here",
        ),
    ] = Field(
        description=(
            "Where the key is kept, never the key itself: env:NAME, file:PATH or "
            "secret:projects/P/secrets/S/versions/V (Dataflow: secret: only). It must be a server-side key."
        )
    )
    project_type: Annotated[
        ProjectType,
        Rule("must be email, user_id or hybrid", "Use the type chosen when the project was created"),
    ] = Field(description="How the project tells its users apart.")
    region: Annotated[
        Literal["us", "eu"], Rule("must be us or eu", "us is api.iterable.com, eu is api.eu.iterable.com")
    ] = Field(default="us", description="Iterable's data centre.")
    merge_nested_objects: Switch = Field(
        default=None,
        description="Merge objects in a profile one level deep instead of replacing them. Omitted: not sent.",
    )
    prefer_user_id: Switch = Field(
        default=None,
        description="Email projects: create a user for an unknown userId that has no email. Omitted: not sent.",
    )
    create_new_fields: Switch = Field(
        default=None, description="Let user updates add fields to the project. Omitted: the project's own setting."
    )
    update_only: Switch = Field(
        default=None,
        description="Never create users; Iterable must have enabled it for the account. Omitted: not sent.",
    )

    @field_validator("region")
    @classmethod
    def _has_such_projects(cls, region: str, info: ValidationInfo) -> str:
        if region == "eu" and info.data.get("project_type") == "email":
            rule = "must be us for an email project: Iterable has none in its EU data centre"
            raise broken_rule(rule, "Use region: us, or correct project_type")
        return region

    @field_validator("prefer_user_id")
    @classmethod
    def _is_email_project(cls, prefer_user_id: bool | None, info: ValidationInfo) -> bool | None:
        if prefer_user_id is not None and info.data.get("project_type", "email") != "email":
            raise broken_rule("must not be set: Iterable reads it in email projects only", "Remove it")
        return prefer_user_id


class _Sends(Section):
    """What a section says of all values that it sends."""

    later: ClassVar[frozenset[str]] = frozenset({"on_error", "nulls", "dates"})

    on_error: OnError = Field(
        default="dead_letter",
        description="A value that cannot be converted makes a dead letter, is left out, or is sent as it is.",
    )
    nulls: Nulls = Field(default="send", description="What becomes of properties that are null.")
    dates: Dates = Field(
        default="as_is",
        description="iso: every text that is an ISO date and time is sent in a form that Iterable takes for a date.",
    )

    @property
    def handling(self) -> Handling:
        return Handling(self.on_error, self.nulls, self.dates)


class CreateAndUpdateUsers(_Sends):
    """Create users, and update the properties of existing ones."""

    later: ClassVar[frozenset[str]] = _Sends.later | {"events", "where", "create_without_properties"}

    enabled: Enabled = Field(description="The screen's toggle.")
    on: Annotated[
        tuple[
            Annotated[
                Literal["identify", "property_changes"],
                Rule("must be identify or property_changes", "Use one of the two"),
            ],
            ...,
        ],
        Field(min_length=1),
        Rule("must be a list of identify, property_changes or both", "Write [identify]"),
    ] = Field(
        default=("identify",),
        description="What updates a user: Identify calls; property_changes: events that changed a user property, too.",
    )
    events: UserEventRows = Field(
        default=(),
        description="Events that update their user, too, with what. The first row that matches an event wins.",
    )
    where: Where = Field(default=(), description="All of these must hold, of every user update.")
    user_properties: Properties = Field(
        default=PropertyList(),
        description='Specify user properties to send. None listed: none are sent; "*": all.',
        json_schema_extra={"default": []},
    )
    create_without_properties: Annotated[
        StrictBool, Rule("must be true or false", "Remove it: an update that holds no property is not sent")
    ] = Field(
        default=False,
        description="Send an update that holds none of the properties, too: it creates the user.",
    )

    @field_validator("on")
    @classmethod
    def _are_different(cls, on: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(on)) < len(on):
            raise broken_rule("must not list one twice", "Remove one")
        return on


class SendEvents(_Sends):
    """Send events."""

    enabled: Enabled = Field(description="The screen's toggle.")
    events: EventRows = Field(
        default=(),
        description=(
            'Select and filter events. None listed: none are sent; "*": every event that Amplitude does not reserve.'
        ),
    )
    event_properties: Properties = Field(
        default=PropertyList(),
        description='Specify event properties to send. None listed: none are sent; "*": all.',
        json_schema_extra={"default": []},
    )
    user_properties: Properties = Field(
        default=PropertyList(),
        description='User properties to send in the dataFields of events. None listed: none are sent; "*": all.',
        json_schema_extra={"default": []},
    )


class Mappings(Section):
    """Mappings: which Amplitude property becomes which of Iterable's own fields."""

    email: Annotated[ValueSource | None, _A_PATH_OR_NULL] = Field(
        default=SourceSpec(path=(Path("user_properties", "email"),)),
        json_schema_extra={"default": "user_properties.email"},
        description="Email.",
    )
    user_id: Annotated[ValueSource | None, _A_PATH_OR_NULL] = Field(
        default=SourceSpec(path=(Path("", "user_id"),)),
        json_schema_extra={"default": "user_id"},
        description="User ID.",
    )
    campaign_id: Annotated[ValueOrSource | None, _A_PATH_OR_NULL] = Field(
        default=None, description="Campaign ID: attributes an event to a campaign."
    )
    template_id: Annotated[ValueOrSource | None, _A_PATH_OR_NULL] = Field(
        default=None, description="Template ID: attributes an event to a template."
    )


class Config(Section):
    """One sync from Amplitude to Iterable, in the words of Amplitude's own screens."""

    model_config = ConfigDict(title="Amplitude to Iterable")
    later = frozenset({"calls"})

    name: Annotated[
        str,
        BeforeValidator(_check_name, json_schema_input_type=Annotated[str, Field(pattern=r"^[^#\x00-\x1f\x7f]+$")]),
        Field(max_length=200),
        Rule(
            "must be text of 1 to 200 characters without # and line breaks", "Use a name such as Amplitude to Iterable"
        ),
    ] = Field(description="Sync name. Dead letters carry it, so that a replay knows its own.")
    status: Annotated[
        Literal["enabled", "disabled"],
        Rule("must be enabled or disabled", "Use disabled to read no message"),
    ] = Field(description="Status. disabled: the job says so and ends without reading a message.")
    destination: Destination
    create_and_update_users: CreateAndUpdateUsers = Field(
        default_factory=lambda: CreateAndUpdateUsers(enabled=False),
        description="Create & Update Users. Omitted: disabled.",
    )
    send_events: SendEvents = Field(
        default_factory=lambda: SendEvents(enabled=False), description="Send Events. Omitted: disabled."
    )
    calls: Annotated[
        tuple[CallRow, ...],
        Rule("must be a list of calls", "Write - {event: NAME, call: users/updateEmail, fields: {…}}"),
    ] = Field(default=(), description="Other operations of Iterable's, called of events. The first row of each wins.")
    mappings: Mappings = Field(default_factory=Mappings, description="Mappings. Omitted: the defaults.")
    delivery: Delivery = Field(default_factory=Delivery, description="Delivery. Omitted: the defaults.")

    @property
    def key_types(self) -> frozenset[str]:
        """Types of key that may make all its requests; none: it takes more than one key."""
        sends = self.create_and_update_users.enabled or self.send_events.enabled or not self.calls
        of_calls = (frozenset(row.operation.key_types) for row in self.calls)
        return frozenset.intersection(*([frozenset({SERVER_SIDE})] if sends else ()), *of_calls)
