# SPDX-License-Identifier: Apache-2.0
import dataclasses
from collections.abc import Callable
from pathlib import Path as File
from typing import Any

import pytest

from pipeline.config.loader import Config, load_config
from pipeline.config.to_rules import rules_of, sender_settings_of, sync_tag_of
from tests.builders import source_at
from transforms.amplitude.paths import Path
from transforms.dead_letters.letter import sync_name_of
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.operations import BULK_UPDATE, OPERATIONS, TRACK_BULK, configured
from transforms.mapping.conversions import Conversion
from transforms.mapping.identity import IdentityRules
from transforms.mapping.properties import FieldMapping, PropertySelection
from transforms.mapping.routing import BranchRules
from transforms.mapping.sources import ITEM, Handling, Source, parse_template
from transforms.model.errors import DroppedError
from transforms.model.items import Event, Message

CONFIGS = File(__file__).parents[3] / "configs"
FULL = load_config(str(CONFIGS / "full.yaml"))
MINIMAL = load_config(str(CONFIGS / "minimal.yaml"))

Load = Callable[[str], Config]


@pytest.fixture
def load(tmp_path: File) -> Load:
    """A config of these lines below the ones that every config needs."""

    def load_lines(lines: str) -> Config:
        file = tmp_path / "sync.yaml"
        head = "name: Sync\nstatus: enabled\n"
        destination = "destination: {api_key: env:KEY, project_type: hybrid}\n"
        file.write_text(head + ("" if "destination:" in lines else destination) + lines, encoding="utf-8")
        return load_config(str(file)).config

    return load_lines


def test_the_rules_of_the_branch() -> None:
    """The sync's name, and what updates a user."""
    branch = rules_of(FULL.config).branch
    calls = {"Newsletter Left": ("list_unsubscribe",), "Account Deleted": ("delete_user",)}
    expected = BranchRules("Amplitude to Iterable", frozenset({"identify", "property_changes"}), calls=calls)

    assert expected == dataclasses.replace(branch, updating=None)
    assert branch.updating
    assert [bool(branch.updating.named(name)) for name in ("Subscription Changed", "Other")] == [True, False]
    assert rules_of(MINIMAL.config).branch.updating is None


@pytest.mark.parametrize(
    ("events", "alone"),
    [
        ("{enabled: true, events: [Left]}", {"session_start", "[Amplitude] Start Session"}),
        ('{enabled: true, events: ["*"]}', {"session_start", "[Amplitude] Start Session"}),
        ("{enabled: true, events: [{event: session_start, where: [WHERE]}]}", {"Left"}),
        ("{enabled: false, events: [Left, session_start]}", {"Left", "session_start", "[Amplitude] Start Session"}),
    ],
)
def test_which_events_calls_alone_name(load: Load, events: str, alone: set[str]) -> None:
    """Those without a row in send_events, whatever the row's clauses, by either name of a reserved event."""
    events = events.replace("WHERE", "{property: user_id, operator: exists}")
    of_call = "call: users/forget, confirm: forgets users in Iterable for good"
    calls = f"calls: [{{event: Left, {of_call}}}, {{event: session_start, {of_call}}}]"
    config = load(f"send_events: {events}\n{calls}\n")

    assert rules_of(config).branch.called_alone == alone


def test_the_rules_of_user_updates() -> None:
    """Every key of the full example that concerns them is there; bare names are user properties."""
    users = rules_of(FULL.config).users
    rows = (
        FieldMapping(source_at("user_properties.plan"), "plan"),
        FieldMapping(source_at("user_properties.Sign Up Date", "date"), "signup_date"),
        FieldMapping(source_at("group_properties.Company"), "company"),
        FieldMapping(source_at("country"), "country"),
    )
    identity = IdentityRules("email", source_at("user_properties.email"), source_at("user_id"), False)
    expected = (True, PropertySelection(rows), identity, True, 4_000_000 - BULK_UPDATE.envelope_bytes)

    assert expected == (
        users.enabled,
        users.properties,
        users.identity,
        users.merge_nested_objects,
        users.max_bytes,
    )


