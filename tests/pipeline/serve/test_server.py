# SPDX-License-Identifier: Apache-2.0
"""The page over real HTTP: what it answers, and to whom it answers nothing."""

import http.client
import json
import re
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from pipeline.serve.sample import Sample, take_sample
from pipeline.serve.server import LOOPBACK, PreviewServer
from pipeline.serve.watched import WatchedConfig
from tests.pipeline.preview.shop import CONFIG, event, write
from transforms.model.items import Message

MARKUP = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PreviewServer]:
    """Of three rows: one that is sent, one that is dropped, one that is no event."""
    write(tmp_path)
    rows = (
        event("Order Completed", properties={"total": 10.0, "Drop Type": 2**60}, empty=None),
        event(MARKUP),
        "no JSON",
    )
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    sample = take_sample(Message(text.encode(), {}, f"rows.jsonl:{n}", 0.0) for n, text in enumerate(texts, start=1))
    with PreviewServer(0, WatchedConfig(str(tmp_path / "shop.yaml")), sample) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(
    server: PreviewServer, path: str, method: str = "GET", host: str = "", headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(LOOPBACK, server.server_port, timeout=10)
    try:
        headers = {"Host": host or f"{LOOPBACK}:{server.server_port}", **(headers or {})}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def view(server: PreviewServer, name: str) -> Any:
    answer, body = ask(server, f"{server.prefix}api/{name}")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "application/json"), body
    return json.loads(body)


