# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from typing import get_args

import pytest

from pipeline.config.loader import LoadedConfig
from pipeline.config.sources import TypeName
from transforms.amplitude.paths import MISSING, parse_path
from transforms.mapping.conversions import TYPES, Conversion
from transforms.mapping.sources import AS_USUAL, Source, parse_template

Load = Callable[[str], LoadedConfig]
Problems = Callable[[str], list[str]]

EMAIL, MAIL = parse_path("user_properties.email"), parse_path("event_properties.mail")
USER_ID = parse_path("user_id")


def test_the_types_are_those_of_the_conversions() -> None:
    """What a config may ask for is what a run can do."""
    assert set(get_args(TypeName)) == TYPES


@pytest.mark.parametrize(
    ("written", "source"),
    [
        ("user_properties.email", Source((EMAIL,))),
        ("{path: user_properties.email}", Source((EMAIL,))),
        ("[event_properties.mail, user_properties.email]", Source((MAIL, EMAIL))),
        ("{path: [event_properties.mail, user_properties.email]}", Source((MAIL, EMAIL))),
        ("{value: EUR}", Source(constant="EUR")),
        ("{value: [1, true, a]}", Source(constant=[1, True, "a"])),
        ('{template: "{user_properties.email}!"}', Source(template=parse_template("{user_properties.email}!"))),
        (
            '{path: user_id, type: [trim, {split: ";"}, {replace: ["-", ""]}], default: 0, on_error: as_is}',
            Source(
                (USER_ID,),
                conversions=(Conversion("trim"), Conversion("split", (";",)), Conversion("replace", ("-", ""))),
                default=0,
                handling=AS_USUAL._replace(on_error="as_is"),
            ),
        ),
        ("{path: user_properties.email, type: null, default: null}", Source((EMAIL,))),
    ],
)
def test_a_mapping_is_a_source_in_any_form(
    head: str, load: Load, schema_allows: Callable[[str], bool], written: str, source: Source
) -> None:
    """A path, a list of them, or a mapping that says more; an editor finds nothing wrong with it."""
    text = f"{head}mappings: {{campaign_id: {written}}}\n"
    mapped = load(text).config.mappings.campaign_id

    assert mapped
    assert mapped.source == source
    assert schema_allows(text)


def test_forms_that_mean_the_same_have_one_hash(head: str, load: Load) -> None:
    """A path is the short form of a source of one; every other source is another config."""
    hashes = [
        load(f"{head}mappings: {{email: {written}}}\n").hash
        for written in (
            "user_properties.email",
            "[user_properties.email]",
            "{path: user_properties.email}",
            "{path: user_properties.email, type: lower}",
            "{path: user_properties.email, default: x}",
            "[user_properties.email, event_properties.email]",
        )
    ]

    assert hashes[0] == hashes[1] == hashes[2] == load(head).hash
    assert len(set(hashes)) == 4


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{}", ": must have a path, a value or a template. Add path: SCOPE.NAME."),
        (
            "[user_properties.a, 5]",
            (
                "[1]: 5 is not allowed: must be a path. "
                "Write scope.name, such as user_properties.email, or a key such as user_id."
            ),
        ),
        (
            "[]",
            ": [] is not allowed: must be a path, or a list of paths. Write scope.name, such as user_properties.email.",
        ),
        (
            "{path: user_id, value: 1}",
            ".value: 1 is not allowed: must not stand beside path: a row has one source. Remove one of the two.",
        ),
        (
            "{path: user_id, as: x}",
            ".as: is not a known key. Known keys: path, value, template, type, default, on_error.",
        ),
        (
            "{path: user_id, type: {split: 5}}",
            (
                '.type: {"split": 5} is not allowed: must be one of string, integer, number, boolean, date, list, '
                'trim, lower, upper, json, split, {split: ";"}, {replace: [OLD, NEW]}. '
                "Remove it to keep the value's own type."
            ),
        ),
        (
            "{path: user_id, default: [[1]]}",
            (
                ".default: [[1]] is not allowed: must be text, a number, true, false, or a list of these. "
                "Put it in quotes if it is text."
            ),
        ),
    ],
)
def test_a_wrong_source_says_place_value_rule_and_remedy(
    head: str, problems: Problems, written: str, problem: str
) -> None:
    """One line for one mistake, word for word."""
    assert problems(f"{head}mappings: {{email: {written}}}\n") == [f"sync.yaml:6: mappings.email{problem}"]


@pytest.mark.parametrize(
    ("written", "key", "value"),
    [
        ("{value: .nan}", ".value", ".nan"),
        ("{path: .inf}", ".path", ".inf"),
        ("{template: -.inf}", ".template", "-.inf"),
        (".nan", "", ".nan"),
        ("{path: user_id, default: .nan}", ".default", ".nan"),
        ("{type: trim, value: 99999999999999999999}", ".value", "99999999999999999999"),
    ],
)
def test_a_source_that_cannot_be_read_is_told_once(
    head: str, problems: Problems, written: str, key: str, value: str
) -> None:
    """It is there: that none is would mislead. So of properties, of totals, of fields of calls."""
    sections = {
        "mappings.user_id": f"mappings: {{user_id: {written}}}",
        "calls[0].fields.listId": f"calls: [{{event: A, call: lists/subscribe, fields: {{listId: {written}}}}}]",
        "send_events.events[0].total": (
            "send_events: {enabled: true, events: [{event: A, send_as: purchase,"
            f" items: {{property: p, each: '*'}}, total: {written}}}]}}"
        ),
    }
    row = written.replace("{", "{as: x, ", 1)
    sections["create_and_update_users.user_properties[0]"] = (
        f"create_and_update_users: {{enabled: true, user_properties: [{row}]}}"
    )

    for place, section in sections.items():
        (told,) = problems(f"{head}{section}\n")
        assert told.startswith(f"sync.yaml:6: {place}{key}: {value} is not allowed: must be a number that JSON can")


def test_a_source_reads_nothing_but_what_it_names(head: str, load: Load) -> None:
    """Of an empty row a path finds nothing; a constant is there."""
    mappings = load(f"{head}mappings: {{email: user_id, user_id: {{value: x}}}}\n").config.mappings

    assert mappings.email
    assert mappings.user_id
    assert mappings.email.source.read({}) is MISSING
    assert mappings.user_id.source.read({}) == "x"