def test_the_rules_of_track_events() -> None:
    """Every key of the full example that concerns them is there; a bare name belongs to the scope of its list."""
    rules = rules_of(FULL.config).tracks
    tracks = {one.name: getattr(rules, one.name) for one in dataclasses.fields(rules) if one.init}
    del tracks["events"]
    items = PropertySelection(
        (FieldMapping(Source((Path(ITEM, "sku"),)), "id"), FieldMapping(Source((Path(ITEM, "price"),)), "price"))
    )
    expected = {
        "enabled": True,
        "event_properties": PropertySelection(
            (
                FieldMapping(source_at("event_properties.total"), "total"),
                FieldMapping(source_at("event_properties.currency"), "currency"),
                FieldMapping(source_at("event_properties.Drop Id", "string"), "drop_id"),
                FieldMapping(
                    Source(
                        (Path("event_properties", "coupon"), Path("event_properties", "discount")),
                        conversions=(Conversion("trim"), Conversion("lower")),
                        default="none",
                        handling=Handling("leave_out", "leave_out"),
                    ),
                    "coupon",
                ),
                FieldMapping(source_at("event_properties.products[0].name"), "first_product"),
                FieldMapping(Source((Path("event_properties", "products"),), each=items), "items"),
                FieldMapping(Source(template=parse_template("{city}, {country}")), "place"),
                FieldMapping(Source(constant="amplitude"), "source"),
            )
        ),
        "user_properties": PropertySelection(
            (FieldMapping(source_at("user_properties.plan"), "plan"),),
            "user_properties",
            frozenset({"email", "internal_notes"}),
        ),
        "identity": rules_of(FULL.config).users.identity,
        "numbers": {
            "campaign_id": source_at("event_properties.iterable_campaign_id"),
            "template_id": source_at("event_properties.iterable_template_id"),
        },
        "create_new_fields": True,
        "max_bytes": 4_000_000 - TRACK_BULK.envelope_bytes,
    }

    assert expected == tracks


@pytest.mark.parametrize(
    ("event_type", "properties", "match"),
    [
        ("Application Opened", {}, "Application Opened "),
        ("Order Completed", {"total": 10, "currency": "USD"}, "Order Completed purchase"),
        ("Order Completed", {"total": 9.99, "currency": "USD"}, "where_not_met"),
        ("Order Completed", {"total": 10, "currency": "GBP"}, "where_not_met"),
        ("Viewed", {"[Amplitude] Page Path": "/shop/a/b"}, "* "),
        ("Viewed", {"[Amplitude] Page Path": "/blog"}, "where_not_met"),
        ("[Amplitude] Revenue", {}, "reserved_event"),
    ],
)
def test_the_filter_of_events(event_type: str, properties: dict[str, Any], match: str) -> None:
    """Rows, their clauses and values, and new names are those of the file, in its order."""
    row = {"user_id": "user-42", "user_properties": {"roles": ["admin", "billing"]}, "event_properties": properties}
    event = Event(Message(b"", {}, "1", 0.0), row, event_type, 0.0)

    try:
        matched = rules_of(FULL.config).tracks.events.match(event)
        actual = f"{matched.event} {matched.rename}"
    except DroppedError as dropped:
        actual = dropped.reason

    assert match == actual


@pytest.mark.parametrize(
    ("lines", "rows", "everything_in"),
    [
        ("{enabled: true}", (), ""),
        ("{enabled: true, user_properties: []}", (), ""),
        ('{enabled: true, user_properties: "*"}', (), "user_properties"),
        (
            "{enabled: true, user_properties: [a.b]}",
            (FieldMapping(source_at("user_properties.a.b"), "a.b"),),
            "",
        ),
    ],
)
def test_the_selection_of_properties(
    load: Load, lines: str, rows: tuple[FieldMapping, ...], everything_in: str
) -> None:
    """None listed: none; "*": the list's own scope as a whole; a bare name is the whole name, dots and all."""
    selection = rules_of(load(f"create_and_update_users: {lines}")).users.properties

    assert PropertySelection(rows, everything_in) == selection


