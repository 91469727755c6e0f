# SPDX-License-Identifier: Apache-2.0
"""The first steps of a request: its key, its turn, its size. Knows nothing of what a body says."""

import hashlib
import math

from pipeline.sandbox.iterable.responses import Response, envelope, page
from pipeline.sandbox.iterable.simulation import Call, Simulation, WriteCall


def check_key(simulation: Simulation, call: Call) -> Response | None:
    """401 (or what is switched on), unless the key is known, enabled and of a kind that may."""
    params = {"ip": call.remote, "endpoint": call.path}
    text = key_of(call)
    key = simulation.settings.keys.get(text)
    if key is None:
        return envelope(401, "BadApiKey", "Invalid API key", params)
    if key.enabled and key.type in call.endpoint.keys:
        return None
    if simulation.settings.key_type_in_refusal:
        identifier = hashlib.sha256(text.encode()).hexdigest()[:8]
        params |= {"apiKeyIdentifier": identifier, "apiKeyType": key.type}
    if key.enabled and simulation.settings.wrong_key_type_status == 403:
        return envelope(403, "Forbidden", "Insufficient privileges", params)
    return envelope(401, "BadApiKey", "Disabled API key or insufficient privileges", params)


def key_of(call: Call) -> str:
    return call.headers.get("Api-Key") or call.headers.get("Api_Key") or ""


def take_token(simulation: Simulation, call: Call) -> Response | None:
    """429 when the endpoint has no token left, or nothing left of its day."""
    settings, endpoint = simulation.settings, call.endpoint.name
    is_of_key = isinstance(call, WriteCall) and call.endpoint.is_rate_of_key
    wait = simulation.take_token(endpoint, key_of(call) if is_of_key else "")
    if not wait:
        return None
    reset = math.ceil(wait)
    params: dict[str, object] = {}
    if endpoint in settings.rate_limit_params:
        burst = int(settings.burst_of(endpoint))
        params = {"rateLimitLimit": burst, "rateLimitRemaining": 0, "rateLimitReset": reset}
    if settings.rate_limit_params_as_strings:
        params = {name: str(value) for name, value in params.items()}
    rate = float(settings.rate_of(endpoint) or 0)
    where = f"endpoint: {call.path}, project: {settings.project_id} "
    answer = envelope(429, "RateLimitExceeded", f"Exceeded rate limit of {rate} per second for {where}", params)
    return answer._replace(headers={"Retry-After": str(reset)}) if settings.retry_after_header else answer


def check_size(simulation: Simulation, call: WriteCall) -> Response | None:
    """413 (or what is switched on) for too many bytes."""
    settings = simulation.settings
    if len(call.body) <= settings.max_body_bytes:
        return None
    if settings.oversize == "413":
        return page(413, "Request Entity Too Large")
    return envelope(400, "BatchTooLarge", f"The request exceeds the allowed limit of {settings.max_body_bytes} bytes")
