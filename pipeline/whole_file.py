"""A file that is replaced as a whole: whenever a process dies, it holds the old lines or the new ones."""

import os
from collections.abc import Iterable


def write_whole(path: str, lines: Iterable[bytes]) -> None:
    """Raises OSError; the old file is still there then."""
    unfinished = f"{path}.part"
    with open(unfinished, "wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
