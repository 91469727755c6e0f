# SPDX-License-Identifier: Apache-2.0
"""`a2i` with Iterable's limits out of the way, which no config can say.

The one place that takes the pace away, and only to find out how fast a run could be.
"""

from pipeline.cli.a2i import main
from pipeline.cli.app import exit_now
from transforms.delivery.pacing import EvenPace


def _take_no_time(self: EvenPace, endpoint: str, now: float) -> None:
    """The next request may leave at once."""


if __name__ == "__main__":
    EvenPace.take = _take_no_time  # type: ignore[method-assign]
    exit_now(main())
