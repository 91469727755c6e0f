# SPDX-License-Identifier: Apache-2.0
"""What a whole config makes of an event, as docs/language.md, mapping.md and operations.md have it.

Slow, plain, and made without a look at how the program does it: what property tests compare with. Read off a config
and an event as their files do; of ids, items and fields of calls it knows as much as tests draw.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests import row_language
from tests.value_language import DeadLetterError, convert, is_none, value_of

Config = dict[str, Any]
Event = dict[str, Any]
MAPPINGS = {"email": "user_properties.email", "user_id": "user_id"}
KNOWN_BY = {"email": ["email"], "user_id": ["user_id"], "hybrid": ["user_id", "email"]}
IN_ITERABLE = {"email": "email", "user_id": "userId"}
_BOTH = ("event_properties", "user_properties")


class EndError(Exception):
    """Nothing is sent, for this reason."""


class _Call(NamedTuple):
    part: str
    fields: dict[str, str]  # name → type
    needs: tuple[str, ...] = ()  # one of these
    user: dict[str, str] = IN_ITERABLE
    user_in: str = ""


_LISTS = dict.fromkeys(("emailListIds", "unsubscribedChannelIds"), "integers")
_CALLS = {
    "users/updateEmail": _Call("update_email", {"newEmail": "email"}, ("newEmail",), {"email": "currentEmail"}),
    "users/updateSubscriptions": _Call("update_subscriptions", _LISTS, tuple(_LISTS)),
    "lists/subscribe": _Call("list_subscribe", {"listId": "integer"}, ("listId",), user_in="subscribers"),
    "users/registerBrowserToken": _Call("register_browser_token", {"browserToken": "text"}, ("browserToken",)),
    "users/delete": _Call("delete_user", {}),
}


def made_of(config: Config, event: Event) -> dict[str, Any]:
    """Part ("user", "track", those of calls) → the body, but for what every event has, or why there is none.

    What is not made at all is not there.
    """
    event = {**event, "user_properties": _applied(event.get("user_properties", {}))}
    halves: list[tuple[str, Callable[[], Any]]] = [
        ("user", lambda: _user_update(config, event)),
        ("track", lambda: _track_event(config, event)),
    ]
    for part, rows in _calls_of(config, event).items():
        halves.append((part, lambda rows=rows: _called(config, event, rows)))  # type: ignore[misc]
    return {part: end for part, make in halves if (end := _ended(make)) is not None}


def _ended(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except EndError as error:
        return str(error)
    except DeadLetterError:
        return "unconvertible_property"


def _applied(properties: dict[str, Any]) -> dict[str, Any]:
    """Of the operators those that a stream can apply: a value, or null."""
    if not {"$set", "$unset"} & properties.keys():
        return properties
    return {**properties.get("$set", {}), **dict.fromkeys(properties.get("$unset", {}))}


def _user_update(config: Config, event: Event) -> Any:
    section = config.get("create_and_update_users", {})
    if event["event_type"] == "$identify":
        holds = all(row_language.holds(clause, event) for clause in section.get("where", []))
        row: Any = {} if holds else "user_where_not_met"
    else:
        row = row_language.updating_row(section, event)
    if not isinstance(row, dict):
        return row
    by, ids = _user(config, event, all_ids=True)
    fields = row_language.fields_with(row, {"user_properties": section.get("user_properties", [])}, event, section)
    if by == "user_id" and ids["email"]:
        fields["email"] = ids["email"]
    brings_email = "user_properties" in str(_mapping(config, "email")) and ids["email"]
    if not fields and not brings_email and not row_language.is_sent_without(section, row):
        raise EndError("nothing_to_send")
    own = {IN_ITERABLE[name]: value for name, value in ids.items() if value and (by == "email" or name == by)}
    merges = config["destination"].get("merge_nested_objects")
    return {**own, "dataFields": fields} | ({} if merges is None else {"mergeNestedObjects": merges})


def _track_event(config: Config, event: Event) -> Any:
    section = config.get("send_events")
    taken = row_language.sending_row(section, event) if section else "events_disabled"
    if event["event_type"] == "$identify" or (taken in _UNNAMED and _calls_of(config, event)):
        return None
    if isinstance(taken, str) or section is None:
        raise EndError(taken)
    row, name = taken
    by, ids = _user(config, event)
    user = {IN_ITERABLE[by]: ids[by]}
    body = {"dataFields": row_language.fields_with(row, section, event, section)}
    campaign = _read(config, "campaign_id", event)
    if campaign != "":
        body["campaignId"] = _field(campaign, "integer", "invalid_campaign_id")
    if "send_as" not in row:
        return {**user, "eventName": name, **body}
    items = [_item(one) for one in _items(row["items"], event, section)]
    if row["send_as"] == "cart":
        return {"user": user, "items": items}
    total = sum(item["price"] * item["quantity"] for item in items)
    if "total" in row:
        total = value_of(_as_row(row["total"]), "", event, {})
    if is_none(total):
        raise EndError("no_value_to_send")
    made = {"user": user, "items": items, "total": _field(total, "number", "invalid_call_field"), **body}
    if not items:
        raise EndError("no_value_to_send")
    return made


_UNNAMED = ("events_disabled", "event_not_selected")


def _items(row: Any, event: Event, section: dict[str, Any]) -> list[Any]:
    handling: dict[str, str] = {key: section[key] for key in ("on_error", "nulls", "dates") if key in section}
    items = value_of(_as_row(row, "property"), "event_properties", event, handling)
    if is_none(items):
        raise EndError("no_value_to_send")
    return list(items)


def _item(value: dict[str, Any]) -> dict[str, Any]:
    types = {"id": "text", "name": "text", "price": "number", "quantity": "integer", "sku": "text"}
    item = {name: _field(value[name], types[name], "invalid_item") for name in types if not is_none(value.get(name))}
    if not {"id", "name", "price", "quantity"} <= item.keys():
        raise EndError("invalid_item")
    others = {name: one for name, one in value.items() if name not in types}
    return item | ({"dataFields": others} if others else {})


def _calls_of(config: Config, event: Event) -> dict[str, list[dict[str, Any]]]:
    """Rows that have its name, by what they make."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in config.get("calls", []):
        if row["event"] == event["event_type"]:
            found.setdefault(_CALLS[row["call"]].part, []).append(row)
    return found


