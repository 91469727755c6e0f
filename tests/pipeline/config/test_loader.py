import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from pipeline.cli.validate import main
from pipeline.config.document import read_document
from pipeline.config.loader import Config, ConfigError, LoadedConfig, config_schema, load_config
from transforms.amplitude.paths import Path as PropertyPath
from transforms.amplitude.paths import parse_path
from transforms.amplitude.reserved_events import RESERVED_EVENTS, name_in_data
from transforms.iterable.reserved_fields import RESERVED_FIELDS
from transforms.mapping.operators import BY_NAME

HEAD = """\
name: Test
status: enabled
destination:
  api_key: env:KEY
  project_type: hybrid
"""  # what a table adds starts on line 6
HEX_KEY = "a123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str) -> LoadedConfig:
    Path("sync.yaml").write_text(text, encoding="utf-8")
    return load_config("sync.yaml")


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return str(caught.value).split("\n")


def clause(operator: str, value: str) -> str:
    where = f"{{property: user_id, operator: {operator}, value: {value}}}"
    return f"send_events:\n  enabled: true\n  events:\n    - event: A\n      where:\n        - {where}\n"


def test_the_models_read_well() -> None:
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
        "user_properties": [
            (row.target, row.source("user_properties"), row.type) for row in users.user_properties.rows
        ],
        "events": [(row.event, row.rename) for row in events.events],
        "where": [(clause.path, clause.operator, clause.values) for clause in events.events[0].where],
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
            ("plan", PropertyPath("user_properties", "plan"), None),
            ("signup_date", PropertyPath("user_properties", "Sign Up.Date"), "date"),
            ("Company", PropertyPath("groups", "Company"), None),
        ],
        "events": [("Order Completed", "purchase"), ("*", None)],
        "where": [(PropertyPath("event_properties", "total"), ">=", (10,))],
        "everything": (False, True),
        "mappings": (
            PropertyPath("user_properties", "email"),
            None,
            PropertyPath("event_properties", "campaign"),
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


def test_what_is_omitted_has_the_documented_default() -> None:
    """Both toggles are off, the mappings are Amplitude's defaults, the limits are Iterable's."""
    actual = load(HEAD).config.model_dump(exclude={"name", "status", "destination"})
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


def test_a_config_cannot_be_changed() -> None:
    """The models are frozen."""
    config = load(HEAD).config

    with pytest.raises(ValueError, match="frozen"):
        config.status = "disabled"


OUT_OF_RANGE = [
    (
        "delivery: {batch: {max_items: 0}}",
        "delivery.batch.max_items: 0 is not allowed: must be from 1 to 10000. Use 1000, what most integrations use.",
    ),
    (
        "delivery: {batch: {max_items: 10001}}",
        (
            "delivery.batch.max_items: 10001 is not allowed: must be from 1 to 10000. "
            "Use 1000, what most integrations use."
        ),
    ),
    (
        "delivery: {batch: {max_items: 1.5}}",
        (
            "delivery.batch.max_items: 1.5 is not allowed: must be a whole number from 1 to 10000. "
            "Use 1000, what most integrations use."
        ),
    ),
    (
        "delivery: {batch: {max_items: true}}",
        (
            "delivery.batch.max_items: true is not allowed: must be a whole number from 1 to 10000. "
            "Use 1000, what most integrations use."
        ),
    ),
    (
        "delivery: {batch: {max_bytes: 4000001}}",
        (
            "delivery.batch.max_bytes: 4000001 is not allowed: must be from 1000 to 4000000, Iterable's "
            "documented limit "
            "of 4 MB. Use 4000000."
        ),
    ),
    (
        "delivery: {batch: {max_bytes: 999}}",
        (
            "delivery.batch.max_bytes: 999 is not allowed: must be from 1000 to 4000000, Iterable's documented limit "
            "of 4 MB. Use 4000000."
        ),
    ),
    (
        "delivery: {batch: {max_age_seconds: 0}}",
        (
            "delivery.batch.max_age_seconds: 0 is not allowed: must be from 0.1 to 300. "
            "Use 2, unless requests are scarcer than seconds."
        ),
    ),
    (
        'delivery: {batch: {max_age_seconds: "2"}}',
        (
            'delivery.batch.max_age_seconds: "2" is not allowed: must be a number from 0.1 to 300. '
            "Use 2, unless requests are scarcer than seconds."
        ),
    ),
    (
        "delivery: {requests_per_second: {bulk_update: 5.5}}",
        (
            "delivery.requests_per_second.bulk_update: 5.5 is not allowed: must be above 0 and at most 5, Iterable's "
            "documented limit for users/bulkUpdate. Use 5, or less beside other integrations of the project."
        ),
    ),
    (
        "delivery: {requests_per_second: {track_bulk: 0}}",
        (
            "delivery.requests_per_second.track_bulk: 0 is not allowed: must be above 0 and at most 10, Iterable's "
            "documented limit for events/trackBulk. Use 10, or less beside other integrations of the project."
        ),
    ),
    (
        "delivery: {retry: {give_up_after: 500ms}}",
        (
            'delivery.retry.give_up_after: "500ms" is not allowed: must be a number above 0 followed by s, m, h or d. '
            "Write for example 20s, 5m or 4h."
        ),
    ),
    (
        "delivery: {retry: {give_up_after: 0s}}",
        (
            'delivery.retry.give_up_after: "0s" is not allowed: must be a number above 0 followed by s, m, h or d. '
            "Write for example 20s, 5m or 4h."
        ),
    ),
    (
        "delivery: {retry: {give_up_after: 20}}",
        (
            "delivery.retry.give_up_after: 20 is not allowed: must be a number above 0 followed by s, m, h or d. "
            "Write for example 20s, 5m or 4h."
        ),
    ),
    (
        "delivery: {retry: {unknown_user_delays: [1m, 5]}}",
        (
            "delivery.retry.unknown_user_delays[1]: 5 is not allowed: must be a number above 0 followed by s, m, "
            "h or d. "
            "Write for example 20s, 5m or 4h."
        ),
    ),
    (
        "delivery: {retry: {unknown_user_delays: []}}",
        (
            "delivery.retry.unknown_user_delays: [] is not allowed: must be a list of 1 to 10 durations. "
            "Use [1m, 5m, 30m]."
        ),
    ),
    (
        "delivery: {retry: {unknown_user_delays: [5m, 60s]}}",
        (
            'delivery.retry.unknown_user_delays: ["5m", "60s"] is not allowed: must be in ascending order. '
            "Put the shortest first."
        ),
    ),
]

SHAPES = [
    (
        "delivery:",
        "delivery: null is not allowed: must be a mapping of keys. Its keys: batch, requests_per_second, retry.",
    ),
    ("send_event: {}", "send_event: is not a known key. Did you mean 'send_events'?"),
    (
        "region: us",
        (
            "region: is not a known key. Known keys: name, status, destination, create_and_update_users, send_events, "
            "mappings, delivery."
        ),
    ),
    ("delivery: {batch: {max_item: 1}}", "delivery.batch.max_item: is not a known key. Did you mean 'max_items'?"),
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
    (
        "mappings: {email: 5}",
        (
            "mappings.email: 5 is not allowed: must be a path. "
            "Write scope.name, such as user_properties.email, or a key such as user_id."
        ),
    ),
    (
        "mappings: {email: user_properties}",
        (
            'mappings.email: "user_properties" is not allowed: must be a path. '
            "Write scope.name, such as user_properties.email, or a key such as user_id."
        ),
    ),
    (
        "mappings: {email: user_propertys.email}",
        (
            'mappings.email: "user_propertys.email" is not allowed: must start with a scope: "user_propertys" is none. '
            'Did you mean "user_properties"?'
        ),
    ),
    (
        "mappings: {email: event_prop.email}",
        (
            'mappings.email: "event_prop.email" is not allowed: must start with a scope: "event_prop" is none. '
            'Did you mean "event_properties"?'
        ),
    ),
    (
        "mappings: {email: 010, user_id: null}",
        (
            "mappings.email: 010 is not allowed: must not start with 0: YAML's versions read that differently. "
            "Write it without the zero in front, or put it in quotes if it is text."
        ),
    ),
    (
        "mappings: {email: null, user_id: null}",
        (
            "mappings.user_id: null is not allowed: must not be null in a project of type hybrid: "
            "its users are known by user_id or email. Use user_id, or the property that holds it."
        ),
    ),
]

EVENTS = [
    (
        'send_events: {enabled: true, events: "*"}',
        'send_events.events: "*" is not allowed: must be a list of events. Write ["*"] to send all, [] to send none.',
    ),
    (
        "send_events: {enabled: true, events: [2024]}",
        (
            "send_events.events[0]: 2024 is not allowed: must be an event's name, or a mapping with event. "
            "Write a name; put it in quotes if YAML reads it as something else."
        ),
    ),
    (
        'send_events: {enabled: true, events: [""]}',
        (
            'send_events.events[0]: "" is not allowed: must be text and not empty. '
            "Write a name; put it in quotes if YAML reads it as something else."
        ),
    ),
    ("send_events: {enabled: true, events: [{as: x}]}", "send_events.events[0].event: is missing. Add event: NAME."),
    (
        "send_events: {enabled: true, events: [{event: x, name: y}]}",
        "send_events.events[0].name: is not a known key. Known keys: event, as, where.",
    ),
    (
        "send_events: {enabled: true, events: [$identify]}",
        (
            'send_events.events[0]: "$identify" is not allowed: must not be an identify: it updates the user. '
            "Use create_and_update_users."
        ),
    ),
    (
        "send_events: {enabled: true, events: [{event: $groupidentify}]}",
        (
            'send_events.events[0].event: "$groupidentify" is not allowed: must not be a group identify: '
            "Iterable has no groups. Remove the row."
        ),
    ),
    (
        "send_events: {enabled: true, events: [_all]}",
        (
            'send_events.events[0]: "_all" is not allowed: must not be a name that Amplitude reserves. '
            'Use "*" for every event.'
        ),
    ),
    (
        "send_events: {enabled: true, events: [_identify]}",
        (
            'send_events.events[0]: "_identify" is not allowed: must not be a name that Amplitude reserves. '
            "Use create_and_update_users for identifies."
        ),
    ),
    (
        "send_events: {enabled: true, events: [{event: x, where: {}}]}",
        (
            "send_events.events[0].where: {} is not allowed: must be a list of clauses. "
            "Write - {property: user_id, operator: is not, value: (none)}."
        ),
    ),
    (
        "send_events: {enabled: true, events: [{event: x, where: [{property: user_id, operator: is}]}]}",
        "send_events.events[0].where[0].value: is missing. Add value: and what to compare with.",
    ),
]

NOT_A_SCALAR = 'must be text, a number, true, false, or a list of these. Write "(none)" for a property without a value.'
CLAUSES = [
    (
        clause("like", "x"),
        (
            '.operator: "like" is not allowed: must be an operator: is, is not, contains, does not contain, '
            "starts with, "
            "does not start with, <, <=, >, >=, set is, set is not, set contains, set does not contain, glob match, "
            'glob does not match. Use "is" for an exact match.'
        ),
    ),
    (
        clause("contain", "x"),
        (
            '.operator: "contain" is not allowed: must be an operator: is, is not, contains, does not contain, starts '
            "with, does not start with, <, <=, >, >=, set is, set is not, set contains, set does not contain, "
            "glob match, "
            'glob does not match. Did you mean "contains"?'
        ),
    ),
    (clause("is", "null"), f".value: null is not allowed: {NOT_A_SCALAR}"),
    (clause("is", "[]"), f".value: [] is not allowed: {NOT_A_SCALAR}"),
    (clause("is", "[[a]]"), f'.value: [["a"]] is not allowed: {NOT_A_SCALAR}'),
    (clause('"<"', '"5"'), '.value: "5" is not allowed: must be a number with "<". Write it without quotes.'),
    (clause('"≥"', "true"), '.value: true is not allowed: must be a number with ">=". Write it without quotes.'),
    (clause("contains", "5"), '.value: 5 is not allowed: must be text with "contains". Put it in quotes.'),
    (
        clause("glob match", '"[a"'),
        (
            ".value: \"[a\" is not allowed: must be a pattern: '[a' has a [ without its ]. "
            "Correct it; [[] stands for a [ itself."
        ),
    ),
    (
        clause("glob match", "[a, 5]"),
        '.value: ["a", 5] is not allowed: must be text with "glob match". Put it in quotes.',
    ),
    (
        clause("set is", "(none)"),
        '.value: "(none)" is not allowed: must not be "(none)" with "set is". Use "is" or "is not".',
    ),
    (
        clause("contains", "[a, (none)]"),
        '.value: ["a", "(none)"] is not allowed: must not be "(none)" with "contains". Use "is" or "is not".',
    ),
]

USERS = "create_and_update_users: {{enabled: true, user_properties: {}}}"
AT_USERS = "create_and_update_users.user_properties"
PROPERTIES = [
    (
        USERS.format("plan"),
        f'{AT_USERS}: "plan" is not allowed: must be a list of properties, or "*" for all. Write [] to send none.',
    ),
    (
        USERS.format('[plan, "*"]'),
        (
            f'{AT_USERS}[1]: "*" is not allowed: must stand alone: it means every property. '
            'Write the list as "*", or list properties.'
        ),
    ),
    (
        USERS.format("[null]"),
        (
            f"{AT_USERS}[0]: null is not allowed: must be a property's name, or a mapping with property or path. "
            "Write a name; put it in quotes if YAML reads it as something else."
        ),
    ),
    (
        USERS.format("[{as: x}]"),
        f"{AT_USERS}[0]: must have a property or a path. Add property: NAME, or path: SCOPE.NAME.",
    ),
    (
        USERS.format("[{property: a, path: country}]"),
        (
            f'{AT_USERS}[0].path: "country" is not allowed: must not stand beside property: a row has one source. '
            "Remove one of the two."
        ),
    ),
    (
        USERS.format("[{property: a, type: text}]"),
        (
            f'{AT_USERS}[0].type: "text" is not allowed: must be one of string, integer, number, boolean, date, list. '
            "Remove it to keep the value's own type."
        ),
    ),
    (
        USERS.format('[{property: a, as: ""}]'),
        (
            f'{AT_USERS}[0].as: "" is not allowed: must be text and not empty. '
            "Write a name; put it in quotes if YAML reads it as something else."
        ),
    ),
    (
        USERS.format("[{propperty: a, path: country}]"),
        f"{AT_USERS}[0].propperty: is not a known key. Did you mean 'property'?",
    ),
    (
        USERS.format("[plan, {property: tier, as: plan}]"),
        (
            f'{AT_USERS}[1].as: "plan" is not allowed: must not become the field plan too: line 6 does. '
            "Give one of them another name with as."
        ),
    ),
    (
        USERS.format("[email]"),
        (
            f'{AT_USERS}[0]: "email" is not allowed: must not become the field email: mappings.email writes it. '
            "Set mappings.email, or give it another name with as."
        ),
    ),
    (
        USERS.format("[{property: id, as: userId}]"),
        (
            f'{AT_USERS}[0].as: "userId" is not allowed: must not become the field userId: mappings.user_id writes it. '
            "Set mappings.user_id, or give it another name with as."
        ),
    ),
    (
        USERS.format("[{property: devices, type: list}]"),
        f"{AT_USERS}[0]: must not become the field devices: Iterable manages it. Give it another name with as.",
    ),
    (
        "send_events: {enabled: true, event_properties: [a, {path: user_properties.a}]}",
        (
            "send_events.event_properties[1]: must not become the field a too: line 6 does. "
            "Give one of them another name with as."
        ),
    ),
    (
        "send_events: {enabled: true, event_properties: [plan], user_properties: [plan]}",
        (
            'send_events.user_properties[0]: "plan" is not allowed: must not become the field plan too: line 6 does. '
            "Give one of them another name with as."
        ),
    ),
]


@pytest.mark.parametrize(("section", "problem"), [*OUT_OF_RANGE, *SHAPES, *EVENTS, *PROPERTIES])
def test_a_wrong_value_says_place_value_rule_and_remedy(section: str, problem: str) -> None:
    """One line for one mistake, word for word."""
    assert [f"sync.yaml:6: {problem}"] == problems(f"{HEAD}{section}\n")


@pytest.mark.parametrize(("section", "problem"), CLAUSES)
def test_a_wrong_clause_says_so(section: str, problem: str) -> None:
    """An operator that is none, or a value that it cannot compare with."""
    assert [f"sync.yaml:11: send_events.events[0].where[0]{problem}"] == problems(HEAD + section)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("Song: Played", 'holds ": ", and is read as a key. Put it in quotes: "Song: Played".'),
        ("Song: 5", 'holds ": ", and is read as a key. Put it in quotes: "Song: 5".'),
        ("{Song: Played, as: song}", 'holds ": ", and is read as a key. Put it in quotes: "Song: Played".'),
        ("[Amplitude]", 'begins with [, and is read as a list. Put it in quotes: "[Amplitude]".'),
    ],
)
@pytest.mark.parametrize("names", ["events", "event_properties"])
def test_a_row_that_was_meant_as_a_name_says_so(names: str, row: str, problem: str) -> None:
    """Every user of Amplitude has such names: YAML reads them as something else, and needs quotes."""
    (told,) = problems(f"{HEAD}send_events:\n  enabled: true\n  {names}:\n    - {row}\n")

    assert told.startswith(f"sync.yaml:9: send_events.{names}[0]: ")
    assert told.endswith(problem)


