# SPDX-License-Identifier: Apache-2.0
"""Previewed is sent: what preview shows of each row is, byte for byte, what reaches Iterable from a run."""

from collections import defaultdict
from pathlib import Path

import orjson
import pytest

from pipeline.config.loader import load_config
from pipeline.preview.way import way_of
from pipeline.sandbox.traffic.generator import Traffic, write_rows
from pipeline.sandbox.traffic.settings import TrafficSettings
from pipeline.sources.archives import Reader, find_files
from pipeline.sources.files import messages_of
from tests.recording import run
from transforms.iterable.operation import Operation
from transforms.iterable.operations import BULK_UPDATE, TRACK_BULK

ROOT = Path(__file__).parents[2]


def element(body: bytes, operation: Operation) -> bytes:
    """What stands between the envelope's ends."""
    begin, end = operation.body([b"|"]).split(b"|")
    return body.removeprefix(begin).removesuffix(end)


@pytest.mark.slow
def test_a_run_sends_what_preview_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Updates of one user that become one object are the sender's; each other element is the one shown."""
    monkeypatch.setenv("ITERABLE_API_KEY", "sandbox-key")
    loaded = load_config(str(ROOT / "configs/demo.yaml"))
    with (tmp_path / "rows.jsonl").open("wb") as stream:
        write_rows(Traffic(TrafficSettings(messages=1_500, users=5_000)), stream)
    messages = list(messages_of(Reader(find_files([str(tmp_path / "rows.jsonl")]))))

    updates, events = defaultdict[str, list[bytes]](list), dict[str, bytes]()
    for message in messages:
        for part in way_of(message, loaded).parts:
            if part.request and part.request.url.endswith(BULK_UPDATE.path):
                shown = element(part.request.body, BULK_UPDATE)
                updates[str(user_of(orjson.loads(shown)))].append(shown)
            elif part.request:
                shown = element(part.request.body, TRACK_BULK)
                events[orjson.loads(shown)["id"]] = shown
    requests, _ = run(loaded.config, messages)

    sent = set()
    for path, body in requests:
        if path == TRACK_BULK.path:
            ids = [event["id"] for event in orjson.loads(body)["events"]]
            sent |= set(ids)
            assert body == TRACK_BULK.body([events[each] for each in ids])
            continue
        users = {str(user_of(user)): user for user in orjson.loads(body)["users"]}
        sent |= users.keys()
        one_each = {name: updates[name] if len(updates[name]) == 1 else [orjson.dumps(users[name])] for name in users}
        assert body == BULK_UPDATE.body([shown for (shown,) in one_each.values()])
    assert sent == updates.keys() | events.keys()
    assert sum(len(shown) == 1 for shown in updates.values()) > 100


def user_of(update: dict[str, object]) -> object:
    """As updates are told apart."""
    return update.get("userId") or str(update["email"]).lower()
