# SPDX-License-Identifier: Apache-2.0
"""What a run on this machine asks of its source. Knows none; runs/open.py has them all."""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple, Protocol

from transforms.model.items import Message

Key = tuple[str, str]  # message id and part: of one message both parts may wait


def key_of(message: Message) -> Key:
    return message.message_id, message.resumed.part if message.resumed else ""


class Noted(NamedTuple):
    """What was to be noted, when all was settled up to that chunk."""

    value: Any
    chunk: int


# Told the messages of one chunk as they are taken, each in turn: whether the chunk ends with it, full or not.
ChunkEnd = Callable[[Message], bool]
NewChunkEnd = Callable[[], ChunkEnd]


def anywhere() -> ChunkEnd:
    """A chunk ends where it is full."""
    return lambda _: False


class Source(Protocol):
    """Where messages come from. Message ids are unique in a run. Whoever inherits it has what most of them answer."""

    def take(self, seconds: float) -> list[Message]:
        """The next chunk; empty if nothing came within `seconds`. Raises FatalError if the source cannot be read."""

    @property
    def has_more(self) -> bool:
        """Whether the next chunk is there already."""

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing more is to be expected. Raises FatalError if that cannot be told."""

    def settle(self, message_ids: Collection[str], waiting: Collection[Message], done: Collection[Key] = ()) -> None:
        """These messages must not come again; those that wait now must, if the run ends here.

        Of one message both parts may wait, each as a message of its own with the same id; `done` are those of which the
        other part must come again, but this one must not.
        """

    def finish(self, waiting: Collection[Message]) -> None:
        """The source is exhausted and all is settled but what waits, which must come again in a later run.

        Raises FatalError if that cannot be made sure of.
        """

    def chunk_of(self, message: Message) -> int | None:  # noqa: ARG002
        """The number of the chunk in which it was taken, of a source that goes on from a mark after a kill.

        What is settled of it counts only once `settled_to` is that far, and the message comes again until then; 0: a
        process before this one has taken it. None: it counts at once.
        """
        return None

    @property
    def settled_to(self) -> int | None:
        """The number of the chunk up to which all is settled, 0 for none; None if it keeps no mark."""
        return None

    def note(self, value: Any) -> None:  # noqa: ARG002
        """To be kept with what is settled next: a JSON value, `noted` by the source that goes on."""
        return

    @property
    def noted(self) -> "Noted | None":
        """Of the interrupted run that this goes on with; None if there is none, or it had nothing to note."""
        return None

    @property
    def share_settled(self) -> float | None:
        """The share of it that is settled, 0 to 1, about; what waits is not. None if its end is not known."""
        return None

    @property
    def comes_again(self) -> str:
        """How what is in flight comes again, for a person; to be asked when the run is over."""
        return "its messages are not settled"

    def set_aside(self, message_ids: Collection[str]) -> None:  # noqa: ARG002
        """These are not for this run: they must come again, but not in it."""
        return

    def hurry(self) -> None:
        """`finish` and `close` do not wait any longer for whoever holds the messages."""
        return

    def close(self) -> None:
        """Nothing more is taken or settled."""
        return
