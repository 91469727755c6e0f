"""The command line: options → config → run → summary. Holds no step and no rule."""

import logging
import sys

from pipeline.config import ConfigError, load_config
from pipeline.options import PROGRAM, UsageError, parse_options
from pipeline.runs import run_chunks, run_streaming
from pipeline.summary import summarize
from transforms.api_key import read_api_key
from transforms.errors import FatalError

EXIT_USAGE = 2
EXIT_FATAL = 3


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0, 2 for a wrong command line or config, 3 when the set-up stops a run."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        options = parse_options(sys.argv[1:] if arguments is None else arguments)
        loaded = load_config(options.config)
        for warning in loaded.warnings:
            logging.warning(warning)
        if loaded.config.status == "disabled":
            print(f"{loaded.config.name}: status is disabled; nothing is read.")  # noqa: T201
            return 0
        read_api_key(loaded.config.destination.api_key)
    except (UsageError, ConfigError) as error:
        logging.error(error)
        return EXIT_USAGE
    except FatalError as error:
        logging.error("%s: destination.api_key: %s", options.config, error)
        return EXIT_USAGE
    try:
        if options.streaming:
            run_streaming(options, loaded)
        else:
            print(summarize(run_chunks(options, loaded), options.waiting_file if options.input_files else ""))  # noqa: T201
    except FatalError as error:
        logging.error("%s stopped: %s. Nothing of the chunk in hand was acknowledged or dead-lettered.", PROGRAM, error)
        return EXIT_FATAL
    return 0


if __name__ == "__main__":
    sys.exit(main())
