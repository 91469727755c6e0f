# SPDX-License-Identifier: Apache-2.0
"""Examples of a page in docs/: a config, or a part of one, rows below it, and what becomes of them. Knows no page."""

import json
import re
from pathlib import Path
from typing import Any

from pipeline.config.document import read_document
from pipeline.config.loader import LoadedConfig, load_config
from pipeline.config.to_rules import rules_of
from tests.golden import PUBLISHED
from transforms.mapping.translate import translate
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DROPPED

DOCS = Path(__file__).parents[1] / "docs"
VERDICTS = {DROPPED: "dropped", DEAD_LETTERED: "dead letter"}
NOT_SHOWN = {"id", "createdAt"}
OF_PARTS = ("nothing is sent", "takes no Server-side key")  # what a part may be warned of

Example = tuple[str, str]  # YAML; rows and what becomes of them


def examples_in(page: str) -> list[Example]:
    return re.findall(r"```yaml\n(.*?)```(?:\n```text\n(.*?)```)?", page, re.DOTALL)


# What every example of docs/config.md stands in.
WHOLE = examples_in((DOCS / "config.md").read_text(encoding="utf-8"))[0][0]


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


def loaded(example: str, folder: Path) -> LoadedConfig:
    """The example as a part of the page's config."""
    path = folder / "my.yaml"
    path.write_text(json.dumps(completed(parsed(example, folder), parsed(WHOLE, folder))), encoding="utf-8")
    return load_config(str(path))


def shown(row: dict[str, Any], loaded: LoadedConfig) -> list[Any]:
    """What becomes of it, as a page writes it."""
    data = {"event_time": "2026-01-05 10:00:00", "$insert_id": "1", **row}
    translation = translate(rules_of(loaded.config), Message(json.dumps(data).encode(), {}, "1", PUBLISHED))
    bodies = [json.loads(item.body) for item in translation.items]
    sent = [{key: value for key, value in body.items() if key not in NOT_SHOWN} for body in bodies]
    others = [one for one in translation.outcomes if one.kind in VERDICTS]
    return [*sent, *(f"{VERDICTS[one.kind]}: {one.reason}" for one in others)]


def check(example: Example, folder: Path) -> None:
    """It loads without a warning but of being a part, and makes of its rows what stands there."""
    text, rows = example
    config = loaded(text, folder)
    assert [warning for warning in config.warnings if not any(told in warning for told in OF_PARTS)] == []
    for row, *results in (block.split("\n→ ") for block in re.split(r"\n(?!→)", rows.strip()) if block):
        expected = [json.loads(one) if one.startswith("{") else one for one in results]
        assert _exactly(shown(json.loads(row), config)) == _exactly(expected), row


def _exactly(value: Any) -> str:
    """Python holds 5.0 for 5 and true for 1."""
    return json.dumps(value, sort_keys=True, indent=1)
