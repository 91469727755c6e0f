# SPDX-License-Identifier: Apache-2.0
"""How far a run of files has come, in a file, so that an interrupted one goes on there. Knows no runner and no sink.

The first line says of which run it is, where that sends to, what it has read and where it stands; each other line is a
message that waited then, as in a file of dead letters.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from pipeline.sources.archives import BEGIN, InputFile, Position
from pipeline.sources.atomic_write import write_whole
from pipeline.sources.source import Noted
from transforms.dead_letters.letter import DeadLetter, from_line, to_line
from transforms.model.errors import FatalError
from transforms.model.items import Message

VERSION = 2
# Version 1 did not note these: its checkpoint is gone on with all the same, since it was named for this run.
_NEW_IN_2 = frozenset({"destination"})


class Checkpoint(NamedTuple):
    """`done_bytes`: of the files, as stored; `waiting`: the messages before `position` that waited.

    `content`: see ReadLines.digest; "" if nothing is known of it, as in a checkpoint of version 1. `noted`: for whoever
    counts what was settled.
    """

    position: Position
    done_bytes: int
    waiting: list[Message]
    content: str = ""
    noted: Noted | None = None


class CheckpointFile:
    """The checkpoint of one run.

    Args:
      run: what must be equal for another process to go on with it, by what a person calls it.
      files: in the order in which they are read.
    """

    def __init__(self, path: str, run: dict[str, Any], files: Sequence[InputFile]) -> None:
        self.path = path
        self._run = run
        self._fingerprints = _fingerprints(files)

    def read(self) -> Checkpoint | None:
        """None if there is none.

        Raises:
          FatalError: it is of another run, or no checkpoint; or what that run has read is not there as it was.
        """
        try:
            with open(self.path, "rb") as file:
                head, *lines = file
            read = orjson.loads(head)
            version, run = read["version"], read["run"]
            if version not in (1, VERSION):
                problem = f"{self.path} is a checkpoint of version {version}; this program reads version {VERSION}"
                raise FatalError(problem)
            waiting = [message for line in lines if (message := from_line(line))]
            content = read["content"] if version == VERSION else ""
            noted = Noted(*read["noted"]) if read.get("noted") else None
            checkpoint = Checkpoint(Position(**read["position"]), read["done_bytes"], waiting, content, noted)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FatalError(f"{self.path} is no checkpoint that can be read ({type(error).__name__})") from error
        if len(waiting) < len(lines):
            raise FatalError(f"{self.path} is no checkpoint that can be read (a line of it is no message)")
        compared = self._run.keys() - (_NEW_IN_2 if version == 1 else frozenset())
        if differing := [name for name, value in self._run.items() if name in compared and run.get(name) != value]:
            names = " and ".join(differing).replace("_", "-")
            raise FatalError(
                f"{self.path} is the checkpoint of an interrupted run with another {names}:"
                " give that run's command again, name another --checkpoint-file, or remove it to begin anew"
            )
        path = checkpoint.position.path
        fingerprint = self._fingerprints.get(path)
        if fingerprint is None or read.get("files", fingerprint) != fingerprint:
            raise self.differs(path)
        return checkpoint

    def differs(self, path: str) -> FatalError:
        """What the interrupted run, which stands in `path`, has read is not there as it was."""
        return FatalError(
            f"the files up to {path}, where the interrupted run stands, are not those that it read: one was added,"
            f" removed or changed. Remove {self.path} to begin anew: what is sent again replaces itself"
        )

    @property
    def host(self) -> str:
        """Where this run sends to."""
        return str(self._run.get("destination", {}).get("host", "the place where this run sends to"))

    def write(
        self,
        position: Position,
        done_bytes: int,
        waiting: Iterable[DeadLetter],
        content: str = "",
        noted: Noted | None = None,
    ) -> None:
        """Raises FatalError if it cannot be kept."""
        head = {
            "version": VERSION,
            "run": self._run,
            "files": self._fingerprints[position.path],
            "position": position._asdict(),
            "done_bytes": done_bytes,
            "content": content,
            "noted": noted and list(noted),
        }
        try:
            write_whole(self.path, [orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE), *map(to_line, waiting)])
        except OSError as error:
            raise FatalError(f"the checkpoint cannot be written to {self.path}: {error.strerror}") from error

    def remove(self) -> None:
        """The run is done."""
        if os.path.exists(self.path):
            os.remove(self.path)


def _fingerprints(files: Sequence[InputFile]) -> dict[str, str]:
    """Of each file, by its path, with all that come before it: their names and sizes."""
    fingerprints = {BEGIN.path: ""}
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.path}\n{file.size}\n".encode())
        fingerprints[file.path] = digest.hexdigest()[:16]
    return fingerprints
