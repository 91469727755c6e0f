from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import orjson
import pytest

from pipeline.sandbox.oracle.expected import Expected, Profile
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings

SETTINGS = TrafficSettings(seed=7, messages=12_000, users=300)
STAMPS = ("uuid", "server_received_time", "server_upload_time", "processed_time")
LISTED = {"plan": "plan", "login_count": "login_count", "Sign Up Date": "signup_date"}

Row = dict[str, Any]


@pytest.fixture(scope="module")
def traffic() -> tuple[list[bytes], Expected]:
    """All the data, and the expectation."""
    source = Traffic(SETTINGS)
    return [data for data, _ in source], source.expected


@pytest.fixture(scope="module")
def rows(traffic: tuple[list[bytes], Expected]) -> list[Row]:
    """The rows that are objects of JSON, in order of publishing."""
    return list(readable(traffic[0]))


def readable(messages: list[bytes]) -> Iterator[Row]:
    for data in messages:
        try:
            row = orjson.loads(data)
        except orjson.JSONDecodeError:
            continue
        if isinstance(row, dict):
            yield row


def is_identify(row: Row) -> bool:
    return row.get("event_type", "$identify") == "$identify" and row.get("user_properties") is not None


def seconds(row: Row) -> float | None:
    if "time" in row:
        return float(row["time"]) / 1000
    if "event_time" not in row:
        return None
    return datetime.fromisoformat(row["event_time"]).replace(tzinfo=timezone.utc).timestamp()


def test_the_same_settings_give_the_same_bytes() -> None:
    """Data and attributes are equal, message by message."""
    settings = TrafficSettings(seed=3, messages=2_000)

    assert list(Traffic(settings)) == list(Traffic(settings))


def test_another_seed_gives_other_bytes() -> None:
    """The seed is what makes the difference."""
    first, second = (list(Traffic(TrafficSettings(seed=seed, messages=100))) for seed in (1, 2))

    assert first != second


@pytest.mark.parametrize("messages", [0, 1, 2, 3, 10, 199, 1_001])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_there_are_as_many_messages_as_asked_for(messages: int, seed: int) -> None:
    """What is put off is published before the end, and every message has an outcome."""
    traffic = Traffic(TrafficSettings(seed=seed, messages=messages, users=20, duplicates=0.3, overtaken_identifies=0.5))

    published = len(list(traffic))

    assert (messages, messages) == (published, traffic.expected.outcomes.total())


def test_every_outcome_there_is_comes_about(traffic: tuple[list[bytes], Expected]) -> None:
    """One run exercises each rule for which a message is dropped or becomes a dead letter."""
    outcomes = {
        ("delivered", "user", ""),
        ("delivered", "track", ""),
        ("dropped", "user", "nothing_to_send"),
        ("dropped", "user", "no_identity"),
        ("dropped", "track", "event_not_selected"),
        ("dropped", "track", "where_not_met"),
        ("dropped", "track", "no_identity"),
        ("dropped", "track", "reserved_event"),
        ("dropped", "message", "group_identify"),
        ("dead_lettered", "message", "not_json"),
        ("dead_lettered", "message", "not_an_object"),
        ("dead_lettered", "message", "missing_event_type"),
        ("dead_lettered", "message", "missing_event_time"),
        ("dead_lettered", "message", "bad_event_time"),
        ("dead_lettered", "user", "invalid_email"),
        ("dead_lettered", "user", "invalid_user_id"),
        ("dead_lettered", "track", "invalid_email"),
        ("dead_lettered", "track", "invalid_user_id"),
    }

    assert outcomes == set(traffic[1].outcomes)


def test_a_row_fits_on_a_line(traffic: tuple[list[bytes], Expected]) -> None:
    """No data hold a newline, and none are empty."""
    assert not [data for data in traffic[0] if b"\n" in data or not data.strip()]


def test_a_row_of_amplitude_has_all_its_keys(rows: list[Row]) -> None:
    """Every row that Amplitude stamped holds 55 keys, but for the ones spoiled on purpose."""
    sizes = Counter(len(row) for row in rows if "uuid" in row)

    assert {55, 54, 53} == set(sizes)
    assert sizes[55] > 100 * (sizes[53] + sizes[54])


def test_identifies_come_in_all_shapes(rows: list[Row]) -> None:
    """A row, a raw one and one without an event type; with operators or flat; with and without a time."""
    shapes = {
        (
            "row" if "uuid" in row else row.get("event_type", "bare"),
            "operators" if any(key.startswith("$") for key in row["user_properties"]) else "flat",
            "untimed" if seconds(row) is None else "timed",
        )
        for row in rows
        if is_identify(row)
    }
    raw = {("$identify", form, time) for form in ("operators", "flat") for time in ("timed", "untimed")}

    assert (
        raw
        | {
            ("row", "operators", "timed"),
            ("row", "flat", "timed"),
            ("bare", "flat", "timed"),
            ("bare", "flat", "untimed"),
        }
        == shapes
    )


def test_all_of_amplitudes_operators_are_used(rows: list[Row]) -> None:
    """Those that can be sent and those that cannot."""
    used = {key for row in rows if is_identify(row) for key in row["user_properties"] if key.startswith("$")}

    assert used == set(
        "$clearAll $unset $set $setOnce $add $append $prepend $preInsert $postInsert $remove".split()  # noqa: SIM905
    )


def test_reserved_events_have_the_names_that_exports_hold(rows: list[Row]) -> None:
    """And those of Amplitude's screen."""
    types = {row.get("event_type") for row in rows}

    assert {"session_start", "session_end", "revenue_amount", "[Amplitude] Start Session"} <= types


