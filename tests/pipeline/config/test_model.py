# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from pipeline.config.clauses import Clause
from pipeline.config.loader import LoadedConfig
from pipeline.config.sources import SourceSpec
from transforms.amplitude.paths import Path as PropertyPath
from transforms.mapping.conversions import Conversion

Load = Callable[[str], LoadedConfig]
Problems = Callable[[str], list[str]]


HEX_KEY = "a123456789abcdef0123456789abcdef"


def test_the_models_read_well(load: Load) -> None:
    """Every key of a full config, as Python finds it."""
    config = load(
        """\
name: Test
status: disabled
destination: {region: us, api_key: "file:/run/key", project_type: email, prefer_user_id: true}
create_and_update_users:
  enabled: true
  on: [property_changes, identify]
  user_properties: [plan, {property: Sign Up.Date, as: signup_date, type: date}, {path: groups.Company}]
send_events:
  enabled: true
  events:
    - event: Order Completed
      as: purchase
      where: [{property: event_properties.total, operator: "≥", value: 10}]
    - "*"
  event_properties: "*"
mappings: {user_id: null, campaign_id: event_properties.campaign}
delivery:
  batch: {max_age_seconds: 5}
  requests_per_second: {track_bulk: 2.5}
  retry: {give_up_after: 90m, unknown_user_delays: [30s, 1m]}
"""
    ).config
    users, events, mappings, delivery = (
        config.create_and_update_users,
        config.send_events,
        config.mappings,
        config.delivery,
    )
    actual = {
        "status": config.status,
        "destination": config.destination.model_dump(exclude_none=True),
        "on": users.on,
        "user_properties": [(row.target, row.paths("user_properties"), row.type) for row in users.user_properties.rows],
        "events": [(row.event, row.rename) for row in events.events],
        "where": [(one.path, one.operator, one.values) for one in events.events[0].where if isinstance(one, Clause)],
        "everything": (users.user_properties.everything, events.event_properties.everything),
        "mappings": (mappings.email, mappings.user_id, mappings.campaign_id, mappings.template_id),
        "delivery": delivery.model_dump(),
    }
    expected = {
        "status": "disabled",
        "destination": {
            "region": "us",
            "api_key": "file:/run/key",
            "project_type": "email",
            "prefer_user_id": True,
        },
        "on": ("property_changes", "identify"),
        "user_properties": [
            ("plan", (PropertyPath("user_properties", "plan"),), ()),
            ("signup_date", (PropertyPath("user_properties", "Sign Up.Date"),), (Conversion("date"),)),
            ("Company", (PropertyPath("groups", "Company"),), ()),
        ],
        "events": [("Order Completed", "purchase"), ("*", None)],
        "where": [(PropertyPath("event_properties", "total"), ">=", (10,))],
        "everything": (False, True),
        "mappings": (
            SourceSpec(path=(PropertyPath("user_properties", "email"),)),
            None,
            SourceSpec(path=(PropertyPath("event_properties", "campaign"),)),
            None,
        ),
        "delivery": {
            "batch": {"max_items": 1_000, "max_bytes": 4_000_000, "max_age_seconds": 5.0},
            "requests_per_second": {"bulk_update": 5.0, "track_bulk": 2.5},
            "retry": {
                "give_up_after": 5_400.0,
                "first_backoff": 1.0,
                "max_backoff": 300.0,
                "unknown_user_delays": (30.0, 60.0),
            },
        },
    }

    assert expected == actual


def test_what_is_omitted_has_the_documented_default(head: str, load: Load) -> None:
    """Both toggles are off, the mappings are Amplitude's defaults, the limits are Iterable's."""
    actual = load(head).config.model_dump(exclude={"name", "status", "destination"})
    nothing = {"everything": False, "rows": ()}
    expected = {
        "create_and_update_users": {"enabled": False, "on": ("identify",), "user_properties": nothing},
        "send_events": {
            "enabled": False,
            "events": (),
            "event_properties": nothing,
            "user_properties": nothing,
        },
        "mappings": {
            "email": "user_properties.email",
            "user_id": "user_id",
            "campaign_id": None,
            "template_id": None,
        },
        "delivery": {
            "batch": {"max_items": 1_000, "max_bytes": 4_000_000, "max_age_seconds": 2.0},
            "requests_per_second": {"bulk_update": 5.0, "track_bulk": 10.0},
            "retry": {
                "give_up_after": 14_400.0,
                "first_backoff": 1.0,
                "max_backoff": 300.0,
                "unknown_user_delays": (60.0, 300.0, 1_800.0),
            },
        },
    }

    assert expected == actual


def test_a_config_cannot_be_changed(head: str, load: Load) -> None:
    """The models are frozen."""
    config = load(head).config

    with pytest.raises(ValueError, match="frozen"):
        config.status = "disabled"