def _called(config: Config, event: Event, rows: list[dict[str, Any]]) -> Any:
    row = next((row for row in rows if all(row_language.holds(one, event) for one in row.get("where", []))), None)
    if row is None:
        raise EndError("where_not_met")
    call = _CALLS[row["call"]]
    by, ids = _user(config, event)
    fields = dict(_fields_of_call(call, row, event))
    if call.needs and not any(name in fields for name in call.needs):
        raise EndError("no_value_to_send")
    if str(fields.get("newEmail", "")).lower() == ids["email"].lower() != "":
        raise EndError("same_user")
    user = {call.user[by] if call.user is not IN_ITERABLE else IN_ITERABLE[by]: ids[by]}
    return fields | ({call.user_in: [user]} if call.user_in else user)


def _fields_of_call(call: _Call, row: dict[str, Any], event: Event) -> Iterator[tuple[str, Any]]:
    for name, source in row.get("fields", {}).items():
        value = value_of(_as_row(source), "", event, {})
        if not is_none(value):
            yield name, _field(value, call.fields[name], "invalid_call_field")


def _field(value: Any, type_name: str, reason: str) -> Any:
    try:
        if type_name == "integers":
            return [convert(one, "integer") for one in (value if isinstance(value, list) else [value])]
        if type_name in ("text", "email"):
            if isinstance(value, bool | list | dict) or (type_name == "email" and not _is_email(value)):
                raise ValueError
            return convert(value, "string")
        return convert(value, type_name)
    except (ValueError, TypeError):
        raise EndError(reason) from None


def _user(config: Config, event: Event, *, all_ids: bool = False) -> tuple[str, dict[str, str]]:
    """By which id the project knows the user, and the ids that are looked up."""
    ids = {"email": "", "user_id": ""}
    for by in KNOWN_BY[config["destination"]["project_type"]]:
        ids[by] = _id(config, by, event)
        if ids[by]:
            break
    else:
        raise EndError("no_identity")
    return by, {name: _id(config, name, event) for name in ids} if all_ids else ids


def _id(config: Config, name: str, event: Event) -> str:
    value = _read(config, name, event)
    if value == "" or (isinstance(value, int) and name == "user_id"):
        return str(value)
    if name == "email" and not _is_email(value):
        raise EndError("invalid_email")
    return str(value)


def _is_email(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[\w.]+@\w+\.[a-z]{2,}", value, re.IGNORECASE))


def _mapping(config: Config, name: str) -> Any:
    return {**MAPPINGS, **config.get("mappings", {})}.get(name)


def _read(config: Config, name: str, event: Event) -> Any:
    source = _mapping(config, name)
    value = value_of(_as_row(source), "", event, {}) if source else ""
    return "" if is_none(value) else value


def _as_row(source: Any, key: str = "path") -> dict[str, Any]:
    return source if isinstance(source, dict) else {key: source}
