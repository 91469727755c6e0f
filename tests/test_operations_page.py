# SPDX-License-Identifier: Apache-2.0
"""docs/operations.md: its table is the program's, and its configs do what it says."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from pipeline.cli.a2i import main
from pipeline.config.loader import load_config
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from tests.readme import ROOT, blocks
from transforms.iterable import operations
from transforms.iterable.operation import Operation, Order
from transforms.iterable.operations import CALLS, COMMERCE

PAGE = (ROOT / "docs" / "operations.md").read_text()
COMMERCE_BLOCK, *CALL_BLOCKS = blocks(PAGE, "yaml")
HEAD = """
name: Shop
status: enabled
destination: {api_key: "env:ITERABLE_API_KEY", project_type: email}
create_and_update_users: {enabled: true, user_properties: [plan]}
"""
IN_THE_CONFIG = {"purchase": "`send_as: purchase`", "cart": "`send_as: cart`"}
ORDERS = {Order.IN_TURN: "in turn", Order.BARRIER: "barrier"}
ITEMS = {"purchase": "**items**, total", "cart": "**items**"}


def row_of(operation: Operation) -> str:
    needed = {name for names in operation.needs for name in names}
    fields = (f"**{one.name}**" if one.name in needed else one.name for one in operation.fields)
    cells = (
        IN_THE_CONFIG.get(operation.part, f"`call: {operation.name}`"),
        ITEMS.get(operation.part) or ", ".join(fields) or "–",
        f"{operation.per_second:g}" + ("" if operation.is_documented else r" \*"),
        f"`{operation.setting}`",
        ORDERS[operation.order],
    )
    return f"| {' | '.join(cells)} |"


def calls(*but: str) -> str:
    """The rows of all blocks in one list."""
    blocks = (block for block in CALL_BLOCKS if not any(word in block for word in but))
    return "calls:\n" + "".join(block.removeprefix("calls:\n") for block in blocks)


def test_the_operation_that_contributing_shows_is_a_row_and_has_the_line_that_stands_there() -> None:
    """It is made in operations.py's own words."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (shown,) = blocks(text, "python")
    namespace = dict(vars(operations))
    exec(shown, namespace)

    assert f"``{row_of(namespace['_DISABLE_DEVICE'])}``" in text


def test_its_table_is_the_programs() -> None:
    """A row of operations.py is a row of the page, with its fields, its rate and its order."""
    table = [line for line in PAGE.splitlines() if line.startswith("| `")]

    assert table == [row_of(operation) for operation in (*COMMERCE, *CALLS)]


def test_the_limits_a_day_are_told() -> None:
    """Of each operation that has one."""
    limits = {operation.name: operation.per_day for operation in CALLS if operation.per_day}

    assert limits == {"users/forget": 1_000, "users/unforget": 1_000}
    assert "`users/forget` and `unforget` are also limited to 1,000 in 24 hours" in PAGE


def test_each_config_is_valid(tmp_path: Path) -> None:
    """All of them together, without a warning but of the keys that tokens need."""
    path = tmp_path / "sync.yaml"
    path.write_text(HEAD + COMMERCE_BLOCK + calls())

    warnings = load_config(str(path)).warnings

    told = [warning.partition("].call: ")[2].partition(" takes no Server-side key")[0] for warning in warnings]
    assert told == ["users/registerDeviceToken", "users/registerBrowserToken"]


def event(event_type: str, email: str, second: int, **properties: Any) -> str:
    user = {"email": email, "plan": "pro"} | ({"lists": "1,2"} if event_type == "Preferences Saved" else {})
    row = {"event_type": event_type, "time": 1_751_387_000_000 + 1000 * second, "insert_id": f"{second}"}
    return json.dumps({**row, "device_id": "d", "user_properties": user, "event_properties": properties})


@pytest.fixture
def iterable_settings() -> Settings:
    return Settings(project_type="email", async_delay=AsyncDelay(0, 0, 0))


@pytest.mark.slow
def test_what_it_shows_comes_to_iterable(
    iterable: SimulatedIterable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command line, with the events that its configs name; a deletion of another run's letter is left alone."""
    monkeypatch.setenv("ITERABLE_API_KEY", "sandbox-key")
    (tmp_path / "sync.yaml").write_text(HEAD + COMMERCE_BLOCK + calls("Token"))
    products = [{"product_id": 7, "id": "7", "name": "Mug", "price": 4.5, "quantity": 2, "color": "red"}]
    rows = [
        *(event("$identify", email, 1) for email in ("ada@x.com", "bob@x.com", "cy@x.com")),
        event("Cart Updated", "ada@x.com", 2, products=products),
        event("Preferences Saved", "ada@x.com", 3, muted_channels=[5]),
        event("Newsletter Joined", "ada@x.com", 4),
        event("Email Changed", "ada@x.com", 5, new_email="ada@y.com"),
        event("Order Completed", "bob@x.com", 6, products=products, total=8, coupon="X"),
        event("Account Deleted", "cy@x.com", 7),
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    run = f"run --config {tmp_path}/sync.yaml --input-files {tmp_path}/rows.jsonl --iterable-url {iterable.url}"

    code = main([*run.split(), "--dead-letter-file", str(tmp_path / "letters.jsonl"), "--quiet"])

    out = capsys.readouterr().out
    assert code == 0, out
    assert "1 purchase, 1 cart, 1 subscription update, 1 list subscription, 1 email change, 1 deletion" in out
    held = requests.get(f"{iterable.url}/__sim/dump", timeout=5).json()
    users = {user["email"]: user for user in held["users"]}
    assert users.keys() == {"ada@y.com", "bob@x.com"}
    assert users["ada@y.com"]["managed"]["emailListIds"] == [1, 2, 12345]
    assert [user["email"] for user in held["deleted"]] == ["cy@x.com"]
    assert [purchase["total"] for purchase in held["purchases"].values()] == [8.0]
