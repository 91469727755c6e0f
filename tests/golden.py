# SPDX-License-Identifier: Apache-2.0
"""What golden files say, as configs and messages. Knows no test."""

from pathlib import Path
from typing import Any

import orjson

from pipeline.config.loader import load_config
from pipeline.config.model import Config
from transforms.model.items import Message

ROOT = Path(__file__).parents[1]
PUBLISHED = 1751387700.0  # 2025-07-01 16:35:00, as old as an identify without a time


def config_of(written: str | list[str], folder: Path) -> Config:
    if isinstance(written, str):
        return load_config(str(ROOT / "configs" / written)).config
    path = folder / "sync.yaml"
    path.write_text("\n".join(written), encoding="utf-8")
    return load_config(str(path)).config


def message_of(data: Any, number: int) -> Message:
    return Message(data.encode() if isinstance(data, str) else orjson.dumps(data), {}, str(number), PUBLISHED)
