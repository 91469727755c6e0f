# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from pipeline.config.loader import LoadedConfig
from transforms.amplitude.paths import parse_path

Load = Callable[[str], LoadedConfig]
Problems = Callable[[str], list[str]]


PATHS = [
    (
        "mappings: {email: 010, user_id: null}",
        (
            "mappings.email: 010 is not allowed: must not start with 0: YAML's versions read that differently. "
            "Write it without the zero in front, or put it in quotes if it is text."
        ),
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
]


@pytest.mark.parametrize(("section", "problem"), PATHS)
def test_a_wrong_value_says_place_value_rule_and_remedy(
    head: str, problems: Problems, section: str, problem: str
) -> None:
    """One line for one mistake, word for word."""
    assert problems(f"{head}{section}\n") == [f"sync.yaml:6: {problem}"]


def test_paths_are_those_of_the_transforms(head: str, load: Load) -> None:
    """All after the scope is the whole name, with its dots and blanks."""
    mapped = load(head + 'mappings: {campaign_id: "event_properties.Campaign Id.v2"}').config.mappings.campaign_id

    assert mapped
    assert mapped.paths == (parse_path("event_properties.Campaign Id.v2"),)


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
def test_a_row_that_was_meant_as_a_name_says_so(
    head: str, problems: Problems, names: str, row: str, problem: str
) -> None:
    """Every user of Amplitude has such names: YAML reads them as something else, and needs quotes."""
    (told,) = problems(f"{head}send_events:\n  enabled: true\n  {names}:\n    - {row}\n")

    assert told.startswith(f"sync.yaml:9: send_events.{names}[0]: ")
    assert told.endswith(problem)


@pytest.mark.parametrize("row", ["evnt: Order", "name: Order", "Event: Order"])
def test_a_row_with_a_wrong_key_is_told_the_keys(head: str, problems: Problems, row: str) -> None:
    """It was meant as a mapping; that one is missing is told beside it only where it is not the one that is meant."""
    told = problems(f"{head}send_events:\n  enabled: true\n  events:\n    - {row}\n")

    assert [line.partition(" ")[2].partition(".")[0] for line in told] == ["send_events"] * len(told)
    assert "is not a known key" in told[-1]
    assert ("Did you mean 'event'?" in told[-1]) is (len(told) == 1) is not row.startswith("name")
