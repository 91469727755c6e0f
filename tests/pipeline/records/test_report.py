# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline.config.loader import load_config
from pipeline.records.counts import Counts
from pipeline.records.lines import End, Record, Slice
from pipeline.records.report import make_report
from pipeline.runs.record_start import config_lines

CONFIG = """\
name: Shop
status: enabled
destination: {api_key: "env:KEY", project_type: hybrid}
create_and_update_users:
  enabled: true
  where: [{property: user_properties.internal, operator: does not exist}]
  events:
    - {event: Paid, where: [{property: country, operator: exists}]}
    - {event: "*"}
send_events: {enabled: true, events: [{event: Paid, as: {template: "{country} paid"}}]}
"""


def test_a_dropped_update_names_the_lines_of_what_did_not_let_it_through(tmp_path: Path) -> None:
    """The section's clauses; of an event those of its rows, too."""
    file = tmp_path / "shop.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    lines = config_lines(load_config(str(file)))
    events = "$identify", "Paid", "Played"
    drops: dict[Any, int] = {("dropped", "user", event, "user_where_not_met"): 1 for event in events}
    record = Record({"run": "1", "at": 0.0, "config_lines": lines}, [Slice(0.0, Counts(outcomes=Counter(drops)))])

    report = make_report([record])

    assert {rule.event: rule.lines for rule in report.drops} == {"$identify": [6], "Paid": [6, 8, 9], "Played": [6, 9]}
    assert [(row.event, row.sent_as) for row in report.events if row.sent_as] == [("Paid", "{country} paid")]


def run_of(
    at: float, kind: str, source: str, delivered: int, left: int, how: str = "done", sync: str = "Shop"
) -> Record:
    counts: dict[Any, int] = {("delivered", "track", "Paid", ""): delivered}
    start = {"run": f"{at}", "at": at, "sync": sync, "kind": kind, "source": [source]}
    return Record(start, [Slice(at, Counts(outcomes=Counter(counts)))], end=End(at + 1.0, how, 0, left))


def test_what_a_run_leaves_and_a_later_one_takes_up_is_counted_once() -> None:
    """Of each input the last run tells what waits; of files that are done, the sync's next run of anything."""
    drains = [run_of(float(at), "drain", "s", 100, left) for at, left in enumerate((7, 5, 2))]
    files = [
        run_of(10.0, "backfill", "a", 500, 479),
        run_of(11.0, "backfill", "b", 400, 12),
        run_of(12.0, "backfill", "c", 1, 3, "stopped"),
    ]
    other = run_of(20.0, "drain", "s", 0, 4, sync="Other")

    report = make_report([*files, other, *drains])

    assert report.in_flight == 3 + 4 + 2  # the latest of each
    assert report.read == report.items == 500 + 400 + 1 + 300 + report.in_flight
    assert make_report(files[:2]).in_flight == 12
    assert make_report([files[0], run_of(30.0, "drain", "s", 1, 6)]).in_flight == 6
