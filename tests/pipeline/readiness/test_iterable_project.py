# SPDX-License-Identifier: Apache-2.0
"""What each answer of a simulated Iterable makes of the lines, and that asking leaves it as it was."""

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.config.loader import load_config
from pipeline.readiness.iterable_project import ask_iterable
from pipeline.readiness.report import Report
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY
from tests.sandbox.iterable.api import bulk_update

CONFIG = """\
name: Shop
status: enabled
destination: {api_key: env:KEY, project_type: hybrid}
create_and_update_users: {enabled: USERS, user_properties: [plan]}
send_events: {enabled: true, events: [Played], event_properties: [total]}
"""


KNOWN = "ok key: env:KEY is known there and may write"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", DEFAULT_API_KEY)


@pytest.fixture
def unused_url() -> str:
    """Where nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


def ask(
    url: str, folder: Path, others: Mapping[str, str] | None = None, users: str = "true", config: str = CONFIG
) -> Report:
    """The report of a sync to `url`."""
    path = folder / "shop.yaml"
    path.write_text(config.replace("USERS", users), encoding="utf-8")
    report = Report()
    ask_iterable(report, load_config(str(path)).config, url, others or {})
    return report


def lines(report: Report, hosts: Mapping[str, str]) -> list[str]:
    """Without what is said of the project's type; hosts by their names here, milliseconds not at all."""
    told = []
    for finding in report.findings:
        line = re.sub(r"\d+ ms", "9 ms", f"{finding.level} {finding.what}: {finding.told}")
        for name, url in hosts.items():
            line = line.replace(urlsplit(url).netloc, name)
        told.append(line)
    return [line for line in told if " project type: " not in line]


def key_line(iterable: SimulatedIterable, folder: Path) -> str:
    """The last one, where the host is reached."""
    reached, key = lines(ask(iterable.url, folder), {"HOST": iterable.url})
    assert reached == "ok reached: HOST, 9 ms"
    return key


def test_a_good_key_is_told_from_three_requests_that_change_nothing(
    iterable: SimulatedIterable, tmp_path: Path
) -> None:
    """Users, events and fields are there as they were; what was asked is on the list."""
    bulk_update(iterable, {"userId": "1", "dataFields": {"plan": "pro"}})
    before = iterable.dump()
    report = ask(iterable.url, tmp_path)
    told = lines(report, {"HOST": iterable.url})
    asked = [request.request.replace(urlsplit(iterable.url).netloc, "HOST") for request in report.requests]

    assert told == [
        "ok reached: HOST, 9 ms",
        f"{KNOWN}: an empty users/bulkUpdate was taken, an empty events/trackBulk was taken",
    ]
    assert asked == [
        "GET HOST/api/users/getFields",
        "POST HOST/api/users/bulkUpdate, empty",
        "POST HOST/api/events/trackBulk, empty",
    ]
    assert before == iterable.dump()


def test_only_what_the_config_sends_to_is_asked(iterable: SimulatedIterable, tmp_path: Path) -> None:
    """A sync without users says nothing to bulkUpdate."""
    told = lines(ask(iterable.url, tmp_path, users="false"), {})

    assert told[1] == f"{KNOWN}: an empty events/trackBulk was taken"
    assert iterable.metrics()["endpoints"].keys() == {"getFields", "trackBulk"}


def test_a_request_refused_for_being_empty_is_good_news_of_the_key(iterable: SimulatedIterable, tmp_path: Path) -> None:
    """As Iterable answered in 2017."""
    iterable.configure(empty_users="legacy_400")

    assert key_line(iterable, tmp_path).startswith(f"{KNOWN}: an empty users/bulkUpdate was refused for being empty,")


@pytest.mark.parametrize(
    ("switches", "told"),
    [
        ({}, "it is a ReadOnly key. → Make a server-side one in Iterable"),
        ({"key_type_in_refusal": False}, "it is no server-side key. → Make one in Iterable"),
        ({"key_type_in_refusal": False, "wrong_key_type_status": 403}, "it is of a type that may not. → Make a"),
    ],
)
def test_a_key_that_only_reads(
    iterable: SimulatedIterable, tmp_path: Path, switches: dict[str, object], told: str
) -> None:
    """Is known, and may not write; whether its type is told is a switch."""
    iterable.configure(keys={DEFAULT_API_KEY: {"type": "ReadOnly"}}, **switches)

    assert key_line(iterable, tmp_path).startswith(f"problem key: env:KEY is known there, and may not write: {told}")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ({"type": "Mobile"}, "it is a Mobile key. → Make a server-side one in Iterable"),
        (
            {"enabled": False},
            "it is known there, and disabled or without this right. → Enable it in Iterable, or make another",
        ),
    ],
)
def test_a_key_that_is_known_and_may_nothing(
    iterable: SimulatedIterable, tmp_path: Path, key: dict[str, object], told: str
) -> None:
    """The refusal tells its type: no other host is asked."""
    iterable.configure(keys={DEFAULT_API_KEY: key})

    assert key_line(iterable, tmp_path) == f"problem key: env:KEY is refused by HOST: {told}"


CALLS = """\
name: Shop
status: enabled
destination: {api_key: env:KEY, project_type: hybrid}
calls:
  - {event: Web Push, call: users/registerBrowserToken, fields: {browserToken: event_properties.token}}
"""
UNSUBSCRIBED = "  - {event: Left, call: lists/unsubscribe, fields: {listId: {value: 1}}}\n"
DEVICE = """\
  - event: Push
    call: users/registerDeviceToken
    fields: {device.token: event_properties.token, device.platform: {value: GCM}, device.applicationName: {value: app}}
"""
MAY = "key: by Iterable's documentation it may make these calls; none is tried"
REFUSED = "problem key: env:KEY is refused by HOST:"
NEITHER = "problem calls: env:KEY is a server-side one, or only reads: neither may call"
BROWSERS = "users/registerBrowserToken, which takes a JavaScript or Web key"
DEVICES = "users/registerDeviceToken, which takes a Mobile key"
OF_ITS_OWN = ". → Make it a sync of its own, with such a key"


