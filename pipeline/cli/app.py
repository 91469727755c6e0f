# SPDX-License-Identifier: Apache-2.0
"""What every command does around its work: exit codes, lines instead of tracebacks. Knows no work."""

import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from pipeline.cli.errors import UsageError
from pipeline.cli.interrupts import EXIT_INTERRUPTED, end_on_interrupt
from pipeline.config.problems import ConfigError
from pipeline.reports.screen import redact_logs, tell
from pipeline.runs.process import few_collections
from transforms.model.errors import FatalError

EXIT_FAULT = 1  # of ours
EXIT_USAGE = 2  # a wrong command line or config
EXIT_FATAL = 3  # a wrong set-up
EXIT_PIPE = 141  # as a shell tells it: whoever read our output has gone


def run_command(program: str, work: Callable[[], int | None]) -> int:
    """Returns the exit code: of `work`, or that of the way in which it failed."""
    redact_logs()
    try:
        with few_collections():
            return work() or 0
    except (UsageError, ConfigError) as error:
        tell(str(error))
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


def exit_now(code: int) -> NoReturn:
    """End the process now: threads that wait for an answer hold nothing that is settled."""
    end_on_interrupt()
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):  # None: it was closed before we began
            stream.flush()
    except BrokenPipeError:
        code = code or EXIT_PIPE
    except OSError:  # what did not fit on the disk, and was told of
        code = code or EXIT_FATAL
    os._exit(code)
