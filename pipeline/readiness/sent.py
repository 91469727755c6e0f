# SPDX-License-Identifier: Apache-2.0
"""What a config sends, in a few words. Knows no event and no Iterable."""

from collections.abc import Iterator

from pipeline.config.model import Config
from pipeline.config.places import property_lists
from transforms.mapping.filters import EVERYTHING


def what_is_sent(config: Config) -> Iterator[str]:
    """`3 user properties`, `2 events with 1 event property`, `calls users/merge`: of sections that are enabled."""
    users, events = config.create_and_update_users, config.send_events
    if users.enabled:
        yield _properties(config, "create_and_update_users", "user") or "users without properties"
    if events.enabled:
        names = {row.event for row in events.events}
        counted = "all events" if EVERYTHING in names else _counted(len(names), "event", "events")
        properties = [_properties(config, "send_events", kind) for kind in ("event", "user")]
        yield f"{counted} with {' and '.join(filter(None, properties)) or 'no properties'}"
    if config.calls:
        calls = dict.fromkeys((row.operation.name, bool(row.operation.confirm)) for row in config.calls)
        yield "calls " + ", ".join(f"{name} (cannot be undone)" if final else name for name, final in calls)


def _properties(config: Config, section: str, kind: str) -> str:
    """Of the section's list and those of its rows; "" for none."""
    lists = [one for keys, one in property_lists(config) if (keys[0], keys[-1]) == (section, f"{kind}_properties")]
    if any(one.brings_all for one in lists):
        return f"all {kind} properties"
    targets = {row.target for one in lists for _, row in one.listed}
    return _counted(len(targets), f"{kind} property", f"{kind} properties") if targets else ""


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
