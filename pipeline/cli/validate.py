# SPDX-License-Identifier: Apache-2.0
"""Validates configs, or prints the JSON Schema that editors read. Knows no run.

python -m pipeline.config FILE...     validates files
python -m pipeline.config --schema    prints the JSON Schema
"""

import argparse
import json

from pipeline.config.loader import ConfigError, config_schema, load_config
from pipeline.reports.screen import show, tell
from pipeline.sources.buckets import open_stored


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.config", description="Validate configs.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="a config to validate")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of configs")
    options = parser.parse_args(arguments)
    if options.schema == bool(options.files):
        parser.error("give one FILE or more, or --schema")
    if options.schema:
        show(json.dumps(config_schema(), indent=2))
        return 0
    return max([_validate(file) for file in options.files])


def _validate(file: str) -> int:
    try:
        loaded = load_config(file, open_stored)
    except ConfigError as error:
        tell(str(error))
        return 2
    for warning in loaded.warnings:
        tell(f"warning: {warning}")
    count = len(loaded.warnings)
    told = f", {count} warning{'s' if count > 1 else ''}" if count else ""
    show(f"{file}: valid{told}")
    return 0
