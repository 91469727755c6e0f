# SPDX-License-Identifier: Apache-2.0
"""The README's picture, of what a command really prints: `python -m tests.pictures` draws it anew. Knows no test."""

import contextlib
import io
import os
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from pipeline.cli.a2i import main
from pipeline.sandbox.traffic.generator import Traffic, write_rows
from pipeline.sandbox.traffic.settings import TrafficSettings

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "preview.svg"
COMMAND = ("preview", "configs/demo.yaml", "events.jsonl")
# Rich's own has fonts from elsewhere in it, which a page that shows a picture does not load.
FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px }} {styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""  # noqa: E501


def preview_screen() -> str:
    """What `a2i preview` says of 2,000 made-up rows, called as README calls it."""
    out, here = io.StringIO(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out):
        (Path(folder) / "configs").symlink_to(ROOT / "configs")
        os.chdir(folder)
        try:
            with open("events.jsonl", "wb") as stream:
                write_rows(Traffic(TrafficSettings(messages=2_000)), stream)
            main(list(COMMAND))
        finally:
            os.chdir(here)
    return out.getvalue()


def draw(screen: str) -> str:
    """A terminal of 80 columns in which the command was typed."""
    console = Console(width=80, record=True, file=io.StringIO(), highlight=False, force_terminal=True)
    console.print(Text(f"$ a2i {' '.join(COMMAND)}", style="bold"))
    table, _, notes = screen.partition("\n\n")
    console.print(Text(table), Text(f"\n{notes}", style="dim"), sep="\n")
    svg = console.export_svg(title="a2i", theme=DIMMED_MONOKAI, code_format=FORMAT, unique_id="a2i")
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


if __name__ == "__main__":
    PICTURE.write_text(draw(preview_screen()), encoding="utf-8")
