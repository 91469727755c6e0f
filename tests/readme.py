# SPDX-License-Identifier: Apache-2.0
"""README as its reader sees it: commands to type, a config, a row and the request of it. Knows no test."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """What stands between the fences."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", page, re.DOTALL | re.MULTILINE)
    return [text for _, of, text in found if of == language]


def commands(page: str) -> list[str]:
    """Each that begins with `a2i`, on one line, without the `$` of a screen and without what it prints."""
    lines = "\n".join(blocks(page, "console")).replace("\\\n", " ").splitlines()
    typed = (" ".join(line.removeprefix("$ ").split()) for line in lines)
    return [line for line in typed if re.match(r"([A-Z_]+=\S+ )?a2i ", line)]


COMMANDS = commands(README)
(CONFIG,) = blocks(README, "yaml")
(ROW,) = blocks(README, "json")
(REQUEST,) = (block for block in blocks(README, "") if block.startswith("POST "))
