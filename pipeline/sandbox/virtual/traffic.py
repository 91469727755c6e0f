# SPDX-License-Identifier: Apache-2.0
"""Messages with what must become of each. Knows no pipeline but what a message is."""

from collections.abc import Mapping
from typing import Any

from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.oracle.under_chaos import ExpectedUnderChaos
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from transforms.model.items import Message

POISON = b"poison"  # so begin messages that crash whatever runs them
SECONDS_BETWEEN = 0.05


class ExpectedOfEach(ExpectedUnderChaos):
    """The same, message by message: number, from 1 → user's identity, or an event's or purchase's id."""

    def __init__(self, chaos: ChaosSettings) -> None:
        super().__init__(chaos)
        self.updates: dict[int, str] = {}
        self.tracks: dict[int, str] = {}

    def update_user(self, identity: str, fields: Mapping[str, Any], time: int) -> None:
        super().update_user(identity, fields, time)
        self.updates[self.messages] = identity

    def track(self, event_id: str, event: dict[str, Any]) -> None:
        super().track(event_id, event)
        self.tracks[self.messages] = event_id

    def purchase(self, purchase_id: str, purchase: dict[str, Any]) -> None:
        super().purchase(purchase_id, purchase)
        self.tracks[self.messages] = purchase_id


def publish(settings: TrafficSettings, expected: ExpectedOfEach, poison: int, start: float) -> list[Message]:
    """Traffic, and after it so many messages that crash; ids are their numbers. `start`: Unix seconds."""
    rows = [(data, dict(attributes)) for data, attributes in Traffic(settings, expected)]
    for number in range(poison):
        rows.append((b"%b %d" % (POISON, number), {}))
        expected.dead_letter("message", "processing_failed")
    return [
        Message(data, attributes, str(number), start + number * SECONDS_BETWEEN)
        for number, (data, attributes) in enumerate(rows, start=1)
    ]
