# SPDX-License-Identifier: Apache-2.0
"""Purchases, carts, subscriptions, lists, changes of email and deletions of generated users, under chaos."""

import signal
import time
from pathlib import Path

import orjson
import pytest
import requests

from pipeline.cli.a2i import main
from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.oracle.checks import Limits, check_requests
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.oracle.under_chaos import ExpectedUnderChaos
from pipeline.sandbox.stage import Stage, end
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from tests.readme import ROOT

CHAOS = ChaosSettings(seed=2, cut_before=0.03, cut_after=0.03, server_errors=0.03)
ROWS = """    - event: Checkout Paid
      send_as: purchase
      items: {property: lines, each: [{property: product_id, as: id}, {property: title, as: name}, price, quantity]}
      total: event_properties.order_total
    - event: Cart Changed
      send_as: cart
      items: {property: lines, each: [{property: product_id, as: id}, {property: title, as: name}, price, quantity]}
"""
CALLS = """calls:
  - event: Preferences Saved
    call: users/updateSubscriptions
    fields:
      unsubscribedChannelIds: event_properties.muted_channels
      unsubscribedMessageTypeIds: event_properties.muted_message_types
  - {event: List Joined, call: lists/subscribe, fields: {listId: event_properties.list_id}}
  - {event: Email Changed, call: users/updateEmail, fields: {newEmail: event_properties.new_email}}
  - {event: Account Closed, call: users/delete, confirm: deletes users in Iterable}
mappings:
"""


def config() -> str:
    """That of `make run`, in an email project, with all of them."""
    demo = (ROOT / "configs" / "demo.yaml").read_text().replace("project_type: hybrid", "project_type: email")
    return demo.replace("    - event: Song Played\n", f"    - event: Song Played\n{ROWS}").replace("mappings:\n", CALLS)


@pytest.fixture
def iterable_settings() -> Settings:
    return Settings(project_type="email", async_delay=AsyncDelay(0, 0), chaos=CHAOS)


@pytest.mark.slow
def test_each_operation_is_taken_once_and_in_its_order(
    iterable: SimulatedIterable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Iterable holds what it must, whatever answers are lost, and no request was beside one that changes who is who."""
    monkeypatch.setenv("ITERABLE_API_KEY", iterable.api_key)
    expected = ExpectedUnderChaos(CHAOS)
    of_operations = {"purchases": 0.08, "carts": 0.08, "subscription_changes": 0.05, "list_joins": 0.05}
    changes = {"email_changes": 0.05, "deletions": 0.02, "leads": 1.0, "overtaken_identifies": 0.0}
    traffic = Traffic(TrafficSettings(seed=2, messages=400, users=60, **of_operations, **changes), expected)
    (tmp_path / "rows.jsonl").write_bytes(b"".join(data.replace(b"\n", b" ") + b"\n" for data, _ in traffic))
    (tmp_path / "sync.yaml").write_text(config())
    run = f"run --config {tmp_path}/sync.yaml --input-files {tmp_path}/rows.jsonl --iterable-url {iterable.url}"

    code = main([*run.split(), "--dead-letter-file", str(tmp_path / "letters.jsonl"), "--max-wait", "20s", "--quiet"])

    assert code == 0, capsys.readouterr().out
    held = requests.get(f"{iterable.url}/__sim/dump", timeout=5).json()
    asked = requests.get(f"{iterable.url}/__sim/metrics", timeout=5).json()["endpoints"]
    assert differences(expected, held) == []
    assert list(check_requests(asked, Limits(1_000, 4_000_000), asked)) == []
    assert expected.outcomes["delivered", "update_email", ""] > 0 < expected.outcomes["delivered", "delete_user", ""]


@pytest.mark.slow
def test_a_kill_sends_few_single_requests_again(iterable: SimulatedIterable, tmp_path: Path) -> None:
    """Purchases at two a second: after half a minute some are settled, long before all ten thousand could be."""
    iterable.configure(chaos={})
    product = {"product_id": "7", "title": "Mug", "price": 4.5, "quantity": 2}
    row = {"event_type": "Checkout Paid", "event_time": "2026-01-05 10:00:00", "device_id": "d"}
    properties = {"lines": [product], "order_total": 9}
    rows = [
        {**row, "insert_id": f"{n}", "user_properties": {"email": f"u{n}@x.com"}, "event_properties": properties}
        for n in range(70)
    ]
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    (tmp_path / "sync.yaml").write_text(config())
    command = [
        *("-m", "pipeline", "run", f"--config={tmp_path}/sync.yaml", f"--input-files={tmp_path}/rows.jsonl"),
        *(f"--dead-letter-file={tmp_path}/dead.jsonl", f"--iterable-url={iterable.url}", "--share=10%"),
    ]
    stage = Stage("", iterable.url, "", "", "", "")

    def purchases() -> int:
        return int(iterable.metrics()["endpoints"].get("trackPurchase", {}).get("requests", 0))

    process = stage.start(*command)
    while process.poll() is None and purchases() < 64:
        time.sleep(0.1)
    process.kill()
    end(process)
    code, out, err = stage.run(*command)

    assert (code, process.returncode) == (0, -signal.SIGKILL), err
    assert "Messages read               70   " in out
    assert 70 < purchases() <= 80
    assert len(iterable.dump(settle=True)["purchases"]) == 70
