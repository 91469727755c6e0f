# SPDX-License-Identifier: Apache-2.0
"""What tests of more than one room make by hand, made once. Knows no test."""

import json
from collections.abc import Mapping
from typing import Any

from transforms.amplitude.parse import parse_event
from transforms.amplitude.paths import parse_path
from transforms.mapping.conversions import Conversion
from transforms.mapping.sources import Source
from transforms.model.items import Event, Message, Resumed

PUBLISHED = 1_751_387_700.5  # Unix seconds


def event_of(row: Mapping[str, Any], resumed: Resumed | None = None, **attributes: str) -> Event:
    """The event of a message that holds this row."""
    return parse_event(Message(json.dumps(row).encode(), attributes, "1", PUBLISHED, resumed))


def source_at(path: str, *types: str) -> Source:
    """One path, as these types."""
    return Source((parse_path(path),), conversions=tuple(map(Conversion, types)))
