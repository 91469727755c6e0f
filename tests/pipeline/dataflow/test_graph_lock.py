# SPDX-License-Identifier: Apache-2.0
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.arguments import parse_options
from pipeline.config.loader import load_config
from pipeline.dataflow.graph_lock import DRAIN, Lock, advice, lock_of, to_text
from pipeline.dataflow.launch import graph_of

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "configs" / "flex_template" / "graph_lock.json"
WHAT_TO_DO = """The streaming graph is not the committed one. A job that runs by that one would need:

{}

Write it down under "Changed interfaces" in CHANGELOG.md, then `make graph-lock`. See docs/dataflow.md, "Update".
"""
JOB = [
    "--input_subscription=projects/my-project/subscriptions/events",
    "--dead_letter_topic=projects/my-project/topics/dead-letters",
    *("--runner=DataflowRunner", "--project=my-project", "--region=europe-west1", "--job_name=sync"),
    *("--temp_location=gs://my-bucket/temp", "--sdk_container_image=host/image:1"),
]


def lock(config: str, *options: str) -> Lock:
    path = str(ROOT / "configs" / f"{config}.yaml")
    return lock_of(graph_of(parse_options([f"--config={path}", *JOB, *options]), load_config(path)))


def test_the_graph_is_the_committed_one() -> None:
    """A change of it is a change of running jobs; the failure says what their operators must do."""
    committed, now = json.loads(COMMITTED.read_text()), lock("minimal")

    to_do = "\n".join(advice(committed, now)) or "nothing: it can be updated as it is."
    assert to_text(now) == COMMITTED.read_text(), WHAT_TO_DO.format(to_do)


def test_no_config_and_no_option_changes_the_graph() -> None:
    """So a sync may be changed, and the job updated, at any time."""
    assert lock("full", "--share=10%", "--iterable_url=http://localhost:1", "--max_num_workers=7") == lock("minimal")


def test_the_lock_knows_what_a_running_job_holds() -> None:
    """The sender's state and timers, with their coders."""
    post = json.loads(COMMITTED.read_text())["steps"]["Send/Post"]

    assert set(post) == {"kind", "inputs", "outputs", "state", "timers"}
    assert post["inputs"] == ["kv:v1<varint:v1, bytes:v1> in global_windows:v1"]
    assert {name.rpartition("-")[2] for name in post["timers"]} >= {"flush", "end"}


STEP = {"kind": "pardo", "inputs": ["bytes"], "outputs": ["bytes"]}
STATEFUL = {**STEP, "state": {"items": "bag bytes"}, "timers": {"flush": "PROCESSING_TIME"}}
RUNNING: dict[str, Any] = {"shards": 8, "steps": {"Read": STEP, "Send/Post": STATEFUL}}


def changed(**steps: Any) -> Lock:
    new = copy.deepcopy(RUNNING)
    new["steps"] = {**new["steps"], **steps}
    return {**new, "steps": {label: step for label, step in new["steps"].items() if step}}


@pytest.mark.parametrize(
    ("new", "lines"),
    [
        (RUNNING, []),
        (changed(Added=STEP), []),
        (
            changed(**{"Send/Post": None, "Send/Deliver": STATEFUL}),
            [
                (
                    "Send/Post is called Send/Deliver now. "
                    """Update with --transform_name_mapping='{"Send/Post": "Send/Deliver"}'."""
                )
            ],
        ),
        (changed(**{"Send/Post": None}), [f"Send/Post is gone. {DRAIN}"]),
        (
            changed(**{"Send/Post": {**STATEFUL, "state": {"items": "bag varint"}}}),
            [f"Send/Post: its state changed. {DRAIN}"],
        ),
        (changed(**{"Send/Post": STEP}), [f"Send/Post: its {what} changed. {DRAIN}" for what in ("state", "timers")]),
        ({**RUNNING, "shards": 16}, [f"The number of shards changes from 8 to 16. {DRAIN}"]),
    ],
)
def test_what_an_operator_must_do(new: Lock, lines: list[str]) -> None:
    """A new name is told to Dataflow; what it cannot carry over is drained first."""
    assert advice(RUNNING, new) == lines