@pytest.mark.parametrize(
    ("key_type", "more", "told"),
    [
        ("Web", "", f"unknown key: env:KEY is a Web {MAY}"),
        ("JavaScript", "", f"unknown key: env:KEY is a JavaScript {MAY}"),
        ("Mobile", "", f"{REFUSED} it is a Mobile key. → Make a JavaScript or Web one in Iterable"),
        ("Web", UNSUBSCRIBED, f"{REFUSED} it is a Web key. → Make a server-side one in Iterable"),
        ("Web", DEVICE, f"{REFUSED} it is a Web key. → Make a server-side one in Iterable"),
        ("ServerSide", "", f"{NEITHER} {BROWSERS}{OF_ITS_OWN}"),
        ("ServerSide", UNSUBSCRIBED, f"{NEITHER} {BROWSERS}{OF_ITS_OWN}"),
        ("ServerSide", DEVICE, f"{NEITHER} {BROWSERS}; {DEVICES}{OF_ITS_OWN}"),
    ],
)
def test_of_calls_it_is_told_whether_the_keys_type_may_make_them(
    iterable: SimulatedIterable, tmp_path: Path, key_type: str, more: str, told: str
) -> None:
    """Without a call: by what is documented of the types."""
    iterable.configure(keys={DEFAULT_API_KEY: {"type": key_type}})

    found = lines(ask(iterable.url, tmp_path, config=CALLS + more), {"HOST": iterable.url})
    assert found[-1] == told
    is_asked = key_type == "ServerSide" and more == UNSUBSCRIBED
    assert ("trackBulk" in iterable.metrics()["endpoints"]) == bool(is_asked)


def test_a_wrong_region_is_told_from_a_wrong_key(iterable: SimulatedIterable, tmp_path: Path, unused_url: str) -> None:
    """By the other host: it knows the key, or not, or does not answer. A key of a wrong type is known, too."""
    wrong = "it is mistyped, deleted, not server-side, or needs a JWT. → Copy it anew, or make a server-side one"
    iterable.configure(keys={})
    with SimulatedIterable() as other:
        hosts = {"HOST": iterable.url, "OTHER": other.url, "AWAY": unused_url}

        def told(others: Mapping[str, str]) -> str:
            return lines(ask(iterable.url, tmp_path, others), hosts)[1].removeprefix("problem key: env:KEY is ")

        known = told({"eu": other.url})
        other.configure(keys={DEFAULT_API_KEY: {"type": "Web"}})
        known_of_a_wrong_type = told({"eu": other.url})
        other.configure(keys={})
        unknown = told({"eu": other.url})
        asked = other.metrics()["endpoints"].keys()

    assert known == known_of_a_wrong_type == "refused by HOST: OTHER knows it. → region: eu"
    assert unknown == f"refused by HOST: OTHER does not know it either: {wrong}"
    assert told({"eu": unused_url}) == (
        f"refused by HOST: it may be of the other region, eu, whose AWAY could not be asked; or {wrong}"
    )
    assert told({}) == f"refused by HOST: {wrong}"
    assert asked == {"getFields"}


def test_without_a_key_nobody_is_asked(
    iterable: SimulatedIterable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line says where it should be."""
    monkeypatch.delenv("KEY")
    report = ask(iterable.url, tmp_path)

    assert lines(report, {}) == [
        "problem key: the environment variable KEY is not set. Put Iterable's server-side API key there."
    ]
    assert (report.requests, iterable.metrics()["endpoints"]) == ([], {})


def test_what_is_not_reached(iterable: SimulatedIterable, tmp_path: Path, unused_url: str) -> None:
    """No answer, an error, and something that is not Iterable: one problem each, and nothing more is asked."""
    iterable.fault("getFields", status=503)
    iterable.fault("getFields", status=200, body="<html>Log in to the network</html>")
    away, unwell, foreign = (
        lines(ask(url, tmp_path), {"HOST": iterable.url, "AWAY": unused_url})
        for url in (unused_url, iterable.url, iterable.url)
    )

    remedy = "→ Look at the network; the proxies of the environment are not used"
    assert away == [f"problem reached: AWAY, 9 ms: no answer (ConnectionError). {remedy}"]
    assert unwell == ["problem reached: HOST, 9 ms: it answers HTTP 503"]
    assert foreign == ["problem reached: HOST, 9 ms: what answers for the types of fields is not Iterable"]
    assert iterable.metrics()["endpoints"].keys() == {"getFields"}


def test_what_was_not_told_is_not_known(iterable: SimulatedIterable, tmp_path: Path) -> None:
    """Too many requests, or an error where the right to write is asked for, say nothing of the key."""
    iterable.fault("getFields", status=429)
    iterable.fault("bulkUpdate", status=502)
    iterable.fault("bulkUpdate", drop_connection="before")

    assert key_line(iterable, tmp_path).startswith("warning key: env:KEY: too many requests at the moment")
    assert key_line(iterable, tmp_path).endswith("whether it may write is not: users/bulkUpdate, empty: HTTP 502")
    assert key_line(iterable, tmp_path).endswith("whether it may write is not: users/bulkUpdate, empty: no answer")
