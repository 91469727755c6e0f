"""One run of a sync at a time on this machine: two would share the limits without knowing. Knows no config."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

from transforms.errors import FatalError


@contextlib.contextmanager
def only_run(name: str, url: str, share: float = 1.0) -> Iterator[None]:
    """Hold the lock of the sync `name` to the Iterable at `url`; it ends with the process, however that ends.

    A run that takes but a `share` of the limits has a lock of its own: it knows that it is not alone.

    Raises:
      FatalError: another process holds it.
    """
    kind = "a share" if share < 1 else "all"
    key = hashlib.sha256(f"{name}\n{url}\n{kind}".encode()).hexdigest()[:16]
    path = pathlib.Path(tempfile.gettempdir(), f"amplitude-to-iterable-{os.getuid()}-{key}.lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            advice = "" if share < 1 else "; --share 30% runs beside it"
            raise FatalError(f"another run of {name!r} is under way on this machine{advice}") from None
        yield