@pytest.mark.parametrize("row", ["evnt: Order", "name: Order", "Event: Order"])
def test_a_row_with_a_wrong_key_is_told_the_keys(row: str) -> None:
    """It was meant as a mapping."""
    told = problems(f"{HEAD}send_events:\n  enabled: true\n  events:\n    - {row}\n")

    assert [line.partition(" ")[2].partition(".")[0] for line in told] == ["send_events"] * 2
    assert "is not a known key" in told[1]


API_KEY_RULE = (
    "must say where the key is kept: env:NAME, file:PATH or secret:projects/P/secrets/S/versions/V. "
    "Put the key there, never here."
)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("name: Test", 'name: "" is not allowed: must be text of 1 to 200 characters without # and line breaks. '),
        ("name: Test", 'name: "a#b" is not allowed: must be text of 1 to 200 characters without # and line breaks. '),
        ("name: Test", 'name: "a\\tb" is not allowed: must be text of 1 to 200 characters without # and line breaks. '),
        ("name: Test", "name: 5 is not allowed: must be text of 1 to 200 characters without # and line breaks. "),
    ],
)
def test_a_name_that_a_dead_letter_cannot_carry_is_refused(written: str, problem: str) -> None:
    """'#' divides the name from the hash there, and an attribute is one line."""
    value = problem.removeprefix("name: ").split(" is not allowed")[0]
    told = problems(HEAD.replace(written, f"name: {value}"))

    assert [f"sync.yaml:1: {problem}Use a name such as Amplitude to Iterable."] == told


