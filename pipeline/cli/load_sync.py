# SPDX-License-Identifier: Apache-2.0
"""The config that a command line names, with its warnings told and its key looked at. Knows no run."""

import logging
from collections.abc import Callable

from pipeline.cli.errors import UsageError
from pipeline.config.loader import LoadedConfig, load_config
from pipeline.reports.screen import show
from pipeline.sources.buckets import open_stored
from transforms.iterable.api_key import read_api_key
from transforms.model.errors import FatalError


def load_sync(path: str, check_key: Callable[[str], object] = read_api_key) -> LoadedConfig | None:
    """The config, once its key can be read; None, and a line that says so, if its status is disabled.

    Args:
      path: on this machine, or gs://bucket/name.
      check_key: takes the reference to the key; raises FatalError.

    Raises:
      ConfigError, UsageError: with every problem.
    """
    loaded = load_config(path, open_stored)
    for warning in loaded.warnings:
        logging.warning(f"warning: {warning}")
    if loaded.config.status == "disabled":
        show(f"{loaded.config.name}: status is disabled; nothing is read.")
        return None
    try:
        check_key(loaded.config.destination.api_key)
    except FatalError as error:
        raise UsageError(f"{path}: destination.api_key: {error}") from error
    return loaded
