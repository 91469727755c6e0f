# SPDX-License-Identifier: Apache-2.0
"""A value as one of Iterable's own fields takes it: their types, and where they stand in a body. Knows no event."""

from collections.abc import Callable
from typing import Any

from transforms.iterable.operation import FieldType, Operation
from transforms.mapping.conversions import convert
from transforms.mapping.identity import Identity, is_email, is_user_id
from transforms.model.errors import RejectedError
from transforms.model.reasons import Reason
from transforms.model.user_keys import USER_ID


def as_field(value: Any, type_name: FieldType) -> Any:
    """`value`, which is no null. Raises ValueError: it is not possible; the text does not hold the value."""
    return _TO_FIELD[type_name](value)


def take_field(value: Any, type_name: FieldType, reason: Reason, *place: object) -> Any:
    """The same. Raises RejectedError: for `reason`, which tells the place."""
    try:
        return as_field(value, type_name)
    except ValueError:
        raise RejectedError(reason, f"{': '.join(map(str, place))} is not {TOLD[type_name]}") from None


def put(body: dict[str, Any], name: str, value: Any) -> None:
    """Under that name, whose dots are objects."""
    *holders, last = name.split(".")
    for holder in holders:
        body = body.setdefault(holder, {})
    body[last] = value


def with_user(operation: Operation, identity: Identity, prefer_user_id: bool, fields: dict[str, Any]) -> dict[str, Any]:
    """The body: the user stands where the operation has it."""
    user: dict[str, Any] = {operation.user[identity.by]: identity.email or identity.user_id}
    if operation.creates_users and prefer_user_id and identity.by == USER_ID:
        user["preferUserId"] = True
    if not operation.user_in:
        return user | fields
    name = operation.user_in.removesuffix("[]")
    return {name: [user] if name != operation.user_in else user} | fields


def _text(value: Any) -> str:
    if isinstance(value, bool | dict | list):
        raise ValueError("no text")
    return str(convert(value, "string"))


def _email(value: Any) -> str:
    if not isinstance(value, str) or not is_email(value):
        raise ValueError("no email address that Iterable takes")
    return value


def _user_id(value: Any) -> str:
    text = _text(value)
    if not is_user_id(text):
        raise ValueError("no userId that Iterable takes")
    return text


def _integers(value: Any) -> list[int]:
    return [convert(one, "integer") for one in _listed(value)]


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in _listed(value)]


def _listed(value: Any) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    if None in values:
        raise ValueError("null among them")
    return values


_TO_FIELD: dict[FieldType, Callable[[Any], Any]] = {
    "text": _text,
    "texts": _texts,
    "email": _email,
    "userId": _user_id,
    "integer": lambda value: convert(value, "integer"),
    "integers": _integers,
    "number": lambda value: convert(value, "number"),
    "boolean": lambda value: convert(value, "boolean"),
}
TOLD: dict[FieldType, str] = {
    "text": "text",
    "texts": "a list of texts",
    "email": "an email address",
    "userId": "a userId",
    "integer": "a whole number",
    "integers": "a list of whole numbers",
    "number": "a number",
    "boolean": "true or false",
}
