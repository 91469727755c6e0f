# SPDX-License-Identifier: Apache-2.0
"""An item as the request that a run would send for it alone, and how many requests items make. Sends nothing."""

import math
import re
import shlex
from dataclasses import dataclass

import orjson

from transforms.delivery.batch import Batch, Pending, Record
from transforms.delivery.settings import SenderSettings
from transforms.iterable.operation import Operation
from transforms.model.items import Item

_SECRET = re.compile(r"projects/(.+)/secrets/(.+)/versions/(.+)")


@dataclass(frozen=True)
class Request:
    """`body` byte for byte; the key by its reference alone."""

    url: str
    body: bytes
    key: str  # as in the config: env:NAME, file:PATH, secret:…
    method: str = "POST"

    @property
    def pretty(self) -> str:
        """The body, indented; nothing for none."""
        return "" if not self.body else orjson.dumps(orjson.loads(self.body), option=orjson.OPT_INDENT_2).decode()

    @property
    def curl(self) -> str:
        """A command of a shell that sends it; the key is read when that runs."""
        lines = [
            f"curl -X {self.method} {shlex.quote(self.url)}",
            f'-H "Api-Key: {_key_in_shell(self.key)}"',
            "-H 'Content-Type: application/json'",
            *([f"--data-binary {shlex.quote(self.body.decode())}"] if self.body else []),
        ]
        return " \\\n  ".join(lines)


def request_of(item: Item, settings: SenderSettings) -> Request:
    """By the sender's own batch, with this item alone in it."""
    operation = settings.rules.by_part[item.part]
    batch = Batch(operation, (Record.of(Pending.of(item, queued=0.0)),))
    path, body = batch.target
    return Request(settings.url + path, body, settings.api_key, operation.method)


def requests_needed(items: float, size: float, operation: Operation) -> int:
    """At least so many, of items with so many bytes, commas included."""
    return math.ceil(max(items / operation.max_items, size / (operation.max_bytes - operation.envelope_bytes)))


def _key_in_shell(reference: str) -> str:
    kind, _, place = reference.partition(":")
    if kind == "env":
        return f"${place}"
    if kind == "file":
        return f"$(cat {shlex.quote(place)})"
    match = _SECRET.fullmatch(place)
    project, secret, version = map(shlex.quote, match.groups() if match else ("", place, ""))
    return f"$(gcloud secrets versions access {version} --secret={secret} --project={project})"
