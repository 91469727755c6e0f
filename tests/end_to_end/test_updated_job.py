# SPDX-License-Identifier: Apache-2.0
"""A job that another version of the program goes on with: what the old one left in state is read, sent and gone."""

import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from apache_beam.coders import BytesCoder
from apache_beam.portability.api import beam_fn_api_pb2

from pipeline.sandbox.dataflow.figures import STRICT
from pipeline.sandbox.dataflow.keys import Key
from pipeline.sandbox.dataflow.submission import submit
from pipeline.sandbox.dataflow.trial import LIMITS
from pipeline.sandbox.dataflow.workers import Workers
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.soak.demo_config import write_config

USERS = [f"user-{number}" for number in range(60)]
CODER: Any = BytesCoder().get_impl()  # type: ignore[no-untyped-call] # Beam's


def identify(user: str) -> tuple[bytes, dict[str, str]]:
    row = {"event_type": "$identify", "user_id": user, "user_properties": {"$set": {"plan": "pro"}}}
    return orjson.dumps(row), {}


def event(user: str) -> tuple[bytes, dict[str, str]]:
    row = {
        "event_type": "Song Played",
        "event_time": "2026-01-05 10:00:00",
        "user_id": user,
        "device_id": user,
        "$insert_id": user,
        "event_properties": {"Song Name": "A Song"},
    }
    return orjson.dumps(row), {}


def as_version_4_left_it(key: Key) -> bool:
    """A `fill` that tells neither who wrote it nor of what was sent, and all that is ready in one cell.

    Returns whether something of it had been tried.
    """
    cells = {beam_fn_api_pb2.StateKey.FromString(name).bag_user_state.user_state_id: name for name in key.cells}
    version, _, *fields, _ = orjson.loads(CODER.decode_nested(key.cells[cells["fill"]]))
    assert version == 5
    key.cells[cells["fill"]] = CODER.encode_nested(orjson.dumps((4, *fields)))
    for name in cells.keys() & {"sent0", "sent1"}:
        del key.cells[cells[name]]
    if "retried" not in cells:
        return False
    items = beam_fn_api_pb2.StateKey.FromString(cells["retried"])
    items.bag_user_state.user_state_id = "items"
    retried = key.cells.pop(cells["retried"])
    key.cells[items.SerializeToString()] = key.cells.get(items.SerializeToString(), b"") + retried
    return True


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_bytes_of_an_earlier_version_are_read_by_this_one(tmp_path: Path) -> None:
    """It is updated in an outage, with all in state: everything arrives once, and the drain ends."""
    with SimulatedIterable(STRICT) as iterable:
        iterable.fault("*", status=503, times=None)
        config = write_config(tmp_path, "[1m]", LIMITS)
        with Workers(submit(config, tmp_path / "dead_letters.jsonl", iterable.url, tmp_path / "old")) as old:
            old.publish([*map(event, USERS), *map(identify, USERS)])
            until = time.monotonic() + 60
            while iterable.metrics()["endpoints"].get("bulkUpdate", {"requests": 0})["requests"] < 8:
                assert time.monotonic() < until
                time.sleep(0.1)
        tried = [as_version_4_left_it(key) for key in old.keys.values()]
        iterable.clear_faults()
        graph = submit(config, tmp_path / "dead_letters.jsonl", iterable.url, tmp_path / "new")
        with Workers(graph, keys=old.keys) as new:
            drained = new.drain(60.0)
        dump = iterable.dump(settle=True)

    assert any(tried)
    assert drained is not None
    assert (len(dump["users"]), len(dump["events"])) == (60, 60)
    assert not (tmp_path / "dead_letters.jsonl").exists()
    assert not new.measures.failures
