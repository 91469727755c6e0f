# SPDX-License-Identifier: Apache-2.0
"""A committed config with batches, waits and a key of a trial's own. Knows no trial."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY
from pipeline.sandbox.oracle.checks import Limits

_CONFIGS = Path(__file__).parents[3] / "configs"
DEMO = _CONFIGS / "demo.yaml"
OPERATIONS = _CONFIGS / "operations.yaml"

# A change of email is called in projects that go by it.
_EMAIL_CHANGED = "  - {event: Email Changed, call: users/updateEmail, fields: {newEmail: event_properties.new_email}}\n"
HYBRID = {"project_type: email": "project_type: hybrid", _EMAIL_CHANGED: ""}


def write_config(
    folder: Path,
    delays: str,
    limits: Limits,
    name: str = "sync",
    base: Path = DEMO,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """`<name>.yaml` with such batches, short backoffs and these waits for an unknown user; and its key in a file.

    Raises:
      ValueError: the base no longer holds what is replaced.
    """
    key, config = folder / f"{name}.key", folder / f"{name}.yaml"
    key.write_text(DEFAULT_API_KEY)
    changes = {
        "env:ITERABLE_API_KEY": f"file:{key}",
        "unknown_user_delays: [2s, 5s, 1m]": f"max_backoff: 2s, unknown_user_delays: {delays}",
        "delivery:\n": f"delivery:\n  batch: {{max_items: {limits.items}, max_bytes: {limits.bytes}}}\n",
        **more,
    }
    text = base.read_text()
    for before, after in changes.items():
        if before not in text:
            raise ValueError(f"{base} holds no {before!r}")
        text = text.replace(before, after)
    config.write_text(text)
    return config
