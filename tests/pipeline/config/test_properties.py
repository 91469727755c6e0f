from collections.abc import Callable
from typing import get_args

import pytest

from pipeline.config.sources import TypeName
from transforms.mapping.conversions import TYPES

Problems = Callable[[str], list[str]]

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
]


@pytest.mark.parametrize(("section", "problem"), PROPERTIES)
def test_a_wrong_value_says_place_value_rule_and_remedy(
    head: str, problems: Problems, section: str, problem: str
) -> None:
    """One line for one mistake, word for word."""
    assert problems(f"{head}{section}\n") == [f"sync.yaml:6: {problem}"]


def test_the_types_are_those_of_the_conversions() -> None:
    """What a config may ask for is what a run can do."""
    assert set(get_args(TypeName)) == TYPES
