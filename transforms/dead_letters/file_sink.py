# SPDX-License-Identifier: Apache-2.0
"""Dead letters in a file, which has room for any. Knows no other sink."""

from collections.abc import Sequence

from transforms.dead_letters.append_file import append_lines
from transforms.dead_letters.letter import DeadLetter, to_line
from transforms.dead_letters.sink import DeadLetterSink
from transforms.model.errors import FatalError


class FileSink(DeadLetterSink):
    """A file of one PubsubMessage JSON per line, appended to."""

    def __init__(self, path: str) -> None:
        self._path = path

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """See DeadLetterSink.write."""
        try:
            append_lines(self._path, b"".join(map(to_line, letters)))
        except OSError as error:
            raise FatalError(f"dead letters cannot be written to {self._path}: {error.strerror}") from error
