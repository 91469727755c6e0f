# SPDX-License-Identifier: Apache-2.0
"""A config as its file is now; a key in it is never shown."""

from pathlib import Path

import pytest

from pipeline.serve.watched import WatchedConfig, shown_lines
from tests.pipeline.preview.shop import CONFIG

KEY = "nobody-shall-see-this"
HIDDEN = "(not shown: it may be a key)"


def test_a_save_is_seen_and_a_broken_one_keeps_the_last_valid_config(tmp_path: Path) -> None:
    """A file that is gone for a moment, as editors save, is a problem like any other."""
    file = tmp_path / "shop.yaml"
    file.write_text(CONFIG)
    watched = WatchedConfig(str(file))
    first = watched.now()
    assert (first.loaded, first.problems) == (first.last_valid, ())
    assert watched.now() is first

    file.write_text(CONFIG.replace("value: 10", "value: ten"))
    broken = watched.now()
    assert [problem.line for problem in broken.problems] == [15]
    assert (broken.loaded, broken.last_valid) == (None, first.loaded)
    file.unlink()
    assert [problem.rule for problem in watched.now().problems] == ["there is no such file"]
    assert not watched.now().exists

    file.write_text(CONFIG)
    assert watched.now().loaded is not None
    assert watched.now().version == first.version


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"destination:\n  api_key: {KEY}\n  region: eu", ("destination:", f"  api_key: {HIDDEN}", "  region: eu")),
        (f"  'api_key' : '{KEY}'", (f"  'api_key' : {HIDDEN}",)),
        (f"destination: {{region: eu, api_key: {KEY}}}", (f"destination: {{region: eu, api_key: {HIDDEN}",)),
        (
            f"  api_key: >\n    {KEY}\n\n    more\n  a: b",
            (f"  api_key: {HIDDEN}", f"    {HIDDEN}", "", f"    {HIDDEN}", "  a: b"),
        ),
        (f"  api_key:\n    {KEY}\n  a: b", ("  api_key:", f"    {HIDDEN}", "  a: b")),
        (f"# api_key: {KEY}\n  a: b", (f"# api_key: {HIDDEN}", "  a: b")),
        (f"# {'0a' * 16}", ("# (not shown)",)),
        ('  api_key: "env:SHOP_KEY"', ('  api_key: "env:SHOP_KEY"',)),
    ],
)
def test_a_key_in_plain_text_is_not_shown_but_where_it_is_kept_is(text: str, shown: tuple[str, ...]) -> None:
    """However YAML lets one write it."""
    assert shown_lines(text) == shown
