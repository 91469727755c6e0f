# SPDX-License-Identifier: Apache-2.0
"""`a2i schema`. Knows no config."""

import json

import click

from pipeline.config.loader import config_schema
from pipeline.reports.screen import show

HELP = """Print the JSON Schema of configs, for editors.

\b
  a2i schema > sync.schema.json

A config whose first line is `# yaml-language-server: $schema=sync.schema.json` is completed and checked by it as
you type.
"""


@click.command(help=HELP)
def command() -> None:
    show(json.dumps(config_schema(), indent=2))
