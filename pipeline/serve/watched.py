# SPDX-License-Identifier: Apache-2.0
"""A config as its file is now, and its text without a key in it. Knows no row and no HTTP."""

import hashlib
import io
import re
import threading
from dataclasses import dataclass

from pipeline.config.document import open_local
from pipeline.config.loader import ConfigError, LoadedConfig, Problem, load_config
from pipeline.config.problems import hide_keys

_NO_FILE = "none"
_MAX_BYTES = 1_000_000  # no config is that large, and load_config says so
_HIDDEN = "(not shown: it may be a key)"
_KEY_LINE = re.compile(r"""(?P<before>.*?\bapi_key["']?\s*:)(?P<value>.*)""")
_REFERENCE = re.compile(r"""\s*["']?(env|file|secret):""")


@dataclass(frozen=True)
class ConfigState:
    """Of one reading of the file."""

    version: str  # of its bytes
    lines: tuple[str, ...]
    loaded: LoadedConfig | None  # None: `problems` says why
    problems: tuple[Problem, ...]
    last_valid: LoadedConfig | None  # of an earlier reading, if not of this one

    @property
    def exists(self) -> bool:
        return self.version != _NO_FILE


class WatchedConfig:
    """Asked by many threads."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._state = self._read(self._content(), None)

    def now(self) -> ConfigState:
        """Reads the file, and judges it if it says something new."""
        with self._lock:
            content = self._content()
            if _version_of(content) != self._state.version:
                self._state = self._read(content, self._state.last_valid)
            return self._state

    def _content(self) -> bytes | None:
        """None: there is none to be had."""
        try:
            with open_local(self.path) as stream:
                return stream.read(_MAX_BYTES)
        except OSError:
            return None

    def _read(self, content: bytes | None, last_valid: LoadedConfig | None) -> ConfigState:
        version, lines = _version_of(content), shown_lines((content or b"").decode("utf-8-sig", errors="replace"))
        try:
            loaded = load_config(self.path, open_local if content is None else lambda _: io.BytesIO(content))
        except ConfigError as error:
            return ConfigState(version, lines, None, tuple(error.problems), last_valid)
        return ConfigState(version, lines, loaded, (), loaded)


def shown_lines(text: str) -> tuple[str, ...]:
    """The config's lines; of api_key no more than where the key is kept."""
    shown = []
    hidden_from: int | None = None  # a value may go on in lines that are indented by more
    for line in map(hide_keys, text.splitlines()):
        indent = len(line) - len(line.lstrip())
        if hidden_from is not None and (not line.strip() or indent > hidden_from):
            shown.append(f"{line[:indent]}{_HIDDEN}" if line.strip() else line)
            continue
        hidden_from = None
        match = _KEY_LINE.match(line)
        if match and not _REFERENCE.match(match["value"]):
            hidden_from = None if line.lstrip().startswith("#") else indent
            line = f"{match['before']} {_HIDDEN}" if match["value"].strip() else line
        shown.append(line)
    return tuple(shown)


def _version_of(content: bytes | None) -> str:
    return _NO_FILE if content is None else hashlib.sha256(content).hexdigest()[:16]