def test_what_is_omitted_is_off() -> None:
    """The minimal config sends events with their properties, and updates nobody."""
    users, tracks = rules_of(MINIMAL.config).users, rules_of(MINIMAL.config).tracks
    expected: Any = (False, None, True, PropertySelection((), "event_properties"), PropertySelection(()), {}, None)

    assert expected == (
        users.enabled,
        users.merge_nested_objects,
        tracks.enabled,
        tracks.event_properties,
        tracks.user_properties,
        tracks.numbers,
        tracks.create_new_fields,
    )


@pytest.mark.parametrize(
    ("mappings", "email", "user_id"),
    [
        ("", Path("user_properties", "email"), Path("", "user_id")),
        ("mappings: {email: user_properties.Mail}", Path("user_properties", "Mail"), Path("", "user_id")),
        (
            "mappings: {user_id: event_properties.ref.id}",
            Path("user_properties", "email"),
            Path("event_properties", "ref.id"),
        ),
        ("mappings: {email: null}", None, Path("", "user_id")),
    ],
)
def test_the_mappings(load: Load, mappings: str, email: Path | None, user_id: Path) -> None:
    """Omitted: Amplitude's defaults; null: no such id; users and events have the same."""
    rules = rules_of(load(mappings))
    identity = IdentityRules("hybrid", Source((email,)) if email else None, Source((user_id,)))

    assert [identity] * 2 == [rules.users.identity, rules.tracks.identity]


def test_an_item_is_bounded_by_its_request(load: Load) -> None:
    """What no request can hold is rejected while it is mapped."""
    rules = rules_of(load("delivery: {batch: {max_bytes: 5000}}"))
    expected = [5000 - len('{"createNewFields":false,"updateOnly":false,"users":[]}'), 5000 - len('{"events":[]}')]

    assert expected == [rules.users.max_bytes, rules.tracks.max_bytes]


def test_the_settings_of_the_sender(load: Load) -> None:
    """Where the key is, and every key of delivery, with Iterable's own switches."""
    destination = (
        "destination:\n"
        "  {api_key: env:KEY, project_type: hybrid, region: eu, create_new_fields: false, update_only: true}\n"
    )
    delivery = (
        "delivery:\n"
        "  batch: {max_items: 7, max_bytes: 5000, max_age_seconds: 3}\n"
        "  requests_per_second: {bulk_update: 1, track_bulk: 2.5}\n"
        "  retry: {give_up_after: 1h, first_backoff: 2s, max_backoff: 1m, unknown_user_delays: [1s, 2m]}\n"
    )
    settings = sender_settings_of(load(destination + delivery), None)
    operations = configured(
        OPERATIONS,
        per_second={"bulk_update": 1.0, "track_bulk": 2.5},
        max_items=7,
        max_bytes=5000,
        flags={"createNewFields": False, "updateOnly": True},
    )
    rules = DeliveryRules(operations[:2], 3.0, 3600.0, 2.0, 60.0, (1.0, 120.0), operations[2:], two_ids=True)

    assert ("https://api.eu.iterable.com", "env:KEY", rules) == (settings.url, settings.api_key, settings.rules)


def test_the_defaults_of_the_sender() -> None:
    """A config without a delivery section keeps to Iterable's documented limits, in the US data centre."""
    settings = sender_settings_of(MINIMAL.config, None)

    assert ("https://api.iterable.com", DeliveryRules()) == (
        settings.url,
        dataclasses.replace(settings.rules, two_ids=False),
    )


@pytest.mark.parametrize(("project_type", "two_ids"), [("email", False), ("user_id", False), ("hybrid", True)])
def test_where_both_ids_are_unique(load: Load, project_type: str, two_ids: bool) -> None:
    """Elsewhere several users may share the id that does not identify them."""
    config = load(f"destination:\n  {{api_key: env:KEY, project_type: {project_type}}}\n")

    assert sender_settings_of(config, None).rules.two_ids == two_ids


def test_another_host_may_stand_in() -> None:
    """A sandbox instead of the region's host."""
    url = "http://127.0.0.1:8080"

    assert url == sender_settings_of(FULL.config, url).url


def test_the_tag_of_dead_letters() -> None:
    """The config's name, by which a replay knows its own, and its hash."""
    tag = sync_tag_of(FULL)

    assert (f"Amplitude to Iterable#{FULL.hash}", "Amplitude to Iterable") == (tag, sync_name_of(tag))
