"""What is wrong with the files of a command line, those that are read and those that are written. Changes none."""

import argparse
import os
from collections.abc import Iterator, Sequence

from pipeline.sources.archives import BUCKETS, find_files
from pipeline.sources.own_files import is_among, own_files


def file_problems(ours: argparse.Namespace, option: str, patterns: Sequence[str], sends: bool) -> Iterator[str]:
    """A line for each problem.

    Args:
      ours: the command line.
      option: which one names the files that are read.
      patterns: its values.
      sends: whether there is a run, which writes.
    """
    is_replay = option != "input_files"
    written = _written_by(ours, is_of_files=bool(patterns)) if sends else {}
    read: list[str] = []
    for pattern in patterns:
        if not pattern.startswith(BUCKETS):
            found = [file.path for file in find_files([pattern], own_files(ours.state_dir, **written))]
            if not found:
                yield f"--{option} {pattern!r} matches no file."
            if irregular := [path for path in found if not os.path.isfile(path) and not is_replay]:
                yield f"--{option} {irregular[0]!r} is no regular file: a run looks at its files before it reads them."
            read += found
    yield from _problems_of_written(written, ours.config, read)
    if "waiting_file" in written:
        yield from _waiting_problems(ours.waiting_file, read, is_replay)


def _written_by(ours: argparse.Namespace, is_of_files: bool) -> dict[str, str]:
    """Path by option."""
    names = ("dead_letter_file", "waiting_file", "checkpoint_file") if is_of_files else ("dead_letter_file",)
    return {name: path for name in names if (path := getattr(ours, name, ""))}


def _problems_of_written(written: dict[str, str], config: str, read: list[str]) -> Iterator[str]:
    owners = {os.path.realpath(config): "config"} if config else {}
    for name, path in written.items():
        place = os.path.realpath(path)
        if not _is_writable(place, is_appended=name == "dead_letter_file"):
            yield f"--{name} {path!r} cannot be written."
        if place in owners:
            yield f"--{name} {path!r} is the file of --{owners[place]}: each needs one of its own."
        owners.setdefault(place, name)
        if name != "waiting_file" and is_among(path, read):
            yield f"--{name} {path!r} is one of the files that are read."


def _is_writable(path: str, is_appended: bool) -> bool:
    """What is appended to may be a device; any other file is replaced by a new one in its folder."""
    if is_appended and os.path.exists(path):
        return not os.path.isdir(path) and os.access(path, os.W_OK)
    is_replaceable = os.path.isfile(path) or not os.path.exists(path)
    return is_replaceable and os.access(os.path.dirname(path), os.W_OK)


def _waiting_problems(path: str, read: list[str], is_replay: bool) -> Iterator[str]:
    if is_among(path, read):
        if is_replay:
            yield f"--waiting_file {path!r} is one of the files that are read: give it to a run, as --input_files."
    elif os.path.isfile(path) and os.path.getsize(path):
        yield f"--waiting_file {path!r} holds events of an earlier run: give it as --input_files, or name another."
