# SPDX-License-Identifier: Apache-2.0
"""The element of nearly every PCollection here is a list of records; this is how Beam handles one. Knows no record.

Beam's stock coder would be asked for the size of the first ten elements of each PCollection, and would pickle every
record of every list to tell: more work than all of ours.
"""

import pickle
from typing import Any

from apache_beam.coders.coders import Coder
from apache_beam.coders.typecoders import registry
from apache_beam.pvalue import PCollection
from apache_beam.transforms.core import DoFn

ESTIMATED_RECORD_BYTES = 1000  # a row of an Amplitude export; only a runner's statistics use it


class Records(list[Any]):
    """One element: messages, events, items or outcomes."""


class PlainFn(DoFn):
    """A DoFn without state and timers: whoever looks for those finds no method to look at.

    Beam asks for the signature of each, twice for every chunk, and that is more than half of what it takes to run one.
    """

    def __dir__(self) -> list[str]:
        return []


class RecordsCoder(Coder):
    """Pickles a list as a whole: only what crosses a shuffle needs it, within one job."""

    def encode(self, value: Records) -> bytes:
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def decode(self, encoded: bytes) -> Records:
        return Records(pickle.loads(encoded))  # noqa: S301 - what `encode` wrote, in this job

    def estimate_size(self, value: Records) -> int:
        return len(value) * ESTIMATED_RECORD_BYTES

    def is_deterministic(self) -> bool:
        return False


registry.register_coder(Records, RecordsCoder)


def of_records(elements: PCollection) -> PCollection:
    """The same PCollection, known to Beam as one of Records: for tagged outputs, annotations do not tell it."""
    elements.element_type = Records
    return elements
