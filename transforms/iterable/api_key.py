# SPDX-License-Identifier: Apache-2.0
"""Where the API key is: a reference in the config, never the key itself; and a key that is kept for a while."""

import logging
import math
import os
import pathlib
import threading
import time
from collections.abc import Callable, Mapping

from transforms.iterable.secret_manager import read_secret
from transforms.model.errors import FatalError

KEY_SECONDS = 600.0  # then a key that was changed is noticed before the old one is refused
ANYWHERE = "secret"  # the kind of reference that any machine can read

log = logging.getLogger(__name__)


def read_api_key(reference: str) -> str:
    """The key behind `env:NAME`, `file:PATH` or `secret:projects/P/secrets/S/versions/V`.

    Raises:
      FatalError: nothing is there, or it cannot be an HTTP header; the text never holds the key.
    """
    kind, _, place = reference.partition(":")
    if not (read := READERS.get(kind)):
        raise FatalError(f"{kind}: is no kind of reference. Use {', '.join(f'{known}:' for known in READERS)}.")
    key = read(place)
    if not key.isascii() or not key.isprintable() or " " in key:
        raise FatalError(f"what {kind}:{place} holds is no API key: it has blanks or characters that no key has.")
    return key


def check_any_machine_reads(reference: str) -> None:
    """Raises FatalError if the key is kept on one machine: workers elsewhere have neither its variables nor files."""
    kind = reference.partition(":")[0]
    if kind != ANYWHERE:
        raise FatalError(
            f"Dataflow's workers cannot read {kind}: references. Put the key into Secret Manager and write "
            "secret:projects/P/secrets/S/versions/latest."
        )


def _from_variable(name: str) -> str:
    if not (key := os.environ.get(name, "")):
        raise FatalError(f"the environment variable {name} is not set. Put Iterable's server-side API key there.")
    return key


def _from_file(path: str) -> str:
    try:
        key = pathlib.Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FatalError(f"the API key file {path} cannot be read: {type(error).__name__}.") from None
    if not key:
        raise FatalError(f"the API key file {path} is empty.")
    return key


def _from_secret(version: str) -> str:
    if not (key := read_secret(version).strip()):
        raise FatalError(f"the secret {version} is empty. Add a version that holds Iterable's server-side API key.")
    return key


READERS: Mapping[str, Callable[[str], str]] = {"env": _from_variable, "file": _from_file, ANYWHERE: _from_secret}


class KeptKey:
    """A key that is read when it is first needed, and again when it is old; safe for several threads.

    Args:
      read: gives the key, or raises FatalError.
      lasts_seconds: how long it is not read again, unless `expire` is called.
      now: a clock that never steps.
    """

    def __init__(
        self,
        read: Callable[[], str],
        lasts_seconds: float = KEY_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._lasts_seconds = lasts_seconds
        self._now = now
        self._key = ""
        self._until = -math.inf
        self._lock = threading.Lock()  # held while it is read
        self._tried = -math.inf  # when that last began
        self._problem = ""

    def get(self) -> str:
        """The key. One that is in hand goes on while another thread reads it again, and if it cannot be read again.

        Raises:
          FatalError: there is none.
        """
        asked = self._now()
        if self._key and (asked < self._until or self._lock.locked()):
            return self._key
        with self._lock:
            if self._now() < self._until:  # read while this thread waited
                return self._key
            # Who waits shares what came of a try that began since: else one after the other would wait for its own.
            if self._tried < asked:
                self._try()
            if not self._key:
                raise FatalError(self._problem)
            return self._key

    def expire(self) -> None:
        """It is refused: it is read again before it is used again."""
        self._until = -math.inf

    def _try(self) -> None:
        self._tried = self._now()
        try:
            self._key = self._read()
        except FatalError as error:
            self._problem = str(error)
            if not self._key:
                return
            log.warning("The API key could not be read again, and the one in hand goes on: %s", error)
        self._until = self._now() + self._lasts_seconds
