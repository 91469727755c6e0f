# SPDX-License-Identifier: Apache-2.0
from contextlib import ExitStack

import pytest

from pipeline.sandbox.iterable.endpoints import WRITES
from pipeline.sandbox.iterable.metrics import Metrics
from pipeline.sandbox.iterable.users import Ids

ENDPOINTS = {each.name: each for each in WRITES}
ADA, BO = Ids("ada@example.com", None), Ids(None, "bo")


@pytest.mark.parametrize(
    ("first", "second", "same_user", "identity"),
    [
        ("bulkUpdate", "update", 1, 0),
        ("bulkUpdate", "trackPurchase", 0, 0),
        ("bulkUpdate", "deleteByEmail", 0, 1),
        ("deleteByEmail", "bulkUpdate", 0, 1),
        ("updateEmail", "trackBulk", 0, 1),
        ("merge", "forget", 1, 1),
    ],
)
def test_who_is_in_two_requests_at_once(first: str, second: str, same_user: int, identity: int) -> None:
    """Of one kind, or beside a change of identity, whatever the other one is for; then no more."""
    metrics = Metrics()
    with ExitStack() as under_way:
        under_way.enter_context(metrics.in_flight(ENDPOINTS[first], 1, {ADA}))
        with metrics.in_flight(ENDPOINTS[second], 1, {ADA, BO}):
            pass
    with metrics.in_flight(ENDPOINTS[second], 1, {ADA}):
        pass

    counted = metrics.as_json()["endpoints"][second]
    assert (counted["same_user_in_flight"], counted["identity_change_in_flight"]) == (same_user, identity)
