# SPDX-License-Identifier: Apache-2.0
import re
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest

from pipeline.config.loader import load_config
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.runs.chunk_time import CHUNK_SECONDS, end_of_chunks
from pipeline.sources.source import NewChunkEnd, anywhere
from transforms.model.items import Message, Resumed

CONFIG = """
name: Shop
status: enabled
destination: {api_key: "env:KEY", project_type: user_id}
send_events:
  enabled: true
  events:
    - {event: Order Completed, send_as: purchase, items: {property: products, each: "*"}}
    - "*"
calls:
  - event: Erasure Requested
    call: users/forget
    confirm: forgets users in Iterable for good
    where: [{property: event_properties.sure, operator: is, value: "yes"}]
"""
PRODUCT = {"id": "7", "name": "Mug", "price": 4.5, "quantity": 2}


def ends_of(folder: Path, text: str = CONFIG, share: float = 1.0, max_messages: int = 10_000) -> NewChunkEnd:
    (folder / "sync.yaml").write_text(text)
    config = load_config(str(folder / "sync.yaml")).config
    return end_of_chunks(rules_of(config), sender_settings_of(config, None, share).rules.operations, max_messages)


def message_of(event_type: str, resumed: Resumed | None = None, **properties: object) -> Message:
    row = {"event_type": event_type, "event_time": "2026-01-05 10:00:00", "user_id": "u", "insert_id": "1"}
    return Message(orjson.dumps({**row, "event_properties": properties}), {}, "1", 0.0, resumed)


ERASURE = message_of("Erasure Requested", sure="yes")
ORDER = message_of("Order Completed", products=[PRODUCT])
OTHERS = (
    message_of("Song Played"),
    message_of("Erasure Requested", sure="no"),
    message_of("Order Completed"),
    Message(b"no event", {}, "1", 0.0),
)


def length_of(new_chunk_end: NewChunkEnd, messages: Iterable[Message]) -> int | None:
    """Of the chunk that ends with one of them."""
    ends_with = new_chunk_end()
    return next((number for number, message in enumerate(messages, 1) if ends_with(message)), None)


@pytest.mark.parametrize(
    ("message", "share", "length"), [(ERASURE, 1.0, 3), (ERASURE, 0.1, 0.3), (ORDER, 1.0, 20), (ORDER, 0.5, 10)]
)
def test_a_chunk_ends_with_what_its_slowest_operation_takes_in_half_a_minute(
    tmp_path: Path, message: Message, share: float, length: float
) -> None:
    """At the rate that the run keeps, and the next chunk in the same way."""
    ends = ends_of(tmp_path, share=share)

    for _ in range(2):
        assert length_of(ends, [message] * 10_000) == CHUNK_SECONDS * length


def test_operations_go_beside_each_other(tmp_path: Path) -> None:
    """Their seconds are not added up; and what is no single request takes none."""
    mixed = [ORDER, ERASURE, *OTHERS] * 2_000

    assert length_of(ends_of(tmp_path), mixed) == (3 * CHUNK_SECONDS - 1) * len([ORDER, ERASURE, *OTHERS]) + 2
    assert length_of(ends_of(tmp_path), OTHERS * 10_000) is None


def test_what_waited_counts_by_the_part_that_goes_again(tmp_path: Path) -> None:
    """Of an event that is sent, too, the call may be done."""
    done = message_of("Erasure Requested", Resumed("track", 1, 1, 0.0), sure="yes")

    assert length_of(ends_of(tmp_path), [done] * 10_000) is None


def test_a_sync_without_single_requests_looks_at_no_message(tmp_path: Path) -> None:
    """Nor one whose chunks take no longer however full they are."""
    without = re.sub(r"calls:.*|, send_as.*?}", "", CONFIG, flags=re.DOTALL)

    assert ends_of(tmp_path, without) is anywhere
    assert ends_of(tmp_path, max_messages=90) is anywhere
    assert ends_of(tmp_path, max_messages=91) is not anywhere


def test_a_message_that_nobody_thought_of_is_left_to_its_chunk(tmp_path: Path) -> None:
    """There it is found by narrowing; here it would end the run."""
    bad = Message(None, {}, "1", 0.0)  # type: ignore[arg-type]

    assert length_of(ends_of(tmp_path), [bad, *[ERASURE] * 90]) == 91
