# SPDX-License-Identifier: Apache-2.0
"""Configs of tests: a file called sync.yaml, in a folder of its own."""

from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from pipeline.config.document import read_document
from pipeline.config.loader import ConfigError, LoadedConfig, config_schema, load_config

FILE = "sync.yaml"


@pytest.fixture(scope="session")
def head() -> str:
    """What every config needs; a section below it begins on line 6."""
    return """\
name: Test
status: enabled
destination:
  api_key: env:KEY
  project_type: hybrid
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    monkeypatch.chdir(tmp_path)

    def write_text(text: str) -> None:
        Path(FILE).write_text(text, encoding="utf-8")

    return write_text


@pytest.fixture
def load(write: Callable[[str], None]) -> Callable[[str], LoadedConfig]:
    """Reads a config from its text."""

    def load_text(text: str) -> LoadedConfig:
        write(text)
        return load_config(FILE)

    return load_text


@pytest.fixture
def problems(load: Callable[[str], LoadedConfig]) -> Callable[[str], list[str]]:
    """What is told of a wrong config, line by line."""

    def problems_of(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text)
        return str(caught.value).split("\n")

    return problems_of


@pytest.fixture
def schema_allows(write: Callable[[str], None]) -> Callable[[str], bool]:
    """Whether an editor that goes by the JSON Schema finds nothing."""

    def is_valid(text: str) -> bool:
        write(text)
        validator = jsonschema.Draft202012Validator(config_schema())
        return bool(validator.is_valid(read_document(FILE, secret=()).value))

    return is_valid
