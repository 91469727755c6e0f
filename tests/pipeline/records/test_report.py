# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline.config.loader import load_config
from pipeline.records.counts import Counts
from pipeline.records.lines import Record, Slice
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