def test_the_page_asks_for_nothing_from_elsewhere_and_writes_no_markup(server: PreviewServer) -> None:
    """Its policy allows nothing but its own files; a script that sets text cannot set markup."""
    names = {"": "text/html", "page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
    for name, media_type in names.items():
        answer, body = ask(server, server.prefix + name)
        assert (answer.status, str(answer.getheader("Content-Type")).partition(";")[0]) == (200, media_type)
        policy = str(answer.getheader("Content-Security-Policy"))
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert answer.getheader("Access-Control-Allow-Origin") is None
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert set(re.findall(rb"https?://[\w./]+", body)) <= {b"http://www.w3.org/2000/svg"}
        assert re.findall(rb"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|style=|onclick", body) == []
    assert {file.name for file in (files("pipeline.serve") / "page").iterdir()} == {*names, "index.html"} - {""}


def test_a_row_is_shown_with_its_request_byte_for_byte_and_numbers_as_they_are_sent(server: PreviewServer) -> None:
    """A script would read 10.0 as 10, and 2**60 as another number."""
    row = view(server, "row?at=0")

    (part,) = row["way"]["parts"]
    assert part["headline"] == "Event is sent as purchase (row 1, line 12)"
    assert part["rows"][0]["where"][0] == {
        "line": 15,
        "property": "event_properties.total",
        "operator": ">=",
        "values": ["10"],
        "holds": True,
        "found": "10.0",
    }
    assert '"dataFields":{"total":10.0,"drop_type":1152921504606846976}' in part["request"]["body"]
    assert '"total": 10.0' in part["pretty"]
    assert part["request"]["body"] in part["curl"]
    assert "$SHOP_KEY" in part["curl"]
    assert '"total": 10.0' in row["event"]
    assert (row["place"], row["left_out"], row["is_old"]) == ("rows.jsonl:1", 1, False)
    assert view(server, "row?at=1")["way"]["parts"][0]["explanation"] == [
        "No row of send_events.events has the event's name."
    ]
    assert view(server, "row?at=2")["event"] == "no JSON"


def test_a_save_that_breaks_the_config_is_told_at_its_line_until_the_next_one(
    server: PreviewServer, tmp_path: Path
) -> None:
    """Rows are then shown as by the last valid config, and say so."""
    file = tmp_path / "shop.yaml"
    config = view(server, "config")
    assert (config["is_valid"], config["notes"], config["lines"][0]) == (True, [], "name: Shop")
    assert view(server, f"config?known={config['version']}") == {}

    file.write_text(CONFIG.replace("value: 10", "value: ten").replace("Trial Startd", '"Trial'))
    broken = view(server, f"config?known={config['version']}")
    assert (broken["is_valid"], [note["line"] for note in broken["notes"]]) == (False, [20])
    file.write_text(CONFIG.replace("value: 10", "value: ten"))
    (note,) = view(server, "config")["notes"]
    assert (note["kind"], note["line"]) == ("problem", 15)
    assert note["text"].startswith('send_events.events[0].where[0].value: "ten" is not allowed: must be a number')
    row = view(server, "row?at=0")
    assert (row["is_old"], row["way"]["parts"][0]["verdict"]) == (True, "sent")

    file.write_text(CONFIG.replace("value: 10", "value: 11").replace("status: enabled", "status: disabled"))
    mended = view(server, "config")
    assert [(note["kind"], note["line"]) for note in mended["notes"]] == [("warning", 2)]
    row = view(server, "row?at=0")
    assert (row["is_old"], row["version"]) == (False, mended["version"])
    assert row["way"]["parts"][0]["reason"] == "where_not_met"
    file.write_text(CONFIG.replace("    - Song Played\n", "    - Song Played\n    - Song Played\n"))
    (note,) = view(server, "config")["notes"]
    assert (note["kind"], note["line"]) == ("warning", 17)


def test_a_config_that_was_never_valid_still_has_a_page(tmp_path: Path) -> None:
    """And rows, which can be searched."""
    (tmp_path / "shop.yaml").write_text("name: [")
    server = PreviewServer(0, WatchedConfig(str(tmp_path / "shop.yaml")), Sample((Message(b"{}", {}, "1", 0.0),), True))
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            assert view(server, "config")["is_valid"] is False
            assert view(server, "row?at=0")["way"] is None
            assert view(server, "find?text=user%3Dada") == {"found": []}
        finally:
            server.shutdown()
            thread.join()


def test_rows_are_counted_and_found(server: PreviewServer) -> None:
    """Names of events are data: markup in them is told as it is."""
    assert view(server, "sample") == {"rows": 3, "is_all": True, "event_types": {"Order Completed": 1, MARKUP: 1}}
    assert view(server, "find?text=event%3DOrder+Completed") == {"found": [0]}
    assert view(server, "find?text=onerror") == {"found": [1]}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:9000", 200),  # a forwarded port
        ("LOCALHOST", 200),
        ("attacker.example", 403),  # made to lead here
        ("127.0.0.1.attacker.example", 403),
        ("127.0.0.1@attacker.example", 403),
        ("localhost:80, attacker.example", 403),
    ],
)
def test_only_this_machine_s_own_names_are_answered(server: PreviewServer, host: str, status: int) -> None:
    """An address of another site's name is what DNS rebinding makes of this one."""
    answer, body = ask(server, f"{server.prefix}api/sample", host=host)

    assert answer.status == status
    assert (b"rows" in body) is (status == 200)


def test_nothing_else_is_answered(server: PreviewServer) -> None:
    """No path without the secret, none that leads out, no other method, no other site's page."""
    prefix = server.prefix
    nowhere = [
        "/",
        "/api/sample",
        "api/sample",
        "/page.js",
        f"{prefix}../server.py",
        f"{prefix}%2e%2e/server.py",
        f"{prefix}page/page.js",
    ]
    nowhere += [
        f"{prefix}api/",
        f"{prefix}api/row",
        f"{prefix}api/row?at=3",
        f"{prefix}api/row?at=-1",
        f"{prefix}/etc/passwd",
    ]
    assert [path for path in nowhere if ask(server, path)[0].status != 404] == []
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        assert ask(server, f"{prefix}api/sample", method)[0].status == 501
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        assert ask(server, f"{prefix}api/sample", headers={"Sec-Fetch-Site": site})[0].status == status
    assert ask(server, prefix, headers={"Sec-Fetch-Site": "cross-site"})[0].status == 200  # a link in a web terminal
    assert len(prefix) > 16