def test_a_name_has_at_most_200_characters() -> None:
    """The value is shown shortened to 60 characters."""
    shown = '"' + "x" * 58 + "…"
    told = problems(HEAD.replace("Test", "x" * 201))
    expected = "x" * 200

    assert [
        (
            f"sync.yaml:1: name: {shown} is not allowed: must be text of 1 to 200 characters without # and line "
            f"breaks. "
            "Use a name such as Amplitude to Iterable."
        )
    ] == told
    assert expected == load(HEAD.replace("Test", "x" * 200)).config.name


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
        ("hybrid", "hybrid\n  regoin: eu", "6: destination.regoin: is not a known key. Did you mean 'region'?"),
        (
            "hybrid",
            "email\nmappings: {email: null}",
            (
                "6: mappings.email: null is not allowed: must not be null in a project of type email: "
                "its users are known by email. Use user_properties.email, or the property that holds it."
            ),
        ),
        (
            "hybrid",
            "user_id\nmappings: {user_id: null}",
            (
                "6: mappings.user_id: null is not allowed: must not be null in a project of type user_id: "
                "its users are known by user_id. Use user_id, or the property that holds it."
            ),
        ),
    ],
)
def test_a_wrong_destination_says_so(written: str, instead: str, told: str) -> None:
    """What does not fit the project is found before a message is read."""
    assert [f"sync.yaml:{told}"] == problems(HEAD.replace(written, instead))


