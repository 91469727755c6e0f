"""The sender of a bounded run: the whole chunk is collected before anything is sent. Knows no URL and no answer."""

from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.pvalue import PCollection

from transforms.in_process import Chunk
from transforms.item_codec import decode_entries
from transforms.lists import Records
from transforms.sender import SenderSettings, courier


class SendCollected(beam.PTransform):
    """(shard, blob) of one chunk → list[Outcome]. Ends when only items that wait for their user are left.

    `flush`: no other chunk follows at once, so that a short last batch need not wait for it.

    Raises FatalError when Iterable refuses the key, OutageError when it takes nothing for minutes.
    """

    def __init__(self, settings: SenderSettings, chunk: Chunk, flush: bool = True) -> None:
        super().__init__()
        self._fn = _SendCollectedFn(settings, chunk.key, flush)

    def expand(self, blobs: PCollection) -> PCollection:
        return blobs | "Collect" >> beam.GroupByKey() | "Post" >> beam.ParDo(self._fn)


class _SendCollectedFn(beam.DoFn):
    def __init__(self, settings: SenderSettings, key: int, flush: bool) -> None:
        self._settings = settings
        self._key = key
        self._flush = flush

    def process(self, shard: tuple[int, Iterable[bytes]]) -> Iterator[Records]:
        _, blobs = shard
        items = [item for blob in blobs for item, _ in decode_entries(blob)]
        yield Records(courier(self._settings).deliver(items, self._flush, Chunk.of(self._key).handed_over))
