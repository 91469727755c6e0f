# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the files of a command line, those that are read and those that are written. Changes none."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.cli.errors import spelt
from pipeline.sources.archives import find_files
from pipeline.sources.buckets import BUCKETS
from pipeline.sources.own_files import is_among, own_files


@dataclass(frozen=True)
class FileSet:
    """The files of a command line; those that are written by option.

    Args:
      option: which one names what is read.
      read: its patterns.
      appended: a device will do.
      replaced: by a new file in the same folder.
      renewed: options of those that may be among what is read.
      is_read_twice: what is read is looked at before.
    """

    option: str
    read: Sequence[str]
    config: str
    state_dir: str
    appended: Mapping[str, str]
    replaced: Mapping[str, str]
    renewed: frozenset[str] = frozenset()
    is_read_twice: bool = False


def file_problems(files: FileSet) -> Iterator[str]:
    """A line for each."""
    read: list[str] = []
    for pattern in files.read:
        if not pattern.startswith(BUCKETS):
            own = own_files(files.state_dir, **files.appended, **files.replaced)
            found = [file.path for file in find_files([pattern], own)]
            if not found:
                yield f"{spelt(files.option)} {pattern!r} matches no file."
            if irregular := [path for path in found if not os.path.isfile(path) and files.is_read_twice]:
                problem = "is no regular file: a run looks at its files before it reads them."
                yield f"{spelt(files.option)} {irregular[0]!r} {problem}"
            read += found
    yield from _problems_of_written(files, read)
    waiting = files.replaced.get("waiting_file", "")
    if os.path.isfile(waiting) and os.path.getsize(waiting) and not is_among(waiting, read):
        yield f"--waiting-file {waiting!r} holds events of an earlier run: give it as --input-files, or name another."


def _problems_of_written(files: FileSet, read: list[str]) -> Iterator[str]:
    owners = {os.path.realpath(files.config): "config"} if files.config else {}
    for name, path in {**files.appended, **files.replaced}.items():
        place = os.path.realpath(path)
        if not _is_writable(place, is_appended=name in files.appended):
            yield f"{spelt(name)} {path!r} cannot be written."
        if place in owners:
            yield f"{spelt(name)} {path!r} is the file of {spelt(owners[place])}: each needs one of its own."
        owners.setdefault(place, name)
        if name not in files.renewed and is_among(path, read):
            remedy = ": give it to a run, as --input-files" if name == "waiting_file" else ""
            yield f"{spelt(name)} {path!r} is one of the files that are read{remedy}."


def _is_writable(path: str, is_appended: bool) -> bool:
    """What is appended to may be a device; any other file is replaced by a new one in its folder."""
    if is_appended and os.path.exists(path):
        return not os.path.isdir(path) and os.access(path, os.W_OK)
    is_replaceable = os.path.isfile(path) or not os.path.exists(path)
    return is_replaceable and os.access(os.path.dirname(path), os.W_OK)
