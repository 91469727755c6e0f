"""The sender of a bounded run: the whole chunk is collected before anything is sent. Knows no URL and no answer."""

import time
from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.pvalue import PCollection

from transforms.item_codec import decode_entries
from transforms.lists import Records
from transforms.outbox import Outbox
from transforms.sender import SenderSettings, chunk_delivery, sent_values


class SendCollected(beam.PTransform):
    """(shard, blob) of one chunk → list[Outcome]. Ends when only items that wait for their user are left.

    Raises FatalError when Iterable refuses the key, OutageError when it takes nothing for minutes.
    """

    def __init__(self, settings: SenderSettings) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, blobs: PCollection) -> PCollection:
        return blobs | "Collect" >> beam.GroupByKey() | "Post" >> beam.ParDo(_SendCollectedFn(self._settings))


class _SendCollectedFn(beam.DoFn):
    def __init__(self, settings: SenderSettings) -> None:
        self._settings = settings

    def process(self, shard: tuple[int, Iterable[bytes]]) -> Iterator[Records]:
        outbox = Outbox(self._settings.rules, sent_values(self._settings))
        for blob in shard[1]:
            for item, _ in decode_entries(blob):
                outbox.add(item, time.time())
        outcomes = chunk_delivery(self._settings).run(outbox, flush=True)
        yield Records(outcomes + outbox.take_waiting())
