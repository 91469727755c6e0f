# SPDX-License-Identifier: Apache-2.0
"""The page of `a2i report --html` in a real browser: axe finds nothing, a phone is wide enough, a day is two sheets."""

import html
import os
import re
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest

from pipeline.reports.report_html import to_html
from tests.report_picture import a_day

pytestmark = pytest.mark.slow

PHONE, DESKTOP = 390, 1280
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=20000",
)  # fmt: skip
# A frame is as narrow as a phone; a window cannot be. It tells the page around it what was found in it.
AROUND = """<!DOCTYPE html><meta charset="utf-8"><pre></pre>
<script>onmessage = told => document.querySelector("pre").append(told.data)</script>
<iframe src="looking.html" width="{width}" height="900"></iframe>"""
LOOK = """
document.querySelectorAll("details").forEach(it => it.open = true);
axe.run(document).then(found => parent.postMessage(JSON.stringify({
  width: innerWidth,
  needed: document.documentElement.scrollWidth,
  scheme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
  passed: found.passes.map(it => it.id),
  violations: found.violations.map(it => [it.id, it.nodes[0].html]),
}), "*"));
"""


@pytest.fixture(scope="module")
def browser() -> str:
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium on the PATH: install one (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def axe() -> str:
    """Its script: of $AXE_CORE, or of a folder of npm."""
    npm = shutil.which("npm")
    folders = [os.environ.get("AXE_CORE", ""), "node_modules/axe-core"]
    if npm:
        root = subprocess.run([npm, "root", "-g"], capture_output=True, text=True, check=False).stdout.strip()
        folders.append(f"{root}/axe-core")
    for folder in filter(None, folders):
        script = Path(folder, "axe.min.js")
        if script.is_file():
            return script.read_text(encoding="utf-8")
    pytest.skip("no axe-core: npm install -g axe-core, or let $AXE_CORE be its folder")


@pytest.fixture(scope="module")
def page() -> str:
    return to_html(a_day())


def run_browser(browser: str, folder: Path, *arguments: str) -> str:
    command = [browser, *FLAGS, f"--user-data-dir={folder}/browser", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")])
def test_anybody_can_read_it(width: int, scheme: str, browser: str, axe: str, page: str, tmp_path: Path) -> None:
    """By eye, keyboard or ear."""
    without_policy = re.sub(r"<meta http-equiv[^>]+>", "", page)  # which forbids any script
    looking = without_policy.replace("</body>", f"<script>{axe}</script><script>{LOOK}</script></body>")
    (tmp_path / "looking.html").write_text(looking, encoding="utf-8")
    (tmp_path / "around.html").write_text(AROUND.format(width=width), encoding="utf-8")
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []

    dump = run_browser(browser, tmp_path, *dark, "--dump-dom", f"file://{tmp_path}/around.html")
    told = re.search(r"<pre>(.*?)</pre>", dump, re.DOTALL)
    assert told
    found = orjson.loads(html.unescape(told[1]))

    assert found["violations"] == []
    assert {"color-contrast", "document-title", "svg-img-alt"} <= set(found["passed"])
    assert found["needed"] <= found["width"] == width
    assert found["scheme"] == scheme


def test_a_day_is_two_pages_of_paper(browser: str, page: str, tmp_path: Path) -> None:
    """As the browser prints it."""
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    run_browser(browser, tmp_path, f"--print-to-pdf={tmp_path}/page.pdf", f"file://{tmp_path}/page.html")

    assert len(re.findall(rb"/Type ?/Page\b", (tmp_path / "page.pdf").read_bytes())) == 2
