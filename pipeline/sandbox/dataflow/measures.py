# SPDX-License-Identifier: Apache-2.0
"""What workers did, counted: bytes, seconds, holds of the watermark, faults and failures. Knows no bundle's content."""

import math
import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from apache_beam.utils.timestamp import MIN_TIMESTAMP

from pipeline.sandbox.dataflow.state import BundleState
from pipeline.sandbox.dataflow.timers import SetTimer


@dataclass
class Measures:
    """Since it was made. Used under a lock."""

    arrived_bytes: int = 0  # of elements for the keyed step, repeats included
    bundles: Counter[str] = field(default_factory=Counter)  # by stage
    read_bytes: int = 0
    written_bytes: int = 0
    most_bytes_in_a_bundle: int = 0  # read and written
    largest_write: int = 0  # bytes appended to one cell at once
    longest_seconds: float = 0.0  # of a bundle of the keyed step
    fired: Counter[str] = field(default_factory=Counter)  # timers, by family
    holds: int = 0  # timers set
    holds_at_minus_infinity: int = 0
    oldest_hold_seconds: float = 0.0  # between the hold and its being set, of those at a time
    faults: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)  # bundles that raised, by the last line

    @property
    def amplification(self) -> float:
        """Bytes of state read and written for each byte that came."""
        return (self.read_bytes + self.written_bytes) / self.arrived_bytes if self.arrived_bytes else math.nan

    def count_state(self, state: BundleState) -> None:
        self.read_bytes += state.read
        self.written_bytes += state.written
        self.most_bytes_in_a_bundle = max(self.most_bytes_in_a_bundle, state.read + state.written)
        self.largest_write = max(self.largest_write, state.largest_write)

    def count_holds(self, told: Iterable[SetTimer]) -> None:
        for _, timer in told:
            if timer.clear_bit:
                continue
            self.holds += 1
            if timer.hold_timestamp <= MIN_TIMESTAMP:
                self.holds_at_minus_infinity += 1
            else:
                self.oldest_hold_seconds = max(self.oldest_hold_seconds, time.time() - float(timer.hold_timestamp))

    def count_failure(self, stage: str, error: Exception) -> None:
        lines = str(error).strip().splitlines() or [""]
        self.failures[f"{stage}: {re.sub('0x[0-9a-f]+', '…', lines[-1])[:150]}"] += 1

    def lines(self) -> list[str]:
        """For a person."""
        state = f"read {self.read_bytes:,} B, written {self.written_bytes:,} B, {self.amplification:.1f} × what came"
        most = f"most in a bundle {self.most_bytes_in_a_bundle:,} B, largest write {self.largest_write:,} B"
        holds = f"{self.holds_at_minus_infinity:,} of {self.holds:,} hold the watermark at minus infinity"
        return [
            f"bundles: {_counted(self.bundles)}; longest of the keyed step {self.longest_seconds:.1f} s",
            f"state: {state}; {most}",
            f"timers set: {holds}, the oldest other hold is {self.oldest_hold_seconds:.1f} s old",
            f"fired: {_counted(self.fired)}",
            f"faults: {_counted(self.faults)}",
            f"failures: {_counted(self.failures)}",
        ]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"
