# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with work on Dataflow, seeded. Knows no work."""

import math
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class FaultSettings:
    """None unless asked for."""

    seed: int = 1
    lost_commits: float = 0.0  # share of the bundles: all was done, and nothing of it holds
    repeats: float = 0.0  # share of the elements for the keyed step
    given_out_twice: float = 0.0  # share of its bundles: the work goes to another thread while the first goes on
    kills: int = 0  # of processes, with SIGKILL; then bundles run in processes
    latest_again: float = 0.6  # seconds after which that happens, at most


class Faults:
    """Draws what befalls a bundle or an element; used under a lock."""

    def __init__(self, settings: FaultSettings) -> None:
        self._settings = settings
        self.rng = Random(settings.seed)

    def loses_commit(self) -> bool:
        return self.rng.random() < self._settings.lost_commits

    def copies(self) -> int:
        return 2 if self.rng.random() < self._settings.repeats else 1

    def again_after(self) -> float:
        """Seconds until a bundle's work is given out again; infinite for most."""
        if self.rng.random() >= self._settings.given_out_twice:
            return math.inf
        return self.rng.uniform(0.05, self._settings.latest_again)
