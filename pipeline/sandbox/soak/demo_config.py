"""The demo's config with batches, waits and a key of a trial's own. Knows no trial."""

from pathlib import Path

from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY
from pipeline.sandbox.oracle.checks import Limits

DEMO = Path(__file__).parents[3] / "configs" / "demo.yaml"


def write_config(folder: Path, delays: str, limits: Limits, name: str = "sync") -> Path:
    """`<name>.yaml` with such batches, short backoffs and these waits for an unknown user; and its key in a file.

    Raises:
      ValueError: the demo no longer holds what is replaced.
    """
    key, config = folder / f"{name}.key", folder / f"{name}.yaml"
    key.write_text(DEFAULT_API_KEY)
    changes = {
        "env:ITERABLE_API_KEY": f"file:{key}",
        "unknown_user_delays: [2s, 5s, 1m]": f"max_backoff: 2s, unknown_user_delays: {delays}",
        "delivery:\n": f"delivery:\n  batch: {{max_items: {limits.items}, max_bytes: {limits.bytes}}}\n",
    }
    text = DEMO.read_text()
    for before, after in changes.items():
        if before not in text:
            raise ValueError(f"{DEMO} holds no {before!r}")
        text = text.replace(before, after)
    config.write_text(text)
    return config
