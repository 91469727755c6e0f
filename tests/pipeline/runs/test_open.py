# SPDX-License-Identifier: Apache-2.0
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.arguments import parse_options
from pipeline.config.loader import LoadedConfig, load_config
from pipeline.run_options import RunOptions
from pipeline.runs.open import SOURCES, Opening, open_source
from pipeline.sources.files import FilesSource
from pipeline.sources.in_order import InOrder
from pipeline.sources.source import Key, Source
from transforms.model.errors import FatalError
from transforms.model.items import Message

CONFIG = Path(__file__).parents[3] / "configs" / "minimal.yaml"


@dataclass(frozen=True)
class Log:
    """The input of a third source: a log with offsets, as Kafka's."""

    records: tuple[bytes, ...]


class LogSource(Source):
    """Chunks of two."""

    def __init__(self, log: Log, opening: Opening) -> None:
        self._left = list(enumerate(log.records))
        self._tag = opening.loaded.config.name
        self.in_order = InOrder(0)

    def take(self, seconds: float) -> list[Message]:
        chunk, self._left = self._left[:2], self._left[2:]
        messages = [Message(record, {}, str(offset), 0.0) for offset, record in chunk]
        self.in_order.take([message.message_id for message in messages], chunk[-1][0] + 1)
        return messages

    @property
    def has_more(self) -> bool:
        return bool(self._left)

    @property
    def is_exhausted(self) -> bool:
        return not self._left

    def settle(self, message_ids: Collection[str], waiting: Collection[Message], done: Collection[Key] = ()) -> None:
        self.in_order.close(message_ids)

    def finish(self, waiting: Collection[Message]) -> None:
        pass


@pytest.fixture
def loaded() -> LoadedConfig:
    return load_config(str(CONFIG))


@pytest.fixture
def options(tmp_path: Path) -> RunOptions:
    """A run of one file of one row."""
    (tmp_path / "rows").write_bytes(b"{}\n")
    return parse_options(
        [f"--config={CONFIG}", f"--input_files={tmp_path / 'rows'}", f"--dead_letter_file={tmp_path / 'dead'}"]
    )


def of(options: RunOptions, read: Any) -> RunOptions:
    return replace(options, input=read)


def test_files_are_read(options: RunOptions, loaded: LoadedConfig) -> None:
    """By the source of files, with a checkpoint."""
    with closing(open_source(Opening(options, loaded))) as source:
        assert isinstance(source, FilesSource)
        assert [message.data for message in source.take(0.0)] == [b"{}"]
        assert source.comes_again == "the same command begins anew"


def test_its_chunks_end_where_the_run_says(tmp_path: Path, options: RunOptions, loaded: LoadedConfig) -> None:
    """Before they are full."""
    (tmp_path / "rows").write_bytes(b"{}\n{}\n")

    with closing(open_source(Opening(options, loaded, new_chunk_end=lambda: lambda _: True))) as source:
        assert len(source.take(0.0)) == 1


def test_an_input_without_a_source_is_fatal(options: RunOptions, loaded: LoadedConfig) -> None:
    """The line says which there are."""
    with pytest.raises(FatalError) as caught:
        open_source(Opening(of(options, Log(())), loaded))

    assert str(caught.value) == "there is no source for the input Log, only for Subscription, Files"


def test_a_third_source_is_a_row_and_its_class(options: RunOptions, loaded: LoadedConfig) -> None:
    """What a source of offsets needs beside taking is there: how far it is settled, in whatever order."""
    opening = Opening(of(options, Log((b"a", b"b", b"c"))), loaded)

    source = open_source(opening, {**SOURCES, Log: LogSource})

    assert isinstance(source, LogSource)
    first, second = source.take(0.0), source.take(0.0)
    source.settle([message.message_id for message in second], [])
    assert (source.in_order.mark, source.share_settled) == (0, None)
    source.settle([message.message_id for message in first], [])
    source.set_aside([])
    source.hurry()
    source.close()
    assert source.in_order.mark == 3
