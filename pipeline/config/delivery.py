# SPDX-License-Identifier: Apache-2.0
"""How requests are made: a section of the config. Knows no YAML."""

from typing import Annotated, Any

from pydantic import Field, Strict, create_model, field_validator

from pipeline.config.value_types import Duration, Rule, Section, broken_rule
from transforms.iterable.operation import Operation
from transforms.iterable.operations import OF_EVERY_SYNC, OPERATIONS


class Batch(Section):
    """What closes a batch: whichever comes first."""

    max_items: Annotated[
        int,
        Strict(),
        Field(ge=1, le=10_000),
        Rule("must be from 1 to 10000", "Use 1000, what most integrations use", kind="a whole number"),
    ] = Field(default=1_000, description="Items in one request.")
    max_bytes: Annotated[
        int,
        Strict(),
        Field(ge=1_000, le=4_000_000),
        Rule(
            "must be from 1000 to 4000000, Iterable's documented limit of 4 MB",
            "Use 4000000",
            kind="a whole number",
        ),
    ] = Field(default=4_000_000, description="Bytes of one request's body.")
    max_age_seconds: Annotated[
        float,
        Strict(),
        Field(ge=0.1, le=300),
        Rule("must be from 0.1 to 300", "Use 2, unless requests are scarcer than seconds", kind="a number"),
    ] = Field(default=2.0, description="Seconds that the first item of a batch waits for others.")


def _rate(operation: Operation) -> tuple[Any, Any]:
    most, usual = f"{operation.most_per_second:g}", f"{operation.per_second:g}"
    documented = f", Iterable's documented limit for {operation.name}" if operation.is_documented else ""
    rule = Rule(
        f"must be above 0 and at most {most}{documented}",
        f"Use {usual}, or less beside other integrations of the project",
        kind="a number",
    )
    return (
        Annotated[float, Strict(), Field(gt=0, le=operation.most_per_second), rule],
        Field(default=float(operation.per_second), description=f"Requests per second to {operation.name}."),
    )


_Rates = create_model("_Rates", __base__=Section, **{each.setting: _rate(each) for each in OPERATIONS})  # type: ignore[call-overload]


class RequestsPerSecond(_Rates):  # type: ignore[valid-type, misc]  # made of a table
    """The job's share of the project's limits."""

    later = frozenset(each.setting for each in OPERATIONS if each not in OF_EVERY_SYNC)


class Retry(Section):
    """How long to go on with what Iterable does not take."""

    give_up_after: Duration = Field(
        default=14_400.0,
        json_schema_extra={"default": "4h"},
        description="An item is dead-lettered after this long; a full outage does not count.",
    )
    first_backoff: Duration = Field(
        default=1.0,
        json_schema_extra={"default": "1s"},
        description="The first wait, where Iterable names none, is random up to this; each further one is up to twice.",
    )
    max_backoff: Duration = Field(
        default=300.0, json_schema_extra={"default": "5m"}, description="The longest such wait."
    )
    unknown_user_delays: Annotated[
        tuple[Duration, ...],
        Field(min_length=1, max_length=10),
        Rule("must be a list of 1 to 10 durations", "Use [1m, 5m, 30m]"),
    ] = Field(
        default=(60.0, 300.0, 1_800.0),
        json_schema_extra={"default": ["1m", "5m", "30m"]},
        description="Waits before an event whose user Iterable does not know (yet) goes again.",
    )

    @field_validator("unknown_user_delays")
    @classmethod
    def _ascend(cls, delays: tuple[float, ...]) -> tuple[float, ...]:
        if list(delays) != sorted(delays):
            raise broken_rule("must be in ascending order", "Put the shortest first")
        return delays


class Delivery(Section):
    """How requests are made. The defaults are Iterable's documented limits."""

    batch: Batch = Field(default_factory=Batch)
    requests_per_second: RequestsPerSecond = Field(default_factory=RequestsPerSecond)
    retry: Retry = Field(default_factory=Retry)
