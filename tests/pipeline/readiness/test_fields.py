# SPDX-License-Identifier: Apache-2.0
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.config.loader import LoadedConfig, load_config
from pipeline.readiness.fields import SentField, compare, fields_sent, not_known, room
from pipeline.readiness.report import Finding

CONFIG = """\
name: Shop
status: enabled
destination: {api_key: env:KEY, project_type: hybrid}
create_and_update_users:
  enabled: true
  user_properties:
    - plan
    - {property: Total, as: total, type: number}
    - {property: Tags, as: tags, type: list}
send_events: {enabled: true, events: [Played], event_properties: [song]}
"""


HEAD, _, TAIL = CONFIG.partition("create_and_update_users")
ALL_USERS = f"""{HEAD}create_and_update_users: {{enabled: true, user_properties: "*"}}
{TAIL[TAIL.index("send_events") :]}"""


class Case(NamedTuple):
    """A field's type in the project, the type sent, and the level of what is said of them."""

    expected: str
    made: str
    level: str


def load(folder: Path, text: str = CONFIG) -> LoadedConfig:
    path = folder / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(str(path))


def told(findings: Collection[Finding]) -> list[tuple[str, str, int]]:
    return [(finding.level, finding.told, finding.line) for finding in findings]


def test_a_clash_names_field_types_line_and_remedy(tmp_path: Path) -> None:
    """What a config makes of a value is what Iterable would infer of it."""
    sent = fields_sent(load(tmp_path), {})
    found = told([*compare(sent, {"total": "date", "plan": "string"})])

    clash = "total is date in the project, and double is sent (type: number): such updates are refused."
    assert found == [("problem", f"{clash} → type: date, or another name with as:", 8)]


@pytest.mark.parametrize(
    "case",
    [
        Case("double", "long", "ok"),
        Case("string", "date", "ok"),
        Case("long", "double", "warning"),
        Case("date", "string", "warning"),
        Case("string", "boolean", "warning"),
        Case("long", "string", "problem"),
        Case("boolean", "long", "problem"),
        Case("object", "string", "problem"),
        Case("nested", "string", "ok"),
        Case("string", "array of string", "ok"),
    ],
)
def test_what_fits_what(case: Case) -> None:
    """What nobody documents is a warning; of types that are not known nothing is said."""
    (found,) = compare([SentField("f", [case.made], 0, "in the sample")], {"f": case.expected})

    assert found.level == case.level


def test_a_sample_says_more_than_the_config(tmp_path: Path) -> None:
    """Of a row without a type, of one with a list, and of all that "*" sends."""
    listed = fields_sent(load(tmp_path), {"plan": {"string", "long"}, "tags": {"array of string"}, "other": {"long"}})
    everything = fields_sent(
        load(tmp_path, ALL_USERS),
        {"plan": {"string"}, "other": {"long"}},
    )

    assert [(field.name, {*field.types}) for field in listed] == [
        ("plan", {"string", "long"}),
        ("total", {"double"}),
        ("tags", {"array of string"}),
    ]
    assert [field.name for field in everything] == ["plan", "other"]


def test_fields_that_fit_are_counted_and_those_that_only_data_can_judge_are_named(tmp_path: Path) -> None:
    """A project that has none of them is told nothing of types."""
    sent = fields_sent(load(tmp_path), {})
    some, none = (told([*compare(sent, project)]) for project in ({"plan": "string", "total": "double"}, {}))

    expected = "2 of 3 user fields are in the project, 1 of them surely fit; whether plan does, only data can tell"
    assert some == [("ok", expected, 0)]
    assert none == []
    known = [field for field in sent if field.types]
    of_known = compare(known, {field.name: next(iter(field.types)) for field in known})
    assert [finding.told for finding in of_known] == ["1 of 1 user fields are in the project, and what is sent fits"]


@pytest.mark.parametrize(
    ("known", "create", "level", "end"),
    [
        (998, True, "ok", "998 of 1,000 user fields, and 2 new: a, b"),
        (998, None, "ok", "998 of 1,000 user fields, and 2 new: a, b, if the project lets requests add fields"),
        (998, False, "warning", "2 new: a, b. create_new_fields is false: they are left out"),
        (999, True, "warning", "That is more than there is room for. → send fewer, or ask Iterable for more room"),
    ],
)
def test_room(known: int, create: bool | None, level: str, end: str) -> None:
    """For new fields; whether they may be added, the config says, or the project."""
    project: Mapping[str, str] = {f"f{number}": "string" for number in range(known)}
    new = [SentField(name, [], 0, "") for name in "ab"]
    found = room(new, project, create)

    assert (found.level, end in found.told) == (level, True)
    assert room([], project, create).told == f"{known} of 1,000 user fields"


def test_names_that_hold_an_address_are_told_by_their_length(tmp_path: Path) -> None:
    """And of many names three."""
    new = [SentField(name, [], 0, "") for name in ("ada@example.com", "b", "c", "d")]

    assert room(new, {}, True).told == "0 of 1,000 user fields, and 4 new: name of 15, b, c and 1 more"


def test_what_cannot_be_known_is_said(tmp_path: Path) -> None:
    """Fields of events, where some are sent, and those of users where all are."""
    listed = load(tmp_path)
    everything = load(tmp_path, ALL_USERS)
    no_fields = load(tmp_path, CONFIG.replace("[song]", "[]"))

    assert [finding.what for finding in not_known(listed)] == ["event fields"]
    assert [finding.what for finding in not_known(everything)] == ["user fields", "event fields"]
    assert [*not_known(no_fields)] == []


def test_every_source_is_known_by_what_it_makes(tmp_path: Path) -> None:
    """The last conversion that makes a type; a constant; a template; a field of an object, by its dotted name."""
    rows = """\
    - {property: Tags, as: tags, type: [split, lower]}
    - {property: Born, as: me.born, type: [trim, date]}
    - {property: Raw, as: raw, type: json}
    - {value: 5, as: level}
    - {value: [a, b], as: groups}
    - {template: "{user_id}!", as: hello}
    - "*"
"""
    text = f"{CONFIG[: CONFIG.index('    - plan')]}{rows}{CONFIG[CONFIG.index('send_events') :]}"
    loaded = load(tmp_path, text.replace("project_type: hybrid", "project_type: hybrid, merge_nested_objects: true"))
    sent = fields_sent(loaded, {"plan": {"string"}, "tags": {"array of string"}})

    assert [(one.name, list(one.types), one.line, one.told) for one in sent] == [
        ("tags", ["array of string"], 7, "in the sample"),
        ("me.born", ["date"], 8, "type: trim, date"),
        ("raw", [], 9, "type: json"),
        ("level", ["long"], 10, "a constant"),
        ("groups", ["string"], 11, "a constant"),
        ("hello", ["string"], 12, "a template"),
        ("plan", ["string"], 6, "in the sample"),
    ]
    assert next(one.told for one in not_known(loaded)).startswith('every user property is sent ("*")')
