# SPDX-License-Identifier: Apache-2.0
from datetime import datetime, timezone

import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.utils.timestamp import Timestamp
from google.pubsub_v1 import types as pubsub

from pipeline.runs.streaming import read_pulled, to_message
from transforms.model.items import Message


@pytest.mark.parametrize(
    ("published", "expected"), [(datetime(2026, 1, 31, tzinfo=timezone.utc), 1769817600.0), (None, 1234.5)]
)
def test_a_message_without_a_publish_time_is_as_old_as_its_element(published: datetime | None, expected: float) -> None:
    """One that failed here would come again for ever, and all others of the subscription with it."""
    pulled = PubsubMessage(b"{}", {"a": "b"}, "m1", published)  # type: ignore[no-untyped-call]  # Beam's
    wire = pubsub.PubsubMessage.serialize(
        {"data": b"{}", "attributes": {"a": "b"}, "message_id": "m1", "publish_time": published}
    )
    message = Message(b"{}", {"a": "b"}, "m1", expected)

    assert to_message(pulled, Timestamp(1234.5)) == read_pulled(wire, Timestamp(1234.5)) == message
    assert to_message(message) is message
