"""Each file of data/golden: a config, messages, and the very items and outcomes that `translate` makes of them.

shows      what it is an example of, in a sentence
config     a file of configs/ by its name, or a config written out, line by line
messages   rows of Amplitude's, or text that is none
requests   what Iterable gets, here one request of all updates and one of all events: users before events
outcomes   kind, part and reason of each, once Iterable has taken all items
"""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.config.loader import Config, load_config
from pipeline.config.to_rules import rules_of, sender_settings_of
from transforms.mapping.translate import translate
from transforms.model.items import Message
from transforms.model.outcomes import DELIVERED

ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests/data/golden").glob("*.json"))
PUBLISHED = 1751387700.0  # 2025-07-01 16:35:00, as old as an identify without a time


def config_of(written: str | list[str], folder: Path) -> Config:
    if isinstance(written, str):
        return load_config(str(ROOT / "configs" / written)).config
    path = folder / "sync.yaml"
    path.write_text("\n".join(written), encoding="utf-8")
    return load_config(str(path)).config


def message_of(data: Any, number: int) -> Message:
    return Message(data.encode() if isinstance(data, str) else orjson.dumps(data), {}, str(number), PUBLISHED)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_golden(file: Path, tmp_path: Path) -> None:
    """The file's messages make exactly the items of its requests, byte by byte, and its outcomes."""
    golden = json.loads(file.read_text(encoding="utf-8"))
    config = config_of(golden["config"], tmp_path)
    rules = rules_of(config)

    translated = [translate(rules, message_of(data, number)) for number, data in enumerate(golden["messages"])]

    items = [item for items, _ in translated for item in items]
    bodies = [
        (operation.path, operation.body(of_its_part).decode())
        for operation in sender_settings_of(config, None).rules.operations
        if (of_its_part := [item.body for item in items if item.part == operation.part])
    ]
    delivered = [(DELIVERED, item.part, "") for item in items]
    outcomes = [*delivered, *(outcome[:3] for _, outcomes in translated for outcome in outcomes)]
    assert bodies == [(request["path"], orjson.dumps(request["body"]).decode()) for request in golden["requests"]]
    assert sorted(outcomes) == sorted(map(tuple, golden["outcomes"]))
