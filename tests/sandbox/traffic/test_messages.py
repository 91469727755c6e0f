# SPDX-License-Identifier: Apache-2.0
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import orjson

from pipeline.sandbox.oracle.expected import Expected, Profile
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from tests.sandbox.traffic.reading import LISTED, Row, is_identify, seconds, written


def as_date(value: Any) -> Any:
    """2026-01-31 10:00:00 +00:00, or the day alone."""
    return value if value is None or len(value) == 10 else f"{value[:10]} {value[11:19]} +00:00"


def test_the_users_expected_can_be_read_off_the_rows(traffic: tuple[list[bytes], Expected], rows: list[Row]) -> None:
    """Read naively, oldest first, the identifies come to the profiles that were noted while making them."""
    timed = [(seconds(row) or 0.0, row) for row in rows if is_identify(row)]  # a timeless user has no others
    profiles: dict[str, Profile] = {}
    for _, row in sorted(timed, key=lambda pair: pair[0]):
        values = written(row["user_properties"])
        user_id, email = row.get("user_id"), values.pop("email", None)
        is_malformed = (user_id and (len(user_id) > 52 or user_id != user_id.strip())) or (
            email and (email.count("@") != 1 or email.endswith("@") or " " in email)
        )
        if not (user_id or email) or not (values or email) or is_malformed:
            continue
        identity = f"userId:{user_id}" if user_id else f"email:{email.lower()}"
        profile = profiles.setdefault(identity, Profile(email=None, userId=user_id, dataFields={}))
        if email:
            profile["email"] = email.lower()
        for name, value in values.items():
            profile["dataFields"][LISTED[name]] = as_date(value) if name == "Sign Up Date" else value
    for profile in profiles.values():
        profile["dataFields"] = {name: value for name, value in profile["dataFields"].items() if value is not None}

    assert traffic[1].users == profiles


def test_the_events_expected_can_be_read_off_the_rows(traffic: tuple[list[bytes], Expected], rows: list[Row]) -> None:
    """Read naively, the rows come to the events that were noted while making them."""
    names = {
        "Order Completed": "purchase",
        "Song Played": "Song Played",
        "[Amplitude] Page Viewed": "[Amplitude] Page Viewed",
    }
    events = {}
    for row in rows:
        name = names.get(row.get("event_type") or "")
        total = row.get("event_properties", {}).get("total")
        user_id, email = row.get("user_id"), (row.get("user_properties") or {}).get("email", "")
        if not name or not (user_id or email) or (name == "purchase" and (total is None or total < 10)):
            continue
        who = {"userId": user_id} if user_id else {"email": email.lower()}
        if who.get("userId", "").endswith(" ") or len(who.get("userId", "")) > 52 or row["device_id"] == "device-odd":
            continue
        properties = {**row["event_properties"], "Song": None}
        fields = {"platform": row["platform"]}
        fields |= {"total": total if total is None else float(total)} if "total" in properties else {}
        fields |= {"currency": properties["currency"]} if "currency" in properties else {}
        fields |= {"song": properties["Song Name"]} if "Song Name" in properties else {}
        fields |= {"plan": row["user_properties"]["plan"]} if "plan" in row["user_properties"] else {}
        key = orjson.dumps([row["app"], row["device_id"], row["$insert_id"]]).decode()
        created = int(seconds(row) or 0)
        events[str(uuid5(NAMESPACE_OID, key))] = {"eventName": name, "createdAt": created, **who, "dataFields": fields}

    assert traffic[1].events == events


def test_the_expectation_grows_with_what_is_taken() -> None:
    """A run cut short is expected to come to what was published until then."""
    traffic = Traffic(TrafficSettings(messages=1_000))
    for _ in range(10):
        next(traffic)

    assert traffic.expected.outcomes.total() == 10
