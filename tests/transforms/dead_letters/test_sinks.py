# SPDX-License-Identifier: Apache-2.0
import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest

from transforms.dead_letters.letter import DeadLetter, from_line
from transforms.dead_letters.sink import DeadLetterSink
from transforms.dead_letters.sinks import SINKS, make_sink
from transforms.model.errors import FatalError
from transforms.model.items import Message

LETTER = DeadLetter(b"{}", {"dl_reason": "expired"}, "m-1", 12.5)
TOPIC = "projects/p/topics/letters"


class TableSink(DeadLetterSink):
    """A third kind of place."""

    def __init__(self, table: str, overflow: str) -> None:
        self.rows: list[tuple[str, DeadLetter]] = []
        self._table = table

    def write(self, letters: Sequence[DeadLetter]) -> None:
        self.rows += [(self._table, letter) for letter in letters]


def test_a_file_and_a_topic(tmp_path: Path) -> None:
    """What follows the scheme is the name, whatever it holds."""
    path = tmp_path / "file:with:colons"

    make_sink(f"file:{path}").write([LETTER])

    assert from_line(path.read_bytes()) == Message(*LETTER)
    assert (make_sink(f"file:{path}").topic, make_sink(f"topic:{TOPIC}").topic) == ("", TOPIC)


@pytest.mark.parametrize("place", ["table:p.d.t", TOPIC, ""])
def test_a_place_without_a_sink_is_fatal(place: str) -> None:
    """The line says which there are."""
    with pytest.raises(FatalError) as caught:
        make_sink(place)

    assert str(caught.value).startswith(f"dead letters cannot be kept in {place!r}: ")
    assert str(caught.value).endswith(" is none of topic, file")


def test_a_third_sink_is_a_row_and_its_class() -> None:
    """It needs to write; that it is always there and feeds nothing is what most sinks answer."""
    sink = make_sink("table:p.d.t", sinks={**SINKS, "table": TableSink})

    sink.check()
    sink.write([LETTER])

    message = Message(*LETTER)
    assert isinstance(sink, TableSink)
    assert (sink.rows, sink.topic, sink.not_ours(message)) == ([("p.d.t", LETTER)], "", message)


@pytest.mark.parametrize("place", ["file:letters.jsonl", f"topic:{TOPIC}"])
def test_a_sink_travels_to_the_workers(place: str) -> None:
    """It is pickled into the job."""
    sink = make_sink(place)

    assert pickle.loads(pickle.dumps(sink)).topic == sink.topic
