"""What is wrong with the files of a command line, those that are read and those that are written. Changes none."""

import argparse
import os
from collections.abc import Iterator, Sequence

from pipeline.archives import BUCKETS, find_files
from pipeline.state_folder import files_under

# Where an earlier version kept them, in the working folder.
OLD_WAITING_FILE = "waiting.jsonl"
OLD_CHECKPOINT_FILE = "checkpoint.jsonl"


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


def own_files(
    state_dir: str, dead_letter_file: str = "", waiting_file: str = "", checkpoint_file: str = ""
) -> list[str]:
    """What a run writes, and what an earlier version wrote, that no pattern means as its input; a waiting file it may.

    All that is under `state_dir` now is among them.
    """
    waiting_files, checkpoints = {waiting_file, OLD_WAITING_FILE} - {""}, {checkpoint_file, OLD_CHECKPOINT_FILE} - {""}
    unfinished = [f"{path}.part" for path in waiting_files | checkpoints]
    backups = [f"{path}.bak" for path in waiting_files]
    return [dead_letter_file, *checkpoints, *unfinished, *backups, *files_under(state_dir)]


def waiting_file_among(patterns: Sequence[str]) -> str:
    """The waiting file of an earlier version, if it is to be read: then it is this run's, too, as it was before."""
    local = [pattern for pattern in patterns if not pattern.startswith(BUCKETS)]
    return OLD_WAITING_FILE if _is_among(OLD_WAITING_FILE, [file.path for file in find_files(local)]) else ""


def tell_of_old_files(waiting_file: str, checkpoint_file: str, host: str) -> Iterator[str]:
    """What an earlier version left in the working folder, a line for each; unless the command line names it."""
    if not waiting_file and os.path.isfile(OLD_WAITING_FILE) and os.path.getsize(OLD_WAITING_FILE):
        yield (
            f"{OLD_WAITING_FILE} in this folder holds events that an earlier version left waiting: give it as"
            " --input_files once"
        )
    if not checkpoint_file and os.path.isfile(OLD_CHECKPOINT_FILE):
        yield (
            f"{OLD_CHECKPOINT_FILE} in this folder is of a run that an earlier version left unfinished. If that sent"
            f" to {host}, its command with --checkpoint_file {OLD_CHECKPOINT_FILE} goes on with it; else remove it"
        )


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
        if name != "waiting_file" and _is_among(path, read):
            yield f"--{name} {path!r} is one of the files that are read."


def _is_writable(path: str, is_appended: bool) -> bool:
    """What is appended to may be a device; any other file is replaced by a new one in its folder."""
    if is_appended and os.path.exists(path):
        return not os.path.isdir(path) and os.access(path, os.W_OK)
    is_replaceable = os.path.isfile(path) or not os.path.exists(path)
    return is_replaceable and os.access(os.path.dirname(path), os.W_OK)


def _waiting_problems(path: str, read: list[str], is_replay: bool) -> Iterator[str]:
    if _is_among(path, read):
        if is_replay:
            yield f"--waiting_file {path!r} is one of the files that are read: give it to a run, as --input_files."
    elif os.path.isfile(path) and os.path.getsize(path):
        yield f"--waiting_file {path!r} holds events of an earlier run: give it as --input_files, or name another."


def _is_among(path: str, others: list[str]) -> bool:
    return os.path.exists(path) and any(os.path.samefile(path, other) for other in others)
