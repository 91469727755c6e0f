# SPDX-License-Identifier: Apache-2.0
"""One process at a time: a lock that ends with the process which holds it, however that ends. Knows no config."""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from transforms.model.errors import FatalError


@contextlib.contextmanager
def try_lock(path: str, *, is_kept: bool = True) -> Iterator[bool]:
    """Whether this process holds the lock at `path` inside the block. The file is empty; `is_kept` when all is over.

    Raises:
      FatalError: it cannot be locked.
    """
    try:
        lock, is_ours = _lock(path)
    except OSError as error:
        raise FatalError(f"the lock {path} cannot be taken: {error.strerror}") from error
    try:
        yield is_ours
    finally:
        if is_ours and not is_kept:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
        os.close(lock)


def _lock(path: str) -> tuple[int, bool]:
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), os.lstat(path)):
                return lock, True
        except BlockingIOError:
            return lock, False
        except FileNotFoundError:  # who held it has removed it: the next one would lock another file
            pass
        except OSError:
            os.close(lock)
            raise
        os.close(lock)


@contextlib.contextmanager
def only_run(name: str, path: str, share: float = 1.0) -> Iterator[None]:
    """Hold the lock at `path` of the sync `name`: two runs would share the limits without knowing.

    A run that takes but a `share` of the limits has a lock of its own: it knows that it is not alone.

    Raises:
      FatalError: another process holds it, or it cannot be locked.
    """
    with try_lock(path) as is_ours:
        if not is_ours:
            if share < 1:
                raise FatalError(f"another run of {name!r} with a --share is under way on this machine: one may be")
            raise FatalError(f"another run of {name!r} is under way on this machine; add --share 30% to run beside it")
        yield
