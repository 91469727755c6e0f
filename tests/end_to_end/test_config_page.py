"""docs/config.md: each example is a config, each row becomes what the page says, and no key is left out."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.document import read_document
from pipeline.config.loader import LoadedConfig, config_schema, load_config
from pipeline.config.to_rules import rules_of
from tests.golden import PUBLISHED
from transforms.mapping.conversions import TYPES
from transforms.mapping.operators import BY_NAME
from transforms.mapping.translate import translate
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DROPPED

PAGE = (Path(__file__).parents[2] / "docs/config.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```(?:\n```text\n(.*?)```)?", PAGE, re.DOTALL)
VERDICTS = {DROPPED: "dropped", DEAD_LETTERED: "dead letter"}
NOT_SHOWN = {"id", "createdAt"}


def parsed(example: str, folder: Path) -> dict[str, Any]:
    path = folder / "example.yaml"
    path.write_text(example, encoding="utf-8")
    value: dict[str, Any] = read_document(str(path), ()).value
    return value


def completed(part: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """`part` as it stands in `whole`: the page's rule."""
    inner = {
        key: completed(value, whole[key]) if isinstance(value, dict) and isinstance(whole.get(key), dict) else value
        for key, value in part.items()
    }
    return whole | inner


@pytest.fixture
def load(tmp_path: Path) -> "partial[LoadedConfig]":
    return partial(_load, tmp_path)


def _load(folder: Path, example: str) -> LoadedConfig:
    path = folder / "my.yaml"
    path.write_text(json.dumps(completed(parsed(example, folder), parsed(EXAMPLES[0][0], folder))), encoding="utf-8")
    return load_config(str(path))


def shown(row: dict[str, Any], loaded: LoadedConfig) -> list[Any]:
    """What becomes of it, as the page writes it."""
    data = {"event_time": "2026-01-05 10:00:00", "$insert_id": "1", **row}
    translation = translate(rules_of(loaded.config), Message(json.dumps(data).encode(), {}, "1", PUBLISHED))
    bodies = [json.loads(item.body) for item in translation.items]
    sent = [{key: value for key, value in body.items() if key not in NOT_SHOWN} for body in bodies]
    others = [one for one in translation.outcomes if one.kind in VERDICTS]
    return [*sent, *(f"{VERDICTS[one.kind]}: {one.reason}" for one in others)]


def exactly(value: Any) -> str:
    """Python holds 5.0 for 5 and true for 1."""
    return json.dumps(value, sort_keys=True, indent=1)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[0].partition("\n")[0])
def test_an_example_makes_of_rows_what_the_page_says(example: tuple[str, str], load: "partial[LoadedConfig]") -> None:
    """It loads without a warning, but that a part may send nothing."""
    text, rows = example
    loaded = load(text)
    assert [warning for warning in loaded.warnings if "nothing is sent" not in warning] == []
    for row, *results in (block.split("\n→ ") for block in re.split(r"\n(?!→)", rows.strip()) if block):
        expected = [json.loads(one) if one.startswith("{") else one for one in results]
        assert exactly(shown(json.loads(row), loaded)) == exactly(expected), row


def test_the_defaults_are_the_defaults(load: "partial[LoadedConfig]") -> None:
    """An example that says so changes nothing."""
    (example,) = (text for text, _ in EXAMPLES if text.startswith("# omitted, it is the same"))

    assert load(example).hash == load(EXAMPLES[0][0]).hash


def test_no_key_no_type_and_no_operator_is_left_out(tmp_path: Path) -> None:
    """Each key is in an example; each that is no key of `delivery`, which explains itself, is in the text, too."""
    schema = config_schema()
    known = {key for section in (schema, *schema["$defs"].values()) for key in section["properties"]}
    examples = [parsed(text, tmp_path) for text, _ in EXAMPLES]

    assert {key for example in examples for key in _keys_in(example)} == known
    explained = set(re.findall("`([^`\n]+)`", re.sub("```.*?```", "", PAGE, flags=re.DOTALL)))
    assert known - explained <= _keys_in([example.get("delivery") for example in examples])
    assert TYPES | BY_NAME.keys() <= explained


def _keys_in(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | _keys_in(list(value.values()))
    return set().union(*map(_keys_in, value)) if isinstance(value, list) else set()
