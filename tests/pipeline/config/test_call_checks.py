# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from pipeline.config.loader import ConfigError, load_config
from transforms.iterable.operations import BY_CALL

CONFIG = """
name: Shop
status: enabled
destination: {api_key: "env:A_KEY", project_type: %s}
calls:
  - {event: Done, %s}
"""


def problems_of(write: Callable[[str], str], row: str, project_type: str = "email") -> list[str]:
    try:
        load_config(write(CONFIG % (project_type, row)))
    except ConfigError as error:
        return [line.partition(":6: calls[0]")[2].lstrip(".: ") for line in str(error).splitlines()]
    return []


@pytest.fixture
def write(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    def to_file(text: str) -> str:
        path = tmp_path_factory.mktemp("config") / "sync.yaml"
        path.write_text(text)
        return str(path)

    return to_file


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            "call: users/updateEmail, fields: {newEmial: event_properties.new, newEmail: event_properties.new}",
            "fields.newEmial: is no field of users/updateEmail. Did you mean 'newEmail'?",
        ),
        (
            "call: users/merge",
            (
                "fields: must have sourceEmail or sourceUserId: users/merge needs it. "
                "Add sourceEmail: event_properties.NAME."
            ),
        ),
        (
            'call: lists/subscribe, fields: {listId: {value: "12"}}',
            (
                'fields.listId.value: "12" is not allowed: must be a whole number: '
                "listId of lists/subscribe takes nothing else. Correct it."
            ),
        ),
        (
            "call: lists/subscribe, fields: {listId: {path: event_properties.list, default: true}}",
            (
                "fields.listId.default: true is not allowed: must be a whole number: "
                "listId of lists/subscribe takes nothing else. Correct it."
            ),
        ),
        (
            "call: users/delete",
            "confirm: must be spelled out: users/delete cannot be undone. Add confirm: deletes users in Iterable.",
        ),
        (
            "call: users/forget, confirm: deletes users in Iterable",
            (
                "confirm: must be spelled out: users/forget cannot be undone. "
                "Add confirm: forgets users in Iterable for good."
            ),
        ),
        (
            "call: lists/subscribe, confirm: yes, fields: {listId: {value: 1}}",
            "confirm: must not be set: lists/subscribe needs none. Remove it.",
        ),
        (
            "call: users/update",
            (
                f'call: "users/update" is not allowed: must be an operation: {", ".join(BY_CALL)}. '
                'Did you mean "users/updateEmail"?'
            ),
        ),
        ("fields: {}", "call: is missing. Add call: users/updateEmail, or another of docs/operations.md."),
    ],
)
def test_a_row_is_checked_by_its_operation(write: Callable[[str], str], row: str, problem: str) -> None:
    """At its line, with the remedy."""
    assert problems_of(write, row) == [problem]


def test_an_email_is_changed_so_only_where_users_go_by_it(write: Callable[[str], str]) -> None:
    """In other projects a user update changes it."""
    row = "call: users/updateEmail, fields: {newEmail: event_properties.new}"

    assert problems_of(write, row) == []
    assert problems_of(write, row, "user_id") == [
        (
            "call: must not be users/updateEmail: it is for projects of type email. "
            "Remove the row: there a user update changes the email."
        )
    ]


@pytest.mark.parametrize("event", ['"*"', "$groupidentify", "_all"])
def test_a_call_is_made_of_a_named_event(write: Callable[[str], str], event: str) -> None:
    """None is made of every event; of an identify one may be."""
    row = "call: users/delete, confirm: deletes users in Iterable"
    text = CONFIG % ("email", row)

    with pytest.raises(ConfigError, match=r"calls\[0\]\.event: .* is not allowed: must "):
        load_config(write(text.replace("event: Done", f"event: {event}")))
    assert load_config(write(text.replace("event: Done", "event: $identify"))).config.calls[0].event == "$identify"