def test_who_has_no_user_id_may_have_an_empty_one(rows: list[Row]) -> None:
    """Some senders write "" where others write null."""
    assert {"", None} < {row.get("user_id") for row in rows}


def test_a_copy_differs_in_amplitudes_stamps_alone(rows: list[Row]) -> None:
    """Two rows of one app, device and insert id have uuids of their own and the same content."""
    copies: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if "uuid" in row and row.get("event_type") == "Song Played":
            copies[row["app"], row["device_id"], row["$insert_id"]].append(row)
    doubled = [pair for pair in copies.values() if len(pair) > 1]

    assert len(doubled) > 20
    for first, second in doubled:
        assert first["uuid"] != second["uuid"]
        assert {**first, **dict.fromkeys(STAMPS)} == {**second, **dict.fromkeys(STAMPS)}


def test_a_copy_counts_and_is_held_once(traffic: tuple[list[bytes], Expected]) -> None:
    """Both copies of an event are delivered; Iterable holds one."""
    expected = traffic[1]

    assert expected.outcomes["delivered", "track", ""] > len(expected.events)


def test_some_events_come_hours_late(rows: list[Row]) -> None:
    """Their event time is up to three days before the time they were received."""
    delays = [
        datetime.fromisoformat(row["server_received_time"]).timestamp()
        - datetime.fromisoformat(row["event_time"]).timestamp()
        for row in rows
        if row.get("event_type") == "Song Played" and str(row.get("event_time")).startswith("2026-01")
    ]

    assert 0.02 < sum(delay > 3600 for delay in delays) / len(delays) < 0.08
    assert max(delays) < 73 * 3600


@pytest.mark.parametrize("messages", [20, 150, 300, 5_000])
@pytest.mark.parametrize("late_identifies", [0.0, 0.3, 1.0])
def test_every_user_with_an_event_is_introduced(messages: int, late_identifies: float) -> None:
    """An event's user is one that Iterable is to hold, however late the identify comes and however short the run."""
    traffic = Traffic(TrafficSettings(messages=messages, users=100, late_identifies=late_identifies))
    for _ in traffic:
        pass
    events = traffic.expected.events.values()
    owners = {f"userId:{event['userId']}" if "userId" in event else f"email:{event['email']}" for event in events}

    assert owners <= set(traffic.expected.users)


def test_some_events_come_before_their_user(rows: list[Row]) -> None:
    """Of some users an event is published first, the identify after it."""
    first_seen: dict[str, bool] = {}
    for row in rows:
        if row.get("user_id") and (is_identify(row) or row.get("event_type") == "Song Played"):
            first_seen.setdefault(row["user_id"], is_identify(row))

    assert {True, False} == set(first_seen.values())


def test_no_email_belongs_to_two_users(traffic: tuple[list[bytes], Expected]) -> None:
    """People and leads keep apart, and Iterable's emails are in lower case."""
    emails = [user["email"] for user in traffic[1].users.values() if user["email"]]

    assert len(emails) == len({email.lower() for email in emails})
    assert emails == [email.lower() for email in emails]


def test_some_identifies_are_overtaken(rows: list[Row]) -> None:
    """Of some users an identify is published after a newer one; a user without times has none with a time."""
    times: dict[str, list[float | None]] = defaultdict(list)
    for row in rows:
        if is_identify(row) and row.get("user_id"):
            times[row["user_id"]].append(seconds(row))
    timed = [[time for time in those if time is not None] for those in times.values() if None not in those]

    assert any(those != sorted(those) for those in timed)
    assert all(those == [None] * len(those) for those in times.values() if None in those)


def test_changes_without_a_time_keep_apart(traffic: tuple[list[bytes], Expected]) -> None:
    """Two timeless identifies that contradict each other never fit one publish request, whose messages share a time."""
    last: dict[tuple[str, str], tuple[int, Any]] = {}
    gaps = []
    for number, data in enumerate(traffic[0]):
        for row in readable([data]):
            if is_identify(row) and seconds(row) is None and row.get("user_id"):
                for name, value in written(row["user_properties"]).items():
                    before, old = last.get((row["user_id"], name), (number, value))
                    if old != value:
                        gaps.append(number - before)
                    last[row["user_id"], name] = number, value

    assert len(gaps) > 5
    assert min(gaps) > 1_000


def written(properties: Row) -> dict[str, Any]:
    """What an identify says of the listed properties and the email: a value, or None to clear it."""
    if "$clearAll" in properties:
        return dict.fromkeys(LISTED)
    if any(name.startswith("$") for name in properties):
        properties = dict.fromkeys(properties.get("$unset", {})) | properties.get("$set", {})
    return {name: value for name, value in properties.items() if name in LISTED or name == "email"}


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

    assert profiles == traffic[1].users


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

    assert events == traffic[1].events


def test_the_expectation_grows_with_what_is_taken() -> None:
    """A run cut short is expected to come to what was published until then."""
    traffic = Traffic(TrafficSettings(messages=1_000))
    for _ in range(10):
        next(traffic)

    assert traffic.expected.outcomes.total() == 10


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"messages": -1}, "messages is -1"),
        ({"users": 0}, "users 0"),
        ({"late": 1.5, "leads": -0.1}, "leads, late"),
        ({"identifies": 0.9, "bad_messages": 0.2}, "more than 1"),
        ({"unlisted_events": 0.9, "reserved_events": 0.2}, "more than 1"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], complaint: str) -> None:
    """The error names the setting."""
    with pytest.raises(ValueError, match=complaint):
        TrafficSettings(**settings)
