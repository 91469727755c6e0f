# SPDX-License-Identifier: Apache-2.0
"""docs/config.md: each example is a config, each row becomes what the page says, and no key is left out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.loader import config_schema
from tests.page_examples import DOCS, Example, check, examples_in, loaded, parsed
from transforms.iterable.operations import CALLS, COMMERCE
from transforms.mapping.conversions import TYPES
from transforms.mapping.operators import BY_NAME

PAGE = (DOCS / "config.md").read_text(encoding="utf-8")
EXAMPLES = examples_in(PAGE)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[0].partition("\n")[0])
def test_an_example_makes_of_rows_what_the_page_says(example: Example, tmp_path: Path) -> None:
    """It loads without a warning, but that a part may send nothing."""
    check(example, tmp_path)


def test_the_defaults_are_the_defaults(tmp_path: Path) -> None:
    """An example that says so changes nothing."""
    (example,) = (text for text, _ in EXAMPLES if text.startswith("# omitted, it is the same"))

    assert loaded(example, tmp_path).hash == loaded(EXAMPLES[0][0], tmp_path).hash


def test_no_key_no_type_and_no_operator_is_left_out(tmp_path: Path) -> None:
    """Each key is in an example; each that is no key of `delivery`, which explains itself, is in the text, too.

    Of `calls`, and of the rates of what is called, docs/operations.md has the examples.
    """
    known = set(_properties_in(config_schema())) - {operation.setting for operation in (*COMMERCE, *CALLS)}
    examples = [parsed(text, tmp_path) for text, _ in EXAMPLES]
    of_calls = [parsed(text, tmp_path) for text, _ in examples_in((DOCS / "operations.md").read_text(encoding="utf-8"))]

    assert _keys_in(examples) <= known <= _keys_in(examples + of_calls)
    explained = set(re.findall("`([^`\n]+)`", re.sub("```.*?```", "", PAGE, flags=re.DOTALL)))
    assert known - explained <= _keys_in([example.get("delivery") for example in examples])
    assert TYPES | BY_NAME.keys() <= explained


def _properties_in(schema: Any) -> Iterator[str]:
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    if isinstance(schema, dict) and "additionalProperties" in schema:
        yield from schema.get("properties", {})
    for part in parts:
        yield from _properties_in(part)


def _keys_in(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | _keys_in(list(value.values()))
    return set().union(*map(_keys_in, value)) if isinstance(value, list) else set()
