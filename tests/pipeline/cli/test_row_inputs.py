# SPDX-License-Identifier: Apache-2.0
"""Rows that come from no file: of a subscription nothing is acknowledged."""

import os
import uuid
from pathlib import Path

import pytest

from pipeline.cli.row_inputs import opened
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic, publish


@pytest.mark.slow
def test_a_subscription_is_looked_at_and_all_of_it_comes_again(
    pubsub_emulator: PubsubEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second look finds the same messages."""
    for name, value in pubsub_emulator.environ.items():
        monkeypatch.setenv(name, value)
    name = f"test-{uuid.uuid4().hex[:8]}"
    topic = create_topic(pubsub_emulator.host, name)
    subscription = create_subscription(pubsub_emulator.host, topic, name)
    publish(pubsub_emulator.host, topic, ((b"%d" % number, {}) for number in range(5)))

    for _ in range(2):
        with opened([subscription], limit=5) as rows:
            assert sorted(message.data for message in rows) == [b"0", b"1", b"2", b"3", b"4"]


def test_standard_input_is_read_as_a_file_is() -> None:
    """As a pipe, whose size nobody knows."""
    kept, (read_end, write_end) = os.dup(0), os.pipe()
    try:
        os.write(write_end, b"1\n\n2\n")
        os.close(write_end)
        os.dup2(read_end, 0)
        with opened(["-"], limit=None) as rows:
            assert [(message.message_id, message.data) for message in rows] == [
                ("/dev/stdin:1", b"1"),
                ("/dev/stdin:3", b"2"),
            ]
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(read_end)


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_the_bar_is_gone_before_anybody_speaks(
    taken: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of who has found the row that was looked for, and leaves the others."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    (tmp_path / "rows.jsonl").write_text("1\n2\n")

    with opened([str(tmp_path / "rows.jsonl")], limit=None) as rows:
        for _ in range(taken):
            next(rows)
    shown = capsys.readouterr().err
    assert ("0 rows" in shown) is bool(taken)
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == bool(taken)  # the cursor hidden, and back
    assert not taken or shown.endswith("\x1b[1A\x1b[2K")  # its line is empty