@pytest.mark.parametrize(
    "reference",
    ["env:ITERABLE_API_KEY", "file:/run/secrets/key", "file:key", "secret:projects/p-1/secrets/s/versions/latest"],
)
def test_an_api_key_is_a_reference(reference: str) -> None:
    """One of the three forms, kept as it is written."""
    assert reference == load(HEAD.replace("env:KEY", reference)).config.destination.api_key


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
def test_a_pasted_api_key_is_never_shown(pasted: str) -> None:
    """Somebody may have written the key itself."""
    told = "\n".join(problems(HEAD.replace("env:KEY", pasted)))

    assert told.startswith("sync.yaml:4: destination.api_key: ")
    assert "hunter2" not in told
    assert HEX_KEY not in told
    assert "0123" not in told


def test_a_pasted_api_key_gets_its_remedy() -> None:
    """The line says that a value is there, and where to put it instead."""
    told = problems(HEAD.replace("env:KEY", "hunter2"))

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
def test_a_key_pasted_beside_its_place_is_not_shown(text: str) -> None:
    """A slip in YAML must not print the key either."""
    told = "\n".join(problems(text))

    assert HEX_KEY not in told
    assert "hunter2" not in told


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    """A mistake in one key hides none in another, of whatever kind they are."""
    told = problems(
        """\
name: Test
status: on
destination:
  project_type: email
  region: eu
send_events:
  enabled: true
  enabled: false
  events:
    - event: A
      where:
        - {property: user_id, operator: like, value: 010}
  event_properties: [{property: total, type: money}, plan, plan]
mappings:
  email: null
  campaign: x
delivery: {batch: {max_items: 0}}
"""
    )
    places = [line.split(": ")[0].split(":")[1] + " " + line.split(": ")[1] for line in told]
    expected = [
        "2 status",
        "3 destination.api_key",
        "5 destination.region",
        "8 send_events.enabled",
        "12 send_events.events[0].where[0].value",
        "12 send_events.events[0].where[0].operator",
        "13 send_events.event_properties[2]",
        "13 send_events.event_properties[0].type",
        "15 mappings.email",
        "16 mappings.campaign",
        "17 delivery.batch.max_items",
    ]

    assert expected == places


