# SPDX-License-Identifier: Apache-2.0
"""`a2i preview --serve`: its words on a terminal, and its page in a real browser."""

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli.a2i import main
from tests.browser import open_browser
from tests.pipeline.preview.shop import CONFIG, ROWS, event, write

ROOT = Path(__file__).parents[3]
MARKUP = "<img src=x onerror=alert(1)>"
RIGHT = "\ue014"  # as WebDriver writes the key
ESCAPE = "\ue00c"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["shop.yaml", "rows.jsonl", "--serve", "--json", "--event", "1"], "where --event and --json mean nothing."),
        (["shop.yaml", "--serve", "rows.jsonl"], "'rows.jsonl' is no port. Write --serve last, or its port after it: "),
        (["shop.yaml", "rows.jsonl", "--serve", "65536"], "'65536' is no port."),
        (["shop.yaml", "rows.jsonl", "--open"], "--open is for --serve."),
        (["nowhere.yaml", "rows.jsonl", "--serve"], "nowhere.yaml: there is no such file. Check the path."),
        (
            ["gs://bucket/shop.yaml", "rows.jsonl", "--serve"],
            "a file of this machine, and gs://bucket/shop.yaml is none.",
        ),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    """With exit code 2."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path)

    assert main(["preview", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_port_that_is_taken_is_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["preview", *write(tmp_path), "--serve", port]) == 2

    told = f"--serve {port}: address already in use. Give another port, or 0 for any that is free.\n"
    assert capsys.readouterr().err == told


@contextlib.contextmanager
def served(paths: tuple[str, str]) -> Iterator[str]:
    """The page's address; it ends by Ctrl-C, calmly."""
    command = [sys.executable, "-m", "pipeline", "preview", *paths, "--serve", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.endswith(" shows it until Ctrl-C.\n"), process.communicate()[1]
            yield line.split()[0]
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=20) == ("", "")
            assert process.returncode == 0
        finally:
            process.kill()


@pytest.mark.slow
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    """Keys, search, saves that break and mend the config, markup in the data, narrow and dark."""
    paths = write(tmp_path, rows=(*ROWS, event(MARKUP, properties={MARKUP: MARKUP})))
    with open_browser(tmp_path / "profile") as browser, served(paths) as url:

        def wait(place: str, begins: str) -> None:
            browser.wait(f"document.getElementById('{place}').innerText", lambda text: text.startswith(begins))

        browser.go(url)
        wait("verdict", "Order Completed · Event is sent as purchase (row 1, line 12)")
        marked = "[...document.querySelectorAll('.line.good')].map(line => line.dataset.line)"
        assert browser.run(f"return {marked}") == ["12", "15"]
        assert '"id": "4e55b73d-0b6c-5797-bb2c-9fbaffdc019f"' in browser.run(
            "return document.getElementById('result').innerText"
        )

        browser.press(RIGHT * 4)
        wait("position", "Row 5 of 15")
        wait("verdict", "Order Completed · Event is a dead letter: unconvertible_property")
        browser.press("/song")
        wait("matches", "2 found")
        wait("position", "Row 6 of 15")
        browser.press(ESCAPE, "/onerror")
        wait("verdict", f"{MARKUP} · Event is dropped: event_not_selected")
        assert browser.run("return document.querySelectorAll('main img').length") == 0
        browser.press(ESCAPE)

        config = Path(paths[0])
        config.write_text(CONFIG.replace("value: 10", "value: ten"))
        wait("config-title", "shop.yaml: 1 problem")
        problem = "document.querySelector('.line[data-line=\"15\"] + .note.bad')?.innerText"
        assert 'must be a number with ">="' in browser.wait(problem)
        wait("verdict", "By the last valid config: ")
        config.write_text(CONFIG.replace("Trial Startd", f'"{MARKUP}"'))
        wait("config-title", "shop.yaml: valid")
        wait("verdict", f"{MARKUP} · Event is sent as {MARKUP} (row 4, line 20)")

        for width in (320, 390, 1280):
            for scheme in ("light", "dark"):
                assert browser.look(width, 800, scheme)
                assert browser.run("return document.documentElement.scrollWidth") <= width
        assert browser.log() == []
