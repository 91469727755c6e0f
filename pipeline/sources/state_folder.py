# SPDX-License-Identifier: Apache-2.0
"""The folder of what a sync must remember from one run to the next. Knows what lies where, and none of the contents.

One for each sync and destination: two syncs, or a sandbox and a project, never share anything.
"""

import contextlib
import glob
import hashlib
import os
import re
import stat
import tempfile
import urllib.parse
from collections.abc import Mapping
from typing import Any

import orjson

from transforms.model.errors import FatalError

VERSION = 1
_IDENTITY = "sync.json"
_PORTS = {"http": 80, "https": 443}


def default_parent(environ: Mapping[str, str] = os.environ) -> str:
    """Where the folders of all syncs lie: $A2I_STATE_DIR, else the place that XDG names for state."""
    if place := environ.get("A2I_STATE_DIR"):
        return place
    home = environ.get("XDG_STATE_HOME", "")
    home = home if os.path.isabs(home) else os.path.expanduser("~/.local/state")  # as XDG says of a relative one
    return os.path.join(home, "amplitude-to-iterable")


def files_under(parent: str) -> list[str]:
    """All that lies in the folders of syncs now."""
    return [os.path.join(folder, name) for folder in folders_under(parent) for name in os.listdir(folder)]


def folders_under(parent: str) -> list[str]:
    """Those of syncs."""
    return [os.path.dirname(path) for path in glob.glob(os.path.join(glob.escape(parent), "*", _IDENTITY))]


def host_of(url: str) -> str:
    """Scheme, host and port, equal for all spellings of one; a name and password in it are not for a file."""
    parts = urllib.parse.urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _PORTS.get(parts.scheme)
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


class StateFolder:
    """Of one sync and destination.

    Args:
      parent: holds the folders of all syncs; made if it is not there.
      name: the config's.
      url: where it sends.
      key_reference: where the API key is kept, such as env:NAME: which project it is.
    """

    def __init__(self, parent: str, name: str, url: str, key_reference: str) -> None:
        kind, _, place = key_reference.partition(":")
        key = f"file:{os.path.abspath(place)}" if kind == "file" else key_reference
        self.destination = {"host": host_of(url), "api_key": key}
        self._identity = {"name": name, **self.destination}
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].rstrip("-") or "sync"
        self.path = os.path.join(os.path.abspath(parent), f"{slug}-{_hash_of(self._identity)}")

    @property
    def waiting(self) -> str:
        """Events that wait for their user; the next run takes them up."""
        return self._place("waiting.jsonl")

    @property
    def letters(self) -> str:
        """Dead letters that no topic takes."""
        return self._place("dead_letters.jsonl")

    @property
    def runs(self) -> str:
        """Folder of the records of its runs."""
        return self._place("runs")

    def lock(self, share: float) -> str:
        """Of a run that takes all of the limits, or of one that takes but a share of them."""
        return self._place("run-share.lock" if share < 1 else "run.lock")

    @property
    def waiting_lock(self) -> str:
        """Of the run that has taken up what waits."""
        return self._place("waiting.lock")

    def checkpoint(self, run: Mapping[str, Any]) -> str:
        """Of the run that is known by these values."""
        return self._place(f"checkpoint-{_hash_of(run)}.jsonl")

    def lock_of(self, checkpoint: str) -> str:
        """Of the run that goes on from the file `checkpoint`, wherever that lies."""
        return self._place(f"checkpoint-{_hash_of({'path': os.path.realpath(checkpoint)})}.lock")

    def resumed(self, subscription: str) -> str:
        """Where the messages of a subscription were left."""
        return self._place(f"resumed-{_hash_of({'subscription': subscription})}.jsonl")

    def make(self) -> None:
        """See to it that the folder is there, is of this sync, and that nobody else can look into it.

        Raises:
          FatalError: it is another user's, or another sync's, or cannot be made.
        """
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.path, 0o700)
            self._close_to_others()
            identity = self._read_identity()
            if identity is None:
                identity = self._write_identity()
        except OSError as error:
            problem = f"the state folder {self.path} cannot be used: {error.strerror}"
            raise FatalError(f"{problem}; --state-dir names another place") from error
        if identity != {"version": VERSION, **self._identity}:
            raise FatalError(
                f"the state folder {self.path} is not of this sync, as its {_IDENTITY} says: it was copied by hand, is"
                " damaged, or is of another version. Remove it, or name another place with --state-dir"
            )

    def _close_to_others(self) -> None:
        """What is ours is mended: the modes of a folder say nothing of who may have read it before."""
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            status = os.fstat(folder)
            if status.st_uid != os.geteuid():
                raise FatalError(f"the state folder {self.path} belongs to another user (uid {status.st_uid})")
            if stat.S_IMODE(status.st_mode) != 0o700:
                os.fchmod(folder, 0o700)
            if stat.S_IMODE(os.fstat(folder).st_mode) & 0o077:
                raise FatalError(f"the state folder {self.path} is open to others, and its file system keeps it so")
        finally:
            os.close(folder)

    def _read_identity(self) -> Any:
        try:
            with open(self._place(_IDENTITY), "rb") as file:
                return orjson.loads(file.read())
        except FileNotFoundError:
            return None
        except orjson.JSONDecodeError:
            return {}

    def _write_identity(self) -> dict[str, Any]:
        identity = {"version": VERSION, **self._identity}
        file, path = tempfile.mkstemp(dir=self.path)  # another run may write the same at the same time
        try:
            with open(file, "wb") as stream:
                stream.write(orjson.dumps(identity, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
                stream.flush()
                os.fsync(file)
            os.replace(path, self._place(_IDENTITY))
        except OSError:
            os.remove(path)
            raise
        return identity

    def _place(self, name: str) -> str:
        return os.path.join(self.path, name)


def _hash_of(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]
