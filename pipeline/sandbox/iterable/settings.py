# SPDX-License-Identifier: Apache-2.0
"""Every switch of the simulated Iterable, with its default. Knows no rule: it only says which one holds.

A switch is what an Iterable project sets itself, what Iterable does not document, or an answer it gave in other years.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.iterable.endpoints import READS, WRITES, KeyType

ProjectType = Literal["email", "user_id", "hybrid"]
Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]

DEFAULT_API_KEY = "sandbox-key"
# Requests per second and project, from the Swagger; None where it says nothing.
DOCUMENTED_RATES: Mapping[str, float | None] = {each.name: each.per_second for each in (*WRITES, *READS)}
DAILY_CAPS: Mapping[str, int | None] = {each.name: each.per_day for each in WRITES if each.per_day}


def _known(name: str) -> str:
    if name not in DOCUMENTED_RATES:
        raise ValueError(f"no such endpoint; there are {', '.join(DOCUMENTED_RATES)}")
    return name


EndpointName = Annotated[str, AfterValidator(_known)]


@dataclass(frozen=True)
class Key:
    """An API key's kind, and whether it still opens anything."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    type: KeyType = "ServerSide"
    enabled: bool = True


@dataclass(frozen=True)
class AsyncDelay:
    """Seconds between the answer to a write and its effect. Iterable advises to allow 60."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    users: Seconds = 2
    events: Seconds = 2
    deletions: Seconds | None = None  # as users


@dataclass(frozen=True)
class Settings:
    """One Iterable project, and one reading of what its documentation leaves open."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    # The project. Its type is fixed at creation: change it only before the first write.
    project_type: ProjectType = "hybrid"
    project_id: int = 1
    keys: Mapping[str, Key] = field(default_factory=lambda: {DEFAULT_API_KEY: Key()})
    allow_new_user_fields: bool = True
    allow_new_event_fields: bool = True
    allow_new_events: bool = True
    disallowed_events: frozenset[str] = frozenset()
    forgotten_emails: frozenset[str] = frozenset()
    forgotten_user_ids: frozenset[str] = frozenset()
    update_only: Literal["ignored", "not_found"] = "ignored"  # undocumented; Iterable enables it per account
    lists: frozenset[int] | None = None  # None: whatever list is asked for is there
    opt_in_message_types: bool = False
    max_tokens: Count = 500  # devices, and browsers, of one user

    # Limits. An endpoint left out of `rate` keeps its documented one; 0 or null is no limit, null for all at once too.
    rate: Mapping[EndpointName, Seconds | None] | None = field(default_factory=lambda: dict(DOCUMENTED_RATES))
    burst: Mapping[EndpointName, Annotated[int, Field(ge=1)]] = field(default_factory=dict)  # left out: as the rate
    daily_cap: Mapping[EndpointName, Count | None] = field(default_factory=lambda: dict(DAILY_CAPS))  # of any 24 hours
    max_body_bytes: Count = 4_000_000  # "4 MB": 4 * 1024 * 1024 is the other reading
    oversize: Literal["413", "batch_too_large"] = "413"
    max_items: Count | None = None
    user_field_limit: Count = 1000
    event_field_limit: Count = 8000
    event_field_limit_scope: Literal["project", "event"] = "project"
    gzip_bodies: bool = False  # off: a compressed body is no JSON

    # Time.
    async_delay: AsyncDelay = AsyncDelay()
    latency: Seconds = 0  # from the work done to its answer, for every request
    ms_created_at: Literal["literal", "normalise"] = "literal"
    deletions_in_order: bool = True  # off: one waits for its own time, and what was accepted after it may go with it
    deletion_erases: Literal["all", "profile"] = "all"  # all: its events and purchases too

    # What is refused, and how much goes with it.
    track_unknown_user: Literal["not_found", "create_on_email", "create"] = "create_on_email"
    type_mismatch_in_bulk: Literal["whole_request", "per_item"] = "whole_request"  # per item: users only
    no_identity_in_bulk: Literal["item", "whole_request"] = "item"
    bad_event_id: Literal["item", "whole_request"] = "whole_request"
    email_only_in_user_id_project: Literal["invalid", "no_identity"] = "invalid"
    unknown_user_id_list: Literal["not_found", "invalid"] = "not_found"  # bulkUpdate in an email project
    null_optionals: Literal["accept", "reject"] = "accept"
    create_new_fields_in_track_bulk: bool = True  # off: a bulk event's createNewFields is not looked at
    disallowed_counts_as_fail: bool = True
    unknown_subscriber: Literal["not_found", "ignored"] = "not_found"  # of a list; ignored: counts as taken
    subscriptions_of_unknown_user: Literal["create", "not_found"] = "create"
    unknown_deletion: Literal["error", "success"] = "error"
    update_email_elsewhere: Literal["refuse", "take"] = "refuse"  # in a project that is not email-based
    update_to_same_email: Literal["taken", "refused", "success"] = "taken"
    merge_keeps: Literal["destination", "source"] = "destination"  # of two values of a field

    # Types.
    infer_dates: bool = True
    double_into_long: Literal["clash", "coerce"] = "clash"
    scalar_into_string: Literal["clash", "coerce"] = "coerce"

    # The wording of answers.
    echo_email_case: Literal["as_sent", "lower"] = "as_sent"
    dedupe_failure_lists: bool = False
    failed_updates: bool = True  # off: bulk answers as in 2022, without failedUpdates, createdFields, filteredOutFields
    extra_response_fields: Mapping[str, JsonValue] = field(default_factory=dict)  # joined to every bulk 200
    empty_users: Literal["zeros", "legacy_400"] = "zeros"
    legacy_error_params: bool = False  # BadJsonBody as in 2022: its msg echoes body and API key
    legacy_unknown_user_id: bool = False  # byUserId as in 2017: text/plain
    event_category: str = "customEvent"  # in validationErrors
    validation_error_prefix: str = ""  # seen: "my_project_etl:::"
    type_mismatch_status: Literal[400, 500] = 400
    forgotten_status: Literal[400, 409] = 409
    taken_email_status: Literal[400, 409] = 400  # EmailAlreadyExists or ExternalKeyConflict
    identity_codes: Literal["own", "bad_params"] = "own"  # of what is refused a change: or words alone say why
    unknown_user_code: Literal["BadParams", "UnknownUser"] = "BadParams"  # of changes of identity; else by the id
    invalid_list_code: str = "Success"  # as seen, of a 400
    retry_after_header: bool = False
    rate_limit_params: frozenset[EndpointName] = frozenset({"bulkUpdate", "update"})  # whose 429 says when to retry
    rate_limit_params_as_strings: bool = False
    key_type_in_refusal: bool = True  # whether one of a key that is known, but may not, says of what type it is
    wrong_key_type_status: Literal[401, 403] = 401  # both are documented

    chaos: ChaosSettings = field(default_factory=ChaosSettings)

    def __post_init__(self) -> None:
        object.__setattr__(self, "forgotten_emails", frozenset(map(str.lower, self.forgotten_emails)))

    def cap_of(self, endpoint: EndpointName) -> int | None:
        """Requests in 24 hours; None is no limit."""
        return self.daily_cap.get(endpoint, DAILY_CAPS.get(endpoint)) or None

    def rate_of(self, endpoint: EndpointName) -> float | None:
        """Requests per second; None is no limit."""
        if self.rate is None:
            return None
        return self.rate.get(endpoint, DOCUMENTED_RATES[endpoint]) or None

    def burst_of(self, endpoint: EndpointName) -> float:
        """The tokens of a full bucket: never less than one request's."""
        return self.burst.get(endpoint) or max(1.0, self.rate_of(endpoint) or 1.0)


