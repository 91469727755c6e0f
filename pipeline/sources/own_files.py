# SPDX-License-Identifier: Apache-2.0
"""The files that runs write, and earlier versions wrote, which are no input of another. Knows no command line."""

import os
from collections.abc import Iterator, Sequence

from pipeline.sources.archives import find_files
from pipeline.sources.buckets import BUCKETS
from pipeline.sources.state_folder import files_under

# Where an earlier version kept them, in the working folder.
OLD_WAITING_FILE = "waiting.jsonl"
OLD_CHECKPOINT_FILE = "checkpoint.jsonl"


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
    return OLD_WAITING_FILE if is_among(OLD_WAITING_FILE, [file.path for file in find_files(local)]) else ""


def tell_of_old_files(waiting_file: str, checkpoint_file: str, host: str) -> Iterator[str]:
    """What an earlier version left in the working folder, a line for each; unless the command line names it."""
    if not waiting_file and os.path.isfile(OLD_WAITING_FILE) and os.path.getsize(OLD_WAITING_FILE):
        yield (
            f"{OLD_WAITING_FILE} in this folder holds events that an earlier version left waiting: give it as"
            " --input-files once"
        )
    if not checkpoint_file and os.path.isfile(OLD_CHECKPOINT_FILE):
        yield (
            f"{OLD_CHECKPOINT_FILE} in this folder is of a run that an earlier version left unfinished. If that sent"
            f" to {host}, its command with --checkpoint-file {OLD_CHECKPOINT_FILE} goes on with it; else remove it"
        )


def is_among(path: str, others: list[str]) -> bool:
    return os.path.exists(path) and any(os.path.samefile(path, other) for other in others)
