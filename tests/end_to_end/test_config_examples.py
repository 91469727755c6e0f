# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import jsonschema
import pytest

from pipeline.cli.validate import main
from pipeline.config.document import read_document
from pipeline.config.loader import config_schema, load_config

CONFIGS = Path(__file__).parents[2] / "configs"
EXAMPLES = sorted(CONFIGS.glob("*.yaml"))


def test_the_examples_are_there() -> None:
    """One for each kind of project, the least and the most, and those of the sandbox."""
    expected = ["demo", "email_project", "full", "hybrid_project", "minimal", "operations", "user_id_project"]

    assert expected == [one.stem for one in EXAMPLES]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_loads_without_warnings(example: Path) -> None:
    """What we show is right."""
    expected: list[str] = []

    assert expected == load_config(str(example)).warnings


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_editor_finds_the_schema_and_accepts_the_example(example: Path) -> None:
    """Its first line names the schema, and the schema agrees with the program."""
    schema = json.loads((CONFIGS / "sync.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(read_document(str(example), secret=()).value)
    first_line = example.read_text(encoding="utf-8").splitlines()[0]
    expected = "# yaml-language-server: $schema=./sync.schema.json"

    assert expected == first_line


@pytest.mark.parametrize(
    ("stem", "project_type"), [("email_project", "email"), ("user_id_project", "user_id"), ("hybrid_project", "hybrid")]
)
def test_an_example_is_of_its_project_type(stem: str, project_type: str) -> None:
    """The file's name says what it shows."""
    assert project_type == load_config(str(CONFIGS / f"{stem}.yaml")).config.destination.project_type


def test_the_full_example_holds_every_key() -> None:
    """A key added to the schema must be shown."""
    value = read_document(str(CONFIGS / "full.yaml"), secret=()).value
    schema = config_schema()
    sections = [schema, *schema["$defs"].values()]
    known = {key for section in sections for key in section["properties"]}

    assert known == keys_in(value)


def keys_in(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | keys_in([each for name, each in value.items() if name != "fields"])  # which are Iterable's
    return set().union(*(keys_in(one) for one in value)) if isinstance(value, list) else set()


def test_the_committed_schema_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    """Written anew by: python -m pipeline.config --schema > configs/sync.schema.json."""
    main(["--schema"])
    printed = capsys.readouterr().out

    assert printed == (CONFIGS / "sync.schema.json").read_text(encoding="utf-8")


def test_the_schema_is_a_valid_schema_with_a_word_on_every_key() -> None:
    """Draft 2020-12; editors show the descriptions."""
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    sections = [schema, *schema["$defs"].values()]
    silent = [
        key
        for section in sections
        for key, one in section["properties"].items()
        if "description" not in one and "$ref" not in one
    ]

    assert "2020-12" in schema["$schema"]
    assert not silent
    assert all(section["additionalProperties"] is False and section["description"] for section in sections)
