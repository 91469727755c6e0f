# SPDX-License-Identifier: Apache-2.0
"""A file that is replaced as a whole: whenever a process dies, it holds the old lines or the new ones."""

import os
from collections.abc import Iterable


def write_whole(path: str, lines: Iterable[bytes]) -> None:
    """By one process at a time; nobody else may read it. Raises OSError; the old file is still there then."""
    unfinished = f"{path}.part"
    with open(unfinished, "wb", opener=_open_private) as file:
        os.fchmod(file.fileno(), 0o600)  # one that a crash left may have been made by an earlier version
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
