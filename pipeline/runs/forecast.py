# SPDX-License-Identifier: Apache-2.0
"""A look ahead at a run of files: events, requests, time. From a sample of the rows, through the real rules."""

import math
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from pipeline.config.durations import format_duration
from pipeline.config.loader import LoadedConfig
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.preview.requests import requests_needed
from pipeline.run_options import RunOptions
from pipeline.runs.open import checkpoint_of, files_of
from pipeline.sources.archives import InputFile, Reader
from transforms.dead_letters.letter import from_line
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.waiting import USER_APPLY_SECONDS
from transforms.iterable.operation import Operation, Order
from transforms.iterable.operations import OF_EVERY_SYNC, of_which_there_is
from transforms.mapping.translate import Rules, translate
from transforms.model.items import Item, Message

SAMPLE_ROWS = 10_000
SAMPLE_BYTES = 50_000_000  # unpacked: rows of usual size are fewer than that
SAMPLE_FILES = 10
# Of what a run takes for a row, the rules are about this share; the rest is sending and settling it.
RULES_SHARE = 0.6
MINUTE = 60.0  # less is told of Iterable's limits alone


@dataclass
class Sample:
    """What some of the rows come to: `stored_bytes` of the files, which took `seconds` with the rules."""

    rows: int = 0
    stored_bytes: int = 0
    seconds: float = 0.0
    items: Counter[str] = field(default_factory=Counter)  # by part
    bytes: Counter[str] = field(default_factory=Counter)

    def add(self, item: Item) -> None:
        self.items[item.part] += 1
        self.bytes[item.part] += len(item.body) + 1


def forecast(options: RunOptions, loaded: LoadedConfig) -> str:
    """Lines for a person.

    Raises:
      FatalError: the checkpoint is of another run, or a file cannot be read.
    """
    files = files_of(options, loaded)
    total_bytes = sum(file.size for file in files)
    file = checkpoint_of(options, loaded, files)
    checkpoint = file.read()
    done_bytes = checkpoint.done_bytes if checkpoint else 0
    rules = rules_of(loaded.config, options.times, options.events_only)
    delivery = sender_settings_of(loaded.config, options.iterable_url, options.share).rules
    sample = take_sample(files, rules)
    lines = list(_lines(sample, total_bytes - done_bytes, delivery, options.local.max_wait, is_whole=not done_bytes))
    if checkpoint:
        lines.insert(0, f"Going on from {file.path}: {done_bytes / max(1, total_bytes):.0%} is done.")
    return "\n".join(lines)


def take_sample(files: Sequence[InputFile], rules: Rules) -> Sample:
    """The first rows of files all over the list; all rows if they are few and small."""
    sample = Sample()
    chosen = files if len(files) <= SAMPLE_FILES else files[:: math.ceil(len(files) / SAMPLE_FILES)]
    per_file, bytes_per_file = (max(1, most // max(1, len(chosen))) for most in (SAMPLE_ROWS, SAMPLE_BYTES))
    for file in chosen:
        reader, size = Reader([file]), StoredSize()
        for line in islice(reader, per_file):
            size.add(line, reader.left_out, reader.is_packed)
            began = time.perf_counter()
            text = line.rstrip(b"\r\n")
            if text:
                sample.rows += 1
                for item in translate(rules, from_line(text) or Message(text, {}, "", 0.0)).items:
                    sample.add(item)
            sample.seconds += time.perf_counter() - began
            if size.unpacked_bytes >= bytes_per_file:
                break
        is_whole = next(reader, None) is None
        sample.stored_bytes += file.size if is_whole else size.of(reader.is_packed)
        reader.close()
    return sample


class StoredSize:
    """How many bytes lines take where they are stored.

    Compressed here once more: a reader is ahead of its lines by what it has unpacked, for a small file all of it.
    """

    def __init__(self) -> None:
        self.unpacked_bytes = self._seen_bytes = self._packed_bytes = 0
        self._packer = zlib.compressobj()

    def add(self, line: bytes, left_out: int, is_packed: bool) -> None:
        """What was left out of a line is taken to be like the rest."""
        self.unpacked_bytes += len(line) + left_out
        self._seen_bytes += len(line)
        if is_packed:
            self._packed_bytes += len(self._packer.compress(line))

    def of(self, is_packed: bool) -> int:
        if not is_packed:
            return self.unpacked_bytes
        packed_bytes = self._packed_bytes + len(self._packer.flush())
        return round(packed_bytes * self.unpacked_bytes / max(1, self._seen_bytes))


def _lines(sample: Sample, left_bytes: int, delivery: DeliveryRules, max_wait: float, is_whole: bool) -> Iterator[str]:
    if not sample.stored_bytes:
        yield "Forecast: the files are empty."
        return
    factor = left_bytes / sample.stored_bytes
    is_exact = is_whole and factor == 1
    told = {each.part for each in of_which_there_is(sample.items)}
    operations = [each for each in delivery.operations if each.part in told][::-1]  # events before users
    rows, *items = (round(factor * count) for count in (sample.rows, *(sample.items[each.part] for each in operations)))
    requests = [
        requests_needed(count, factor * sample.bytes[operation.part], operation)
        for count, operation in zip(items, operations, strict=True)
    ]
    seconds = {each: each.seconds_for(count) for each, count in zip(operations, requests, strict=True)}
    at_limits = max(seconds.values())
    here = factor * sample.seconds / RULES_SHARE
    source = "" if is_exact else f", by a sample of {sample.rows:,}"
    about = "" if is_exact else "about "
    made = _listed(operation.counted(count) for count, operation in zip(items, operations, strict=True))
    make = "1 row makes" if rows == 1 else f"{rows:,} rows make"
    yield f"Forecast: {about}{make} {made}{source}."
    capped = (each for each, count in zip(operations, requests, strict=True) if 0 < each.per_day < count)
    limits = _limits(seconds) + "".join(f", {each.counted(each.per_day)} in 24 h" for each in capped)
    line = f"At {limits}, {_requests(requests)} {format_duration(at_limits)}"
    if here > max(at_limits, MINUTE):
        line += f"; this machine takes about {format_duration(here)}"
    waits = list(_waits({each.order for each in operations if sample.items[each.part]}, max_wait))
    yield f"{line}, and up to {_listed(waits)}." if waits else f"{line}."


def _limits(seconds: Mapping[Operation, float]) -> str:
    """Where there is more than what every sync has, numbers alone would not tell of what: the slowest is named."""
    if len(seconds) <= len(OF_EVERY_SYNC):
        return f"{_listed(f'{operation.per_second:g}' for operation in seconds)} requests/s"
    slowest = max(seconds, key=lambda operation: seconds[operation])
    return f"each operation's limit ({slowest.setting} takes longest, {slowest.per_second:g} requests/s)"


def _requests(counts: Sequence[int]) -> str:
    each = " + ".join(f"{count:,}" for count in counts) if len(counts) <= len(OF_EVERY_SYNC) else f"{sum(counts):,}"
    return f"{each} request takes" if each == "1" else f"{each} requests take"


def _waits(orders: set[Order], max_wait: float) -> Iterator[str]:
    """What may come to the time that requests take: how long, and for what."""
    if max_wait and orders - {Order.LATEST_PER_USER}:
        yield f"{format_duration(max_wait)} for events of new users"
    if Order.BARRIER in orders:  # it waits in its place, and its chunk with it
        yield f"{format_duration(USER_APPLY_SECONDS)} for each change of an unknown user, those of one user one by one"


def _listed(texts: Iterable[str]) -> str:
    *others, last = texts
    return " and ".join(filter(None, [", ".join(others), last]))
