# SPDX-License-Identifier: Apache-2.0
"""Items → (shard, bytes): all items of one user meet in one place. Knows no limit and no endpoint."""

import zlib
from collections import defaultdict
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.pvalue import PCollection

from transforms.delivery.codec import encode_in_blobs
from transforms.elements import Records
from transforms.model.items import Item

# A constant of the graph: state lies under these keys, so changing it means draining the job.
# Enough for 10 requests/s at 0.8 s each, however many workers there are.
STREAMING_SHARDS = 8


def shard_of(identity: str, shards: int) -> int:
    """Equal in every process, unlike hash()."""
    return zlib.crc32(identity.encode()) % shards


class KeyByShard(beam.PTransform):
    """list[Item] → (shard, blob of entries), one per list and shard: state is touched once for each.

    More only where a blob would be larger than MAX_BLOB_BYTES.
    """

    def __init__(self, shards: int) -> None:
        super().__init__()
        self._shards = shards

    def expand(self, items: PCollection) -> PCollection:
        return items | "Key" >> beam.ParDo(_KeyByShardFn(self._shards)).with_output_types(tuple[int, bytes])


class _KeyByShardFn(beam.DoFn):
    def __init__(self, shards: int) -> None:
        self._shards = shards

    def process(self, items: Records) -> Iterator[tuple[int, bytes]]:
        by_shard: defaultdict[int, list[Item]] = defaultdict(list)
        for item in items:
            by_shard[shard_of(item.identity, self._shards)].append(item)
        for shard, members in by_shard.items():
            for blob in encode_in_blobs(members):
                yield shard, blob
