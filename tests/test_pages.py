# SPDX-License-Identifier: Apache-2.0
"""The pages that people read are true of the program: links, commands, configs, and what they say it says."""

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipeline.cli.a2i import VERBS
from pipeline.config.loader import load_config
from tests.readme import CONFIG, README, ROOT, blocks, commands

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
OURS = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("recipes", "cut_over", "upgrade", "run"))]
RECIPES = blocks((ROOT / "docs/recipes.md").read_text(), "yaml")
TROUBLE = (ROOT / "docs/troubleshooting.md").read_text()


def prose(page: Path) -> str:
    """All but what stands between fences."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading of it."""
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    broken = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def context_of(command: click.Command) -> click.Context:
    """As the program makes it: click keeps the help option that it makes of the first, for all others."""
    return click.Context(command, help_option_names=["-h", "--help"])


def test_every_command_is_one_of_the_program() -> None:
    """Its verb, and each of its options."""
    unknown = []
    for command in (command for page in OURS for command in commands(page.read_text())):
        words = shlex.split(command.removesuffix(" &"))
        verb, *rest = words[words.index("a2i") + 1 :]
        if verb in VERBS and verb != "sandbox":  # its parts have options of their own
            known = importlib.import_module(VERBS[verb].module).command
            options = {name for each in known.get_params(context_of(known)) for name in each.opts}
            rest = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in spelt(options)]
        unknown += [command] * bool(verb not in VERBS or (verb != "sandbox" and rest))

    assert unknown == []


def spelt(options: set[str]) -> set[str]:
    return options | {option.replace("_", "-") for option in options}


@pytest.mark.parametrize("config", [CONFIG, *RECIPES])
def test_every_config_is_valid(config: str, tmp_path: Path) -> None:
    """Without a warning."""
    (tmp_path / "my.yaml").write_text(config)

    assert load_config(str(tmp_path / "my.yaml")).warnings == []


def test_readme_shows_a_config_of_a_dozen_lines() -> None:
    """And every language of its blocks is known, so that no block is overlooked."""
    assert len(CONFIG.splitlines()) <= 12
    assert set(re.findall(r"^```(\w+)$", README, re.MULTILINE)) == {"console", "yaml", "json", "mermaid"}


def told() -> Iterator[str]:
    """Every text in the program; what is filled in is an ellipsis."""
    for file in [*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("transforms/**/*.py")]:
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values)


def test_what_troubleshooting_quotes_is_said() -> None:
    """In these words, by the program or by the registry of reasons."""
    first_columns = re.findall(r"^\| ([^|]*`[^|]*) \|", TROUBLE, re.MULTILINE)
    quoted = [text for column in first_columns for text in re.findall(r"`([^`]+)`", column)]
    texts = list(told())

    assert len(quoted) > 20
    assert [text for text in quoted if not any(text.strip("… ") in said for said in texts)] == []
