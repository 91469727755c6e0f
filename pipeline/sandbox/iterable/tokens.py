# SPDX-License-Identifier: Apache-2.0
"""users/registerDeviceToken and registerBrowserToken, from apps and browsers alone. Knows no push."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pipeline.sandbox.iterable.judging import Failure, judge_user
from pipeline.sandbox.iterable.refusals import refuse, refuse_params
from pipeline.sandbox.iterable.responses import Response, success
from pipeline.sandbox.iterable.schema import NO_FIELDS
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall, ids_of
from pipeline.sandbox.iterable.users import User

PLATFORMS = ("APNS", "APNS_SANDBOX", "GCM")
DEVICES, BROWSERS = "devices", "browserTokens"  # fields of the profile


def register_device_token(simulation: Simulation, call: WriteCall) -> Response:
    """A token that is known keeps those of its dataFields that are not named."""
    device = call.json["device"]
    if device["platform"] not in PLATFORMS:
        return refuse_params(f"device.platform must be one of {', '.join(PLATFORMS)}")
    return _register(simulation, call, DEVICES, device["token"], partial(_keep_device, device))


def register_browser_token(simulation: Simulation, call: WriteCall) -> Response:
    """A token that is known stays."""
    token = call.json["browserToken"]
    return _register(simulation, call, BROWSERS, token, partial(_keep_browser, token))


def _register(
    simulation: Simulation, call: WriteCall, field: str, token: str, keep: Callable[[User], None]
) -> Response:
    update = judge_user(simulation, call.json, NO_FIELDS, update_only=False)
    if isinstance(update, Failure):
        return refuse(update, simulation.settings)
    user, limit = simulation.store.find(ids_of(call.json)), simulation.settings.max_tokens
    known = user.managed.get(field, []) if user else []
    if len(known) >= limit and token not in map(_token_of, known):
        return refuse_params(f"The user has {limit} {field} already")
    simulation.write_user(update, NO_FIELDS, keep)
    return success()


def _token_of(kept: Any) -> Any:
    return kept["token"] if isinstance(kept, dict) else kept


def _keep_device(device: Mapping[str, Any], user: User) -> None:
    devices = user.managed.get(DEVICES, [])
    before: Mapping[str, Any] = next((each for each in devices if each["token"] == device["token"]), {})
    fields = {**before.get("dataFields", {}), **(device.get("dataFields") or {})}
    others = [each for each in devices if each is not before]
    user.managed[DEVICES] = [*others, {**before, **device, "dataFields": fields}]


def _keep_browser(token: str, user: User) -> None:
    tokens = user.managed.get(BROWSERS, [])
    if token not in tokens:
        user.managed[BROWSERS] = [*tokens, token]
