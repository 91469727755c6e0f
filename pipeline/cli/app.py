"""What every command does around its work: exit codes, lines instead of tracebacks, the config. Knows no work."""

import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from pipeline.cli.parsing import UsageError
from pipeline.config.loader import ConfigError, LoadedConfig, load_config
from pipeline.reports.screen import redact_logs, show
from pipeline.sources.buckets import open_stored
from transforms.iterable.api_key import read_api_key
from transforms.model.errors import FatalError

EXIT_FAULT = 1
EXIT_USAGE = 2
EXIT_FATAL = 3
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141  # as a shell tells it: whoever read our output has gone


def run_command(program: str, work: Callable[[], None]) -> int:
    """Returns the exit code: 0, 1 for a fault of ours, 2 for a wrong command line or config, 3 for a wrong set-up."""
    redact_logs()
    try:
        work()
    except (UsageError, ConfigError) as error:
        logging.error(error)
        return EXIT_USAGE
    except FatalError as error:
        logging.error(f"{program} stopped: {error}.")
        return EXIT_FATAL
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_PIPE
    except Exception:
        logging.exception(f"{program} failed, which nobody thought of.")
        return EXIT_FAULT
    return 0


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


def exit_now(code: int) -> NoReturn:
    """End the process now: threads that wait for an answer hold nothing that is settled."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = code or EXIT_PIPE
    os._exit(code)