def test_a_problem_is_also_data() -> None:
    """For who wants more than text."""
    with pytest.raises(ConfigError) as caught:
        load(HEAD + "delivery: {batch: {max_items: 0}}\n")
    problem = caught.value.problems[0]
    expected = ("sync.yaml", 6, "delivery.batch.max_items", "0", "must be from 1 to 10000")

    assert expected == problem[:5]


@pytest.mark.parametrize("wrong", ["[email]", "{}", "null", "1.5", '"a\\nb"'])
@pytest.mark.parametrize(
    "path",
    [
        "name",
        "status",
        "destination",
        "destination.region",
        "destination.project_type",
        "destination.api_key",
        "destination.update_only",
        "create_and_update_users",
        "create_and_update_users.enabled",
        "create_and_update_users.on",
        "create_and_update_users.user_properties",
        "send_events",
        "send_events.events",
        "send_events.event_properties",
        "mappings",
        "mappings.email",
        "delivery",
        "delivery.batch",
        "delivery.batch.max_items",
        "delivery.retry.give_up_after",
        "delivery.retry.unknown_user_delays",
    ],
)
def test_any_value_in_any_place_is_told_in_lines(path: str, wrong: str) -> None:
    """Never a traceback: it loads, or every line names the file."""
    text = path.replace(".", ": {") + f": {wrong}" + "}" * path.count(".") + "\nmappings: {email: null}\n"
    told = problems(text)

    assert all(line.startswith("sync.yaml:") for line in told)


def test_a_line_break_in_a_name_breaks_no_line() -> None:
    """One problem is one line, whatever the file holds."""
    told = problems(HEAD + USERS.format('["a\\nb", {property: c, as: "a\\nb"}]'))
    expected = [
        (
            f'sync.yaml:6: {AT_USERS}[1].as: "a\\nb" is not allowed: must not become the field a\\u000ab too: line 6 '
            "does. Give one of them another name with as."
        )
    ]

    assert expected == told


@pytest.mark.parametrize("text", ["- a\n", "a\n", "~\n", "5\n"])
def test_a_file_of_another_shape_names_the_keys(text: str) -> None:
    """A list or a scalar at the top is no config."""
    expected = [
        (
            "sync.yaml:1: must be a mapping of keys. Its keys: name, status, destination, create_and_update_users, "
            "send_events, mappings, delivery."
        )
    ]

    assert expected == problems(text)


@pytest.mark.parametrize("field", sorted(RESERVED_FIELDS))
def test_a_field_that_iterable_manages_is_no_target(field: str) -> None:
    """Whether by its own name or by `as`; another name is fine."""
    by_name = problems(HEAD + USERS.format(f"[{field}]"))
    renamed = load(HEAD + USERS.format(f"[{{property: {field}, as: my_{field}}}]"))

    assert [
        (
            f'sync.yaml:6: {AT_USERS}[0]: "{field}" is not allowed: must not become the field {field}: '
            "Iterable manages it. Give it another name with as."
        )
    ] == by_name
    assert f"my_{field}" == renamed.config.create_and_update_users.user_properties.rows[0].target


def test_an_event_may_have_a_field_that_profiles_may_not() -> None:
    """Iterable manages profiles, not events."""
    loaded = load(HEAD + "send_events: {enabled: true, events: [A], event_properties: [email, devices]}")
    expected: list[str] = []

    assert expected == loaded.warnings


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        *((operator, operator) for operator in BY_NAME),
        *zip(["=", "==", "≠", "!=", "≤", "≥"], ["is", "is", "is not", "is not", "<=", ">="], strict=True),
    ],
)
def test_an_operator_has_one_canonical_name(written: str, canonical: str) -> None:
    """Amplitude's signs and words are one set of names for the filter."""
    value = "5" if canonical[0] in "<>" else "a"
    config = load(HEAD + clause(f'"{written}"', value)).config

    assert canonical == config.send_events.events[0].where[0].operator


def test_the_schema_has_the_operators_of_the_filters() -> None:
    """One table has them all: what an editor offers is what a run compares with."""
    amplitudes, aliases = config_schema()["$defs"]["Clause"]["properties"]["operator"]["anyOf"]

    assert amplitudes["enum"] == list(BY_NAME)
    assert aliases["enum"] == ["=", "==", "≠", "!=", "≤", "≥"]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("a", ("a",)),
        ("[a, b]", ("a", "b")),
        ("(none)", ("(none)",)),
        ("[1, 1.5, true, a]", (1, 1.5, True, "a")),
        ("on", ("on",)),
    ],
)
def test_a_clause_holds_its_values_as_they_are(written: str, values: tuple[Any, ...]) -> None:
    """One value is a list of one; numbers, booleans and text stay what they are."""
    found = load(HEAD + clause("is", written)).config.send_events.events[0].where[0].values

    assert values == found
    assert [type(value) for value in values] == [type(value) for value in found]


