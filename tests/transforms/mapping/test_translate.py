# SPDX-License-Identifier: Apache-2.0
"""Each file of data/golden: a config, messages, and the very items and outcomes that `translate` makes of them.

shows      what it is an example of, in a sentence
config     a file of configs/ by its name, or a config written out, line by line
messages   rows of Amplitude's, or text that is none
requests   what Iterable gets, here one request of all updates and one of all events: users before events
outcomes   kind, part and reason of each, once Iterable has taken all items
"""

import json
from pathlib import Path

import orjson
import pytest

from pipeline.config.to_rules import rules_of, sender_settings_of
from tests.golden import config_of, message_of
from transforms.mapping.translate import translate
from transforms.model.outcomes import DELIVERED

ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests/data/golden").glob("*.json"))


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
