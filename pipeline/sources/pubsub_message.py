# SPDX-License-Identifier: Apache-2.0
"""Pub/Sub's messages, bare protobuf, as ours: its wrappers take seven times as long. Knows no client and no Beam."""

from typing import Any

from google.pubsub_v1.types import PubsubMessage

from transforms.model.items import Message

_PROTO = PubsubMessage.pb()


def to_message(proto: Any, without_time: float = 0.0) -> Message:
    """One that has no publish time is of `without_time`, Unix seconds."""
    time = proto.publish_time
    published = time.seconds + time.nanos / 1e9 if proto.HasField("publish_time") else without_time
    return Message(proto.data, dict(proto.attributes), proto.message_id, published)


def read_message(wire: bytes, without_time: float) -> Message:
    return to_message(_PROTO.FromString(wire), without_time)
