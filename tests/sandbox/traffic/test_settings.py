# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from pipeline.sandbox.traffic.settings import TrafficSettings


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"messages": -1}, "messages is -1"),
        ({"users": 0}, "users 0"),
        ({"late": 1.5, "leads": -0.1}, "leads, late"),
        ({"identifies": 0.9, "bad_messages": 0.2}, "more than 1"),
        ({"unlisted_events": 0.9, "reserved_events": 0.2}, "more than 1"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], complaint: str) -> None:
    """The error names the setting."""
    with pytest.raises(ValueError, match=complaint):
        TrafficSettings(**settings)