WARNINGS = [
    (
        "",
        [
            "1: create_and_update_users and send_events are both disabled: nothing is sent. Enable one of them.",
        ],
    ),
    (
        "send_events:\n  enabled: true\n",
        ['6: send_events.events: none are listed: none are sent. List them, or write ["*"].'],
    ),
    (
        "create_and_update_users:\n  enabled: true\n  user_properties: []\n",
        [
            (
                "8: create_and_update_users.user_properties: none are listed: users are created without properties. "
                'List them, or write "*" for all.'
            )
        ],
    ),
    (
        'send_events:\n  enabled: true\n  events:\n    - A\n    - {event: A, as: B}\n    - "*"\n    - C\n',
        [
            (
                "10: send_events.events[1]: never matches: line 9 takes these events first. "
                "Remove it, or put it before that line."
            ),
            (
                "12: send_events.events[3]: never matches: line 11 takes these events first. "
                "Remove it, or put it before that line."
            ),
        ],
    ),
    (
        "mappings: {email: email}\nsend_events: {enabled: true, events: [A], event_properties: [{path: country}]}\n",
        [
            (
                "6: mappings.email: email is no key of an event that Amplitude documents: most likely nothing is found "
                "there. Did you mean user_properties.email?"
            )
        ],
    ),
    (
        clause("is", "5").replace("property: user_id", "property: total"),
        [
            (
                "11: send_events.events[0].where[0].property: total is no key of an event that Amplitude documents: "
                "most likely nothing is found there. Did you mean event_properties.total?"
            )
        ],
    ),
    (
        USERS.format("[user_properties.plan]"),
        [
            (
                "6: create_and_update_users.user_properties[0]: user_properties.plan is read as the whole name of a "
                "property. Write {path: user_properties.plan} if it is a path."
            )
        ],
    ),
    (clause("is", "5").replace("- event: A", "- A\n    - event: B").replace("user_id", "data.path"), []),
    (clause("is", "5").replace("user_id", "lookup_properties.tier"), []),
    ('send_events: {enabled: true, events: ["*", "[Amplitude] Start Session"]}', []),
    ('send_events: {enabled: true, events: ["*", session_start]}', []),
    (
        'send_events: {enabled: true, events: [session_start, "[Amplitude] Start Session"]}',
        [
            (
                "6: send_events.events[1]: never matches: line 6 takes these events first. "
                "Remove it, or put it before that line."
            )
        ],
    ),
    (
        'send_events: {enabled: true, events: ["*", "[Amplitude] Page Viewed"]}',
        [
            (
                "6: send_events.events[1]: never matches: line 6 takes these events first. "
                "Remove it, or put it before that line."
            )
        ],
    ),
]


def row(*clauses: str, event: str = "A") -> str:
    """A row of the event list; each clause as "property operator value"."""
    parts = [one.split(" | ") for one in clauses]
    written = [f'{{property: "{path}", operator: "{operator}", value: {value}}}' for path, operator, value in parts]
    return f"    - event: {event}\n      where: [{', '.join(written)}]\n"


def rows(*written: str) -> str:
    """They begin on line 9."""
    return "send_events:\n  enabled: true\n  events:\n" + "".join(written)