WRONG = [
    (
        "send_events: {enabled: yes}",
        'send_events.enabled: "yes" is not allowed: must be true or false. Write enabled: true, or enabled: false.',
    ),
    ("send_events: {events: []}", "send_events.enabled: is missing. Add enabled: true, or enabled: false."),
    (
        "create_and_update_users: {enabled: true, on: []}",
        (
            "create_and_update_users.on: [] is not allowed: must be a list of identify, property_changes or both. "
            "Write [identify]."
        ),
    ),
    (
        "create_and_update_users: {enabled: true, on: identify}",
        (
            'create_and_update_users.on: "identify" is not allowed: must be a list of identify, property_changes '
            "or both. "
            "Write [identify]."
        ),
    ),
    (
        "create_and_update_users: {enabled: true, on: [login]}",
        (
            'create_and_update_users.on[0]: "login" is not allowed: must be identify or property_changes. '
            "Use one of the two."
        ),
    ),
    (
        "create_and_update_users: {enabled: true, on: [identify, identify]}",
        'create_and_update_users.on: ["identify", "identify"] is not allowed: must not list one twice. Remove one.',
    ),
]


@pytest.mark.parametrize(("section", "problem"), WRONG)
def test_a_wrong_value_says_place_value_rule_and_remedy(
    head: str, problems: Problems, section: str, problem: str
) -> None:
    """One line for one mistake, word for word."""
    assert problems(f"{head}{section}\n") == [f"sync.yaml:6: {problem}"]


@pytest.mark.parametrize("section", [section for section, _ in WRONG if "identify, identify" not in section])
def test_an_editor_sees_what_the_program_refuses(head: str, schema_allows: Callable[[str], bool], section: str) -> None:
    """The JSON Schema holds all that one key alone shows."""
    assert not schema_allows(f"{head}{section}\n")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("name: Test", 'name: "" is not allowed: must be text of 1 to 200 characters without # and line breaks. '),
        ("name: Test", 'name: "a#b" is not allowed: must be text of 1 to 200 characters without # and line breaks. '),
        ("name: Test", 'name: "a\\tb" is not allowed: must be text of 1 to 200 characters without # and line breaks. '),
        ("name: Test", "name: 5 is not allowed: must be text of 1 to 200 characters without # and line breaks. "),
    ],
)
def test_a_name_that_a_dead_letter_cannot_carry_is_refused(
    head: str, problems: Problems, written: str, problem: str
) -> None:
    """'#' divides the name from the hash there, and an attribute is one line."""
    value = problem.removeprefix("name: ").split(" is not allowed")[0]
    told = problems(head.replace(written, f"name: {value}"))

    assert [f"sync.yaml:1: {problem}Use a name such as Amplitude to Iterable."] == told


def test_a_name_has_at_most_200_characters(head: str, load: Load, problems: Problems) -> None:
    """The value is shown shortened to 60 characters."""
    shown = '"' + "x" * 58 + "…"
    told = problems(head.replace("Test", "x" * 201))
    expected = "x" * 200

    assert [
        (
            f"sync.yaml:1: name: {shown} is not allowed: must be text of 1 to 200 characters without # and line "
            f"breaks. "
            "Use a name such as Amplitude to Iterable."
        )
    ] == told
    assert expected == load(head.replace("Test", "x" * 200)).config.name


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        (
            "status: enabled",
            "status: on",
            '2: status: "on" is not allowed: must be enabled or disabled. Use disabled to read no message.',
        ),
        ("status: enabled\n", "\n", "1: status: is missing. Add status: enabled, or status: disabled."),
        (
            "project_type: hybrid",
            "project_type: userId",
            (
                '5: destination.project_type: "userId" is not allowed: must be email, user_id or hybrid. '
                "Use the type chosen when the project was created."
            ),
        ),
        (
            "  project_type: hybrid\n",
            "",
            "3: destination.project_type: is missing. Add project_type: email, user_id or hybrid.",
        ),
        (
            "  api_key: env:KEY\n",
            "",
            (
                "3: destination.api_key: is missing. "
                "Add api_key: env:NAME, file:PATH or secret:projects/P/secrets/S/versions/V."
            ),
        ),
        (
            "hybrid",
            "hybrid\n  region: uk",
            (
                '6: destination.region: "uk" is not allowed: must be us or eu. '
                "us is api.iterable.com, eu is api.eu.iterable.com."
            ),
        ),
        (
            "hybrid",
            "email\n  region: eu",
            (
                '6: destination.region: "eu" is not allowed: must be us for an email project: Iterable has none in '
                "its EU "
                "data centre. Use region: us, or correct project_type."
            ),
        ),
        (
            "hybrid",
            "hybrid\n  prefer_user_id: true",
            (
                "6: destination.prefer_user_id: true is not allowed: must not be set: Iterable reads it in email "
                "projects "
                "only. Remove it."
            ),
        ),
        (
            "hybrid",
            "hybrid\n  update_only: 1",
            (
                "6: destination.update_only: 1 is not allowed: must be true or false. "
                "Remove the key to leave it to Iterable."
            ),
        ),
        ("status: enabled", "statuss: enabled", "2: statuss: is not a known key. Did you mean 'status'?"),
        ("hybrid", "hybrid\n  regoin: eu", "6: destination.regoin: is not a known key. Did you mean 'region'?"),
    ],
)
def test_a_wrong_head_says_so_in_one_line(head: str, problems: Problems, written: str, instead: str, told: str) -> None:
    """What does not fit the project is found before a message is read."""
    assert [f"sync.yaml:{told}"] == problems(head.replace(written, instead))


