"""What a run on this machine asks of its source, beyond the chunk loop. Knows none."""

from collections.abc import Collection
from typing import Protocol

from pipeline.chunk_loop import Source


class RunSource(Source, Protocol):
    """A source, with what a person is told of it."""

    @property
    def done(self) -> float | None:
        """The share of it that is settled, 0 to 1; None if its end is not known."""

    @property
    def comes_again(self) -> str:
        """How what is in flight comes again; to be asked when the run is over."""

    def set_aside(self, message_ids: Collection[str]) -> None:
        """These are not for this run: they must come again, but not in it."""

    def hurry(self) -> None:
        """`finish` and `close` do not wait any longer for whoever holds the messages."""

    def close(self) -> None: ...
