# SPDX-License-Identifier: Apache-2.0
import orjson
import pytest

from pipeline.cli.a2i import main
from pipeline.config.loader import config_schema

HELP = """\
Usage: a2i schema [OPTIONS]

  Print the JSON Schema of configs, for editors.

    a2i schema > sync.schema.json

  A config whose first line is `# yaml-language-server:
  $schema=sync.schema.json` is completed and checked by it as you type.

Options:
  -h, --help  Show this message and exit.
"""


def test_the_help_is_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    """And says how an editor finds it."""
    assert main(["schema", "--help"]) == 0
    assert capsys.readouterr().out == HELP


def test_it_is_json_that_an_editor_reads(capsys: pytest.CaptureFixture[str]) -> None:
    """The schema of the keys, as configs/sync.schema.json has it."""
    assert main(["schema"]) == 0
    assert orjson.loads(capsys.readouterr().out) == config_schema()