_adapter = TypeAdapter(Settings)
_NAMES = [each.name for each in fields(Settings)]


def load_settings(switches: Mapping[str, Any], over: Settings | None = None) -> Settings:
    """`over` (or the defaults) with these switches set, each as a whole.

    Raises:
      ValueError: unknown names and wrong values, all of them in one message.
    """
    unknown = [_unknown(name) for name in switches if name not in _NAMES]
    if unknown:
        raise ValueError("\n".join(unknown))
    try:
        return _adapter.validate_python({**(dump_settings(over) if over else {}), **switches})
    except ValidationError as error:
        raise ValueError(describe(error)) from None


def dump_settings(settings: Settings) -> dict[str, Any]:
    """As JSON types; `load_settings` reads it back."""
    dumped: dict[str, Any] = _adapter.dump_python(settings, mode="json")
    return dumped


def describe(error: ValidationError) -> str:
    """One line per problem: where, then what. An API key in the path is not shown."""
    return "\n".join(f"{_place(each['loc'])}: {each['msg']}" for each in error.errors())


def _place(path: tuple[int | str, ...]) -> str:
    if path[:1] == ("keys",) and len(path) > 1:
        path = ("keys", "*", *path[2:])
    return ".".join(map(str, path))


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, _NAMES, n=1)
    return f"{name}: no such switch" + (f"; did you mean {close[0]}?" if close else f"; there are {', '.join(_NAMES)}")