P = "event_properties.p"
NEVER_FITS = (
    "10: send_events.events[0].where: never matches: no value of event_properties.p fits all its clauses, and all of "
    "them must hold. Correct them; values of one clause are alternatives."
)
NEVER_FOUND = (
    "is most likely never found: dots walk into objects, not into lists. "
    "Use the whole list, products, or have a property of its own sent to Amplitude."
)
SHADOWED = "never matches: line 9 takes these events first. Remove it, or put it before that line."
HINTS = [
    (
        rows(row("event_properties.products[0].name | is | a")),
        [f"10: send_events.events[0].where[0].property: products[0].name {NEVER_FOUND}"],
    ),
    (
        rows(row("event_properties.products.0.name | is | a")),
        [f"10: send_events.events[0].where[0].property: products.0.name {NEVER_FOUND}"],
    ),
    (
        USERS.format('["products[].name"]'),
        [f"6: create_and_update_users.user_properties[0].property: products[].name {NEVER_FOUND}"],
    ),
    (
        "mappings: {campaign_id: event_properties.products.0}\nsend_events: {enabled: true, events: [A]}\n",
        [f"6: mappings.campaign_id: products.0 {NEVER_FOUND}"],
    ),
    (rows(row("event_properties.[Amplitude] Page URL | is | a"), row("event_properties.iOS 17.2 | is | a")), []),
    (
        USERS.format("[{property: city, as: address.city}]"),
        [
            (
                '6: create_and_update_users.user_properties[0].as: becomes one field called "address.city", dots '
                "included, and no field of an object. Give it a name without dots with as, such as address_city."
            )
        ],
    ),
    (
        USERS.format("[address.city, {property: a.b, as: a_b}]"),
        [
            (
                '6: create_and_update_users.user_properties[0]: becomes one field called "address.city", dots '
                "included, and no field of an object. Give it a name without dots with as, such as address_city."
            )
        ],
    ),
    (rows(row(f"{P} | is | a", f"{P} | is | b")), [NEVER_FITS]),
    (rows(row(f"{P} | is | a", f"{P} | is not | [a, b]")), [NEVER_FITS]),
    (rows(row(f"{P} | is | (none)", f"{P} | > | 1")), [NEVER_FITS]),
    (rows(row(f"{P} | is | 1", f"{P} | contains | '1'")), [NEVER_FITS]),
    (rows(row(f"{P} | > | 5", f"{P} | < | 3")), [NEVER_FITS]),
    (rows(row(f"{P} | > | 5", f"{P} | < | 5")), [NEVER_FITS]),
    (rows(row(f"{P} | > | 5", f"{P} | starts with | a")), [NEVER_FITS]),
    (rows(row(f"{P} | >= | 5", f"{P} | <= | 5")), []),
    (rows(row(f"{P} | > | 3", f"{P} | < | 5", f"{P} | is not | 4")), []),
    (rows(row(f"{P} | > | [3, 9]", f"{P} | < | 5")), []),
    (rows(row(f"{P} | is | [a, b]", f"{P} | is | [b, c]")), []),
    (rows(row(f"{P} | contains | a", f"{P} | contains | b")), []),
    (rows(row(f"{P} | is | a", "user_properties.p | is | b")), []),
    (
        rows(row(f"{P} | is | a"), row(f"{P} | is | a", "event_properties.q | is | b")),
        [f"11: send_events.events[1]: {SHADOWED}"],
    ),
    (
        rows(row(f"{P} | is | a", event='"*"'), row("event_properties.q | is | b", f"{P} | is | a")),
        [f"11: send_events.events[1]: {SHADOWED}"],
    ),
    (rows(row(f"{P} | is | a", "event_properties.q | is | b"), row(f"{P} | is | a")), []),
    (
        rows(
            '    - "*"\n',
            *(f'    - "{name}"\n' for name in sorted({*map(name_in_data, RESERVED_EVENTS)} - {"_all", "_identify"})),
        ),
        [],
    ),
    (
        rows(row("groups.Company | is | acme"), row("groups.Company | is | (none)", event="B")),
        [
            (
                "10: send_events.events[0].where[0]: never holds: Amplitude writes groups.Company as a list of names. "
                'Use "set contains" or "set does not contain".'
            )
        ],
    ),
    (
        rows(row("user_id | is not | 5"), row("user_id | is | [5, a]", event="B")),
        [
            (
                "10: send_events.events[0].where[0]: holds for every event: Amplitude writes user_id as text. "
                "Put the value in quotes."
            )
        ],
    ),
    (
        rows(row("version_name | >= | 2")),
        [
            (
                "10: send_events.events[0].where[0]: never holds: Amplitude writes version_name as text. "
                'Use "is", "starts with" or "glob match".'
            )
        ],
    ),
    (
        rows("    - Order *\n", "    - All Events\n", "    - 'Song '\n", "    - {event: '*', as: X}\n"),
        [
            (
                '9: send_events.events[0]: "Order *" is read as a whole name, * included. '
                "List each name; only * alone means all."
            ),
            '10: send_events.events[1]: All Events is read as the name of one event. Write "*" for every event.',
            (
                '11: send_events.events[2]: "Song " begins or ends with a blank. '
                "Remove it, unless the name in Amplitude has it, too."
            ),
            '12: send_events.events[3].as: every event becomes "X" in Iterable. Remove as, unless that is meant.',
        ],
    ),
    (
        USERS.format("['utm_*']"),
        [
            (
                '6: create_and_update_users.user_properties[0]: "utm_*" is read as a whole name, * included. '
                "List each name; only * alone means all."
            )
        ],
    ),
    (
        USERS.format("[{path: event_properties.total}]") + "\nmappings: {email: event_properties.email}\n",
        [
            (
                "6: create_and_update_users.user_properties[0].path: event_properties.total is never there: an "
                "identify has no event properties, and nothing else updates users here. "
                "Use a user property, or add property_changes to create_and_update_users.on."
            ),
            (
                "7: mappings.email: for user updates, event_properties.email is never there: an identify has no event "
                "properties, and nothing else updates users here. "
                "Use a user property, or add property_changes to create_and_update_users.on."
            ),
        ],
    ),
    (
        (
            "create_and_update_users: {enabled: true, on: [identify, property_changes], "
            "user_properties: [{path: event_properties.total}]}\nmappings: {email: event_properties.email}\n"
        ),
        [],
    ),
    (
        f"{USERS.format('[plan]')}\ndelivery: {{retry: {{first_backoff: 10m}}}}\n",
        [
            (
                "7: delivery.retry.first_backoff: is longer than max_backoff, which is the longest there is. "
                "Make it shorter, or max_backoff longer."
            )
        ],
    ),
    (
        rows("    - Order #1\n"),
        [
            (
                '9: send_events.events[0]: ends before " #": what follows is read as a comment. '
                "Put it in quotes if it is part of the name."
            )
        ],
    ),
]


@pytest.mark.parametrize(("section", "warnings"), [*WARNINGS, *HINTS])
def test_a_valid_config_that_does_little_is_warned_of(section: str, warnings: list[str]) -> None:
    """In the same form as problems, but the config loads."""
    assert [f"sync.yaml:{warning}" for warning in warnings] == load(HEAD + section).warnings


