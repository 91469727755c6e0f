# SPDX-License-Identifier: Apache-2.0
"""A headless chromium, driven over plain WebDriver HTTP. Knows no page."""

import base64
import contextlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browser:
    """One window. What cannot be done raises requests.HTTPError."""

    def __init__(self, session: str) -> None:
        self._session = session

    def go(self, url: str) -> None:
        self._post("url", url=url)

    def run(self, script: str, *arguments: object) -> Any:
        """What the body of a function returns."""
        return self._post("execute/sync", script=script, args=arguments)

    def wait(self, script: str, holds: Callable[[Any], bool] = bool, seconds: float = 10.0) -> Any:
        """What `script` gives once that holds."""
        deadline = time.monotonic() + seconds
        while not holds(value := self.run(f"return {script}")):
            assert time.monotonic() < deadline, f"{script} is {value!r}"
            time.sleep(0.05)
        return value

    def press(self, *keys: str) -> None:
        """As a person at a keyboard."""
        focused = next(iter(self._send("GET", "element/active").values()))
        self._post(f"element/{focused}/value", text="".join(keys))

    def look(self, width: int, height: int, scheme: str = "light") -> bytes:
        """A picture (PNG) of a window of that size; `scheme` is light or dark."""
        self._devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self._devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        return base64.b64decode(self._send("GET", "screenshot"))

    def log(self) -> list[str]:
        """What the page complained of."""
        return [entry["message"] for entry in self._post("se/log", type="browser")]

    def _devtools(self, command: str, **parameters: object) -> Any:
        return self._post("goog/cdp/execute", cmd=command, params=parameters)

    def _post(self, command: str, **body: object) -> Any:
        return self._send("POST", command, body)

    def _send(self, method: str, command: str, body: object = None) -> Any:
        answer = requests.request(method, f"{self._session}/{command}", json=body, timeout=20)
        assert answer.ok, answer.text
        return answer.json()["value"]


@contextlib.contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """`folder` holds its profile. Skips the test where there is no chromium or no chromedriver."""
    chromium = next(filter(None, map(shutil.which, _NAMES)), None)
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("there is no chromium with chromedriver: install them to look at the page")
    with subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            started = next(filter(None, (re.search(r"successfully on port (\d+)", line) for line in process.stdout)))
            server = f"http://127.0.0.1:{started[1]}/session"
            options = {"binary": chromium, "args": [*_ARGUMENTS, f"--user-data-dir={folder}"]}
            wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            answer = requests.post(server, json={"capabilities": {"alwaysMatch": wanted}}, timeout=20)
            assert answer.ok, answer.text
            session = f"{server}/{answer.json()['value']['sessionId']}"
            try:
                yield Browser(session)
            finally:
                requests.delete(session, timeout=20)  # or its chromium would outlive the driver
        finally:
            process.terminate()
