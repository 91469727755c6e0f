# SPDX-License-Identifier: Apache-2.0
"""Which rows the page has, and which of them somebody looks for."""

import json

import pytest

from pipeline.config.model import Mappings
from pipeline.serve.sample import Sample, take_sample
from tests.pipeline.preview.shop import ROWS, event
from transforms.model.items import Message


def messages(rows: tuple[object, ...] = ROWS) -> list[Message]:
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return [Message(text.encode(), {}, f"rows.jsonl:{number}", 0.0) for number, text in enumerate(texts, start=1)]


def test_a_sample_is_bounded_in_rows_and_in_bytes_and_says_so() -> None:
    """It reads one row more than it takes, and has one at the least."""
    rows = iter(messages())
    size = len(messages()[0].data) + len(messages()[1].data)

    assert take_sample(rows, max_rows=3) == Sample(tuple(messages()[:3]), is_all=False)
    assert next(rows) == messages()[4]
    assert take_sample(messages(), max_rows=len(ROWS)) == Sample(tuple(messages()), is_all=True)
    assert take_sample(messages(), max_bytes=size) == Sample(tuple(messages()[:2]), is_all=False)
    assert len(take_sample(messages(), max_bytes=1).messages) == 1
    assert take_sample([]) == Sample((), is_all=True)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("event=Song Played", [5, 6]),
        ("user=user-2", [12]),
        ("event_properties.total=12.5", [1]),
        ("song played", [5, 6]),
        ("EXPRESS", [4]),
        ('"total":12', [0, 1]),
        ("NO JSON", [13]),
        ("ÜRÜN", [14]),
        ('say "hi"', [14]),
        ("utm=x", [14]),
        ("nowhere", []),
    ],
)
def test_rows_are_found_by_event_user_path_or_any_text(query: str, found: list[int]) -> None:
    """In whatever case, with letters that the sender escaped; what is no condition is a text."""
    odd = event('ürün say "hi" ?utm=x')
    sample = take_sample(messages((*ROWS, odd)))

    assert sample.find(query, Mappings()) == found


def test_events_are_counted_by_name() -> None:
    """The most frequent first; what is no event has none."""
    assert list(take_sample(messages()).event_types().items())[:3] == [
        ("Order Completed", 5),
        ("$identify", 3),
        ("Song Played", 2),
    ]
