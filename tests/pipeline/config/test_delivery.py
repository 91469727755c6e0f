# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

Problems = Callable[[str], list[str]]


WRONG = [
    (
        "delivery:",
        "delivery: null is not allowed: must be a mapping of keys. Its keys: batch, requests_per_second, retry.",
    ),
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


@pytest.mark.parametrize(("section", "problem"), WRONG)
def test_a_wrong_value_says_place_value_rule_and_remedy(
    head: str, problems: Problems, section: str, problem: str
) -> None:
    """One line for one mistake, word for word."""
    assert problems(f"{head}{section}\n") == [f"sync.yaml:6: {problem}"]


@pytest.mark.parametrize(
    "section", [section for section, _ in WRONG if "[5m, 60s]" not in section and "0s}" not in section]
)
def test_an_editor_sees_what_the_program_refuses(head: str, schema_allows: Callable[[str], bool], section: str) -> None:
    """The JSON Schema holds all that one key alone shows."""
    assert not schema_allows(f"{head}{section}\n")
