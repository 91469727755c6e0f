# SPDX-License-Identifier: Apache-2.0
"""What a run asks of where its dead letters are kept. Knows no such place."""

from collections.abc import Sequence
from typing import Protocol

from transforms.dead_letters.letter import DeadLetter
from transforms.model.items import Message


class DeadLetterSink(Protocol):
    """Where dead letters go; pickled into the job. Whoever inherits it has what most of them answer."""

    topic: str = ""  # of Pub/Sub, if they go to one: what it feeds must not be what is read

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Returns once they are safe. Raises FatalError if they are not: then nothing of the chunk is acknowledged."""

    def check(self, is_used_here: bool = True) -> None:  # noqa: ARG002
        """Raises FatalError if it is certain that nothing can be kept; changes nothing.

        Args:
          is_used_here: or by workers elsewhere, with credentials of their own.
        """
        return

    def not_ours(self, message: Message) -> Message:
        """The message; a Select. Raises FatalError if it was written here: then that would never end."""
        return message