@pytest.mark.parametrize(
    "reference",
    ["env:ITERABLE_API_KEY", "file:/run/secrets/key", "file:key", "secret:projects/p-1/secrets/s/versions/latest"],
)
def test_an_api_key_is_a_reference(head: str, load: Load, reference: str) -> None:
    """One of the three forms, kept as it is written."""
    assert reference == load(head.replace("env:KEY", reference)).config.destination.api_key


API_KEY_RULE = (
    "must say where the key is kept: env:NAME, file:PATH or secret:projects/P/secrets/S/versions/V. "
    "Put the key there, never here."
)


@pytest.mark.parametrize(
    "pasted",
    [
        HEX_KEY,
        "hunter2",
        f"env:{HEX_KEY[:8]}-hunter2",
        '"env:"',
        '"file:"',
        "secret:hunter2",
        "secret:projects/p/secrets/s",
        "[hunter2]",
        "{hunter2: hunter2}",
        "0123",
        "!!int hunter2",
        "!mine hunter2",
    ],
)
def test_a_pasted_api_key_is_never_shown(head: str, problems: Problems, pasted: str) -> None:
    """Somebody may have written the key itself."""
    told = "\n".join(problems(head.replace("env:KEY", pasted)))

    assert told.startswith("sync.yaml:4: destination.api_key: ")
    assert "hunter2" not in told
    assert HEX_KEY not in told
    assert "0123" not in told


def test_a_pasted_api_key_gets_its_remedy(head: str, problems: Problems) -> None:
    """The line says that a value is there, and where to put it instead."""
    told = problems(head.replace("env:KEY", "hunter2"))

    assert [
        f"sync.yaml:4: destination.api_key: the value (hidden: it may be a key) is not allowed: {API_KEY_RULE}"
    ] == told


@pytest.mark.parametrize(
    "text",
    [
        f"destination: {HEX_KEY}",
        "destination: hunter2",
        f"destination: {{{HEX_KEY}}}",
        f"destination: {{api_key: &hunter2 x, {HEX_KEY}: 1, {HEX_KEY}: 2}}",
        f"destination: {{region: {HEX_KEY}}}",
        f"api_key: {HEX_KEY}",
        f"status: {HEX_KEY}",
        f"destination: {{api_key: *{HEX_KEY}}}",
        f"destination:\n  region: us\n  api_key:{HEX_KEY}\n",
        HEX_KEY,
        "hunter2",
    ],
)
def test_a_key_pasted_beside_its_place_is_not_shown(problems: Problems, text: str) -> None:
    """A slip in YAML must not print the key either."""
    told = "\n".join(problems(text))

    assert HEX_KEY not in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("event_id", "An event's id is a function of the event alone, so that a resend is never a second event."),
        ("created_at", "createdAt is the event's own time, by which updates are ordered."),
    ],
)
def test_what_is_never_mapped_is_refused_with_the_reason(head: str, problems: Problems, key: str, told: str) -> None:
    """No slip, and no key that was forgotten."""
    line = f"sync.yaml:6: mappings.{key}: is not mapped, on purpose. {told}"
    assert problems(f"{head}mappings: {{{key}: event_properties.x}}\n") == [line]


@pytest.mark.parametrize(
    "section",
    ["mappings: {{campaign_id: {}}}", "calls: [{{event: A, call: lists/subscribe, fields: {{listId: {}}}}}]"],
)
@pytest.mark.parametrize("value", ["34", "true", "[1, 2]"])
def test_a_bare_constant_is_told_how_to_write_it(
    head: str, load: Load, problems: Problems, section: str, value: str
) -> None:
    """And so it is taken where its type fits."""
    (told,) = problems(f"{head}{section.format(value)}\n")

    advice = f"{{value: {value}}}"
    assert told.endswith(f"must be a path. Write {advice} if it is a constant, or a path, such as user_id.")
    if value == "34":
        assert load(f"{head}{section.format(advice)}\n")
