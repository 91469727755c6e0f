# SPDX-License-Identifier: Apache-2.0
"""What a run's record says of it at its beginning, and which record that is. Knows no outcome."""

import time
from typing import Any

from pipeline.config.loader import LoadedConfig
from pipeline.config.problems import Keys
from pipeline.records.lines import Mark
from pipeline.records.recorder import Recorder
from pipeline.records.store import new_run, path_of, remove_old
from pipeline.reports.redaction import redact_name, redact_text
from pipeline.run_options import Files, RunOptions, Subscription
from pipeline.sources.source import Source
from pipeline.sources.state_folder import StateFolder
from transforms.model.release import RELEASE
from transforms.model.time_range import ANY_TIME

_SECTIONS: tuple[Keys, ...] = (
    ("create_and_update_users",), ("create_and_update_users", "where"), ("mappings",), ("send_events",),
    ("send_events", "events"),
)  # fmt: skip


def open_record(
    options: RunOptions, loaded: LoadedConfig, state: StateFolder, source: Source, is_replay: bool = False
) -> Recorder:
    """A new one, or that of the interrupted run with which `source` goes on. Raises FatalError if it cannot be kept."""
    now = time.time()
    remove_old(state, now)
    noted = source.noted
    mark = Mark(noted.value[0], noted.value[1], noted.chunk, noted.value[2]) if noted else None
    run = mark.run if mark else new_run(now)
    start = {"run": run, "host": state.destination["host"], **_start_of(options, loaded, is_replay)}
    return Recorder(path_of(state, run), start, redact_name, mark=mark)


def _start_of(options: RunOptions, loaded: LoadedConfig, is_replay: bool) -> dict[str, Any]:
    read = options.input
    start: dict[str, Any] = {
        "sync": redact_name(loaded.config.name),
        "program": RELEASE,
        "config": redact_text(loaded.path),
        "config_hash": loaded.hash,
        "config_lines": config_lines(loaded),
        "dead_letters": redact_text(options.dead_letters),
        "share": options.share,
        "chunk_size": options.local.chunk_size,
    }
    if isinstance(read, Files):
        start |= {"kind": "replay" if is_replay else "backfill", "source": [redact_text(one) for one in read.patterns]}
        if read.times != ANY_TIME:
            start["times"] = [time if abs(time) < float("inf") else None for time in read.times]
        if read.events_only:
            start["events_only"] = True
    elif isinstance(read, Subscription):
        start |= {"kind": "replay" if is_replay else "stay" if read.forever else "drain", "source": [read.name]}
    return start


def config_lines(loaded: LoadedConfig) -> dict[str, Any]:
    """On which line of the file what is said: `rows` of events, each with its name and new name, and some sections."""
    sections = {".".join(map(str, keys)): line for keys in _SECTIONS if (line := loaded.lines.get(keys))}
    rows = [
        [redact_name(row.event), redact_name(row.new_name), loaded.lines.get(("send_events", "events", number), 0)]
        for number, row in enumerate(loaded.config.send_events.events)
    ]
    users = loaded.config.create_and_update_users.events
    keys = ("create_and_update_users", "events")
    updating = [[redact_name(row.event), "", loaded.lines.get((*keys, i), 0)] for i, row in enumerate(users)]
    return {"rows": rows, **({"user_rows": updating} if updating else {}), **sections}
