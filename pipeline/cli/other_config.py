# SPDX-License-Identifier: Apache-2.0
"""The config to compare with: a file, or the same file at a git revision. Knows no verb."""

import io
import os
import subprocess
from typing import IO

from pipeline.cli.errors import UsageError
from pipeline.config.loader import LoadedConfig, load_config
from pipeline.sources.buckets import BUCKETS, open_stored

_FILES = (".yaml", ".yml")


def load_other(other: str, path: str) -> LoadedConfig:
    """`other` is a path, or a git revision of `path`.

    Raises:
      ConfigError: it is no config; UsageError: it cannot be had.
    """
    if os.path.exists(other) or other.startswith(BUCKETS) or other.endswith(_FILES):
        return load_config(other, open_stored)
    content = _at_revision(other, path)

    def open_revision(_: str) -> IO[bytes]:
        return io.BytesIO(content)

    return load_config(f"{other}:{path}", open_revision)


def _at_revision(revision: str, path: str) -> bytes:
    """As git keeps it. Raises UsageError."""
    folder, name = os.path.split(os.path.abspath(path))
    what = f"--diff {revision!r} is no file, and no git revision that holds {path}"
    if path.startswith(BUCKETS) or revision.startswith("-"):
        raise UsageError(f"{what}.")
    command = ["git", "-C", folder, "show", f"{revision}:./{name}"]
    try:
        shown = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - git, and no shell
    except OSError as error:
        raise UsageError(f"{what}: git cannot be run ({error.strerror}).") from error
    if shown.returncode:
        lines = shown.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(f"{what}: git says {lines[0].rstrip('.') if lines else shown.returncode}.")
    return shown.stdout
