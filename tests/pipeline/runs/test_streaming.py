from datetime import datetime, timezone

import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.utils.timestamp import Timestamp

from pipeline.runs.streaming import to_message
from transforms.model.items import Message


@pytest.mark.parametrize(
    ("published", "expected"), [(datetime(2026, 1, 31, tzinfo=timezone.utc), 1769817600.0), (None, 1234.5)]
)
def test_a_message_without_a_publish_time_is_as_old_as_its_element(published: datetime | None, expected: float) -> None:
    """One that failed here would come again for ever, and all others of the subscription with it."""
    pulled = PubsubMessage(b"{}", {"a": "b"}, "m1", published)  # type: ignore[no-untyped-call]  # Beam's

    assert to_message(pulled, Timestamp(1234.5)) == Message(b"{}", {"a": "b"}, "m1", expected)