def test_a_row_with_conditions_leaves_events_to_later_rows() -> None:
    """Only an unconditional row takes all there is."""
    section = clause("is", '"5"') + "    - A\n    - B\n"
    expected: list[str] = []

    assert expected == load(HEAD + section).warnings


def test_the_hash_is_of_the_meaning() -> None:
    """Layout, defaults written out and the place of the key do not count; anything that acts differently does."""
    same = [
        HEAD,
        HEAD.replace("env:KEY", "file:key"),
        '{"status": "enabled", "name": "Test", "destination": {"project_type": "hybrid", "api_key": "env:KEY"}}',
        HEAD + "delivery: {batch: {max_age_seconds: 2}, retry: {give_up_after: 240m}}\n",
    ]
    other = [HEAD.replace("hybrid", "user_id"), HEAD + "delivery: {batch: {max_age_seconds: 3}}\n"]
    hashes = [load(text).hash for text in [*same, *other]]
    expected = [True] * len(same) + [False] * len(other)

    assert expected == [one == hashes[0] for one in hashes]
    assert all(re.fullmatch("[0-9a-f]{12}", one) for one in hashes)


def test_anchors_are_shared_lists() -> None:
    """An alias saves listing the same properties twice."""
    config = load(
        HEAD + "create_and_update_users: {enabled: true, user_properties: &shared [plan]}\n"
        "send_events: {enabled: true, events: [A], user_properties: *shared}\n"
    ).config

    assert config.create_and_update_users.user_properties == config.send_events.user_properties


def test_paths_are_those_of_the_transforms() -> None:
    """All after the scope is the whole name, with its dots and blanks."""
    mapped = load(HEAD + 'mappings: {campaign_id: "event_properties.Campaign Id.v2"}').config.mappings.campaign_id

    assert parse_path("event_properties.Campaign Id.v2") == mapped


def test_every_required_key_has_a_remedy_when_it_is_missing() -> None:
    """No section, no row and no clause can be incomplete without a word on what to add."""
    text = "destination: {}\ncreate_and_update_users: {}\nsend_events: {events: [{where: [{}]}]}\n"
    told = problems(text) + problems("name: Test\n") + problems("status: enabled\n")

    assert required_keys(Config) == sorted({line.split(":")[2].strip().split(".")[-1] for line in told})


def required_keys(model: type[BaseModel]) -> list[str]:
    definitions = model.model_json_schema()
    schemas = [definitions, *definitions["$defs"].values()]
    return sorted({key for schema in schemas for key in schema.get("required", [])})


def test_the_config_is_read_without_beam_or_requests() -> None:
    """Validating takes no second, and what it knows stops at the file."""
    code = "import sys, pipeline.config; print({'apache_beam', 'requests'} & set(sys.modules))"
    root = Path(__file__).parents[3]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    expected = "set()\n"

    assert expected == run.stdout


def test_the_command_validates_files(capsys: pytest.CaptureFixture[str]) -> None:
    """A valid file is one line, with the number of its warnings; these go beside it; the exit code is 0."""
    Path("sync.yaml").write_text(HEAD, encoding="utf-8")
    code = main(["sync.yaml"])
    out, err = capsys.readouterr()
    expected = (0, "sync.yaml: valid, 1 warning\n")

    assert expected == (code, out)
    assert err.startswith("warning: sync.yaml:1: create_and_update_users and send_events are both disabled")


def test_warnings_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a file without one nothing is said but that it is valid."""
    Path("many.yaml").write_text(HEAD + "send_events: {enabled: true, events: [A, A, A]}\n", encoding="utf-8")
    Path("none.yaml").write_text(HEAD + "send_events: {enabled: true, events: [A]}\n", encoding="utf-8")
    main(["many.yaml", "none.yaml"])
    out, err = capsys.readouterr()

    assert out == "many.yaml: valid, 2 warnings\nnone.yaml: valid\n"
    assert [line.split(":")[:2] for line in err.splitlines()] == [["warning", " many.yaml"]] * 2


def test_the_command_tells_the_problems_of_all_files(capsys: pytest.CaptureFixture[str]) -> None:
    """One bad file does not hide the next; the exit code is 2."""
    Path("good.yaml").write_text(HEAD, encoding="utf-8")
    Path("bad.yaml").write_text(HEAD.replace("hybrid", "x"), encoding="utf-8")
    code = main(["missing.yaml", "bad.yaml", ".", "good.yaml"])
    out, err = capsys.readouterr()

    expected = (2, "good.yaml: valid, 1 warning\n", ["missing.yaml", "bad.yaml", "."])

    assert expected == (code, out, [line.split(":")[0] for line in err.splitlines() if "disabled" not in line])


@pytest.mark.parametrize("arguments", [[], ["--schema", "sync.yaml"], ["--nonsense"]])
def test_a_wrong_command_line_shows_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, as for a wrong file."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    expected = 2

    assert expected == caught.value.code
    assert "usage: python -m pipeline.config" in capsys.readouterr().err


@pytest.mark.parametrize(
    "section",
    [
        section
        for section, _ in [*OUT_OF_RANGE, *SHAPES]
        if "mappings" not in section
        and "[5m, 60s]" not in section
        and "0s}" not in section
        and "identify, identify" not in section
    ],
)
def test_an_editor_sees_what_the_program_refuses(section: str) -> None:
    """The JSON Schema holds all that one key alone shows."""
    Path("sync.yaml").write_text(f"{HEAD}{section}\n", encoding="utf-8")
    value = read_document("sync.yaml", secret=()).value

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(config_schema()).validate(value)
