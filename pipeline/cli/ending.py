# SPDX-License-Identifier: Apache-2.0
"""What a run does at its end: its summary, what it must not come to (--fail-on), a file of metrics. Runs nothing."""

import logging
import shlex
from collections.abc import Callable, Iterator

from pipeline.config.loader import LoadedConfig
from pipeline.reports.conditions import parse_fail_on
from pipeline.reports.screen import show_wrapped
from pipeline.reports.summary import summarize
from pipeline.reports.tally import Tally
from pipeline.run_options import RunOptions
from pipeline.runs.local import Ran
from pipeline.sources.state_folder import default_parent

EXIT_FINDINGS = 1


class Ending:
    """Told what a run came to, however it ended.

    Args:
      before: gives lines to show above the summary.
    """

    def __init__(self, options: RunOptions, loaded: LoadedConfig, before: Callable[[Ran], str] = lambda _: "") -> None:
        self._fail_on = parse_fail_on(options.local.fail_on)
        self._metrics_file = options.local.metrics_file
        self._sync = loaded.config.name
        self._state_dir = options.local.state_dir
        self._before = before

    def __call__(self, ran: Ran) -> int:
        """See local.OnEnd."""
        if lines_before := self._before(ran):
            show_wrapped(f"{lines_before}\n")
        show_wrapped(summarize(ran.tally, ran.comes_again))
        if lines := list(_of_record(ran, self._state_dir)):
            show_wrapped("\n".join(["", *lines]))
        if self._metrics_file:
            _write_metrics(self._metrics_file, self._sync, ran.tally)
        met = [condition.text for condition in self._fail_on if condition.is_met(ran.tally)]
        if met:
            logging.error(f"The run came to what --fail-on names: {', '.join(met)}.")
            return EXIT_FINDINGS
        return 0


def _of_record(ran: Ran, state_dir: str) -> Iterator[str]:
    if ran.rows:
        times = {1: "once", 2: "twice"}.get(len(ran.rows), f"{len(ran.rows)} times")
        rows = [*ran.rows, max(0, ran.tally.read - sum(ran.rows))]
        yield f"Resumed {times}: {' + '.join(f'{row:,}' for row in rows)} rows"
    if ran.run:
        elsewhere = "" if state_dir == default_parent() else f" --state-dir {shlex.quote(state_dir)}"
        yield f"Report: a2i report {ran.run}{elsewhere}"


def _write_metrics(path: str, sync: str, tally: Tally) -> None:
    """For the textfile collector of Prometheus' node exporter: the last run of each file."""
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile  # few runs need it

    registry = CollectorRegistry()
    items = Gauge("a2i_items", "Items of the last run by outcome", ["sync", "outcome", "reason"], registry=registry)
    for (kind, _, reason), count in tally.counts.items():
        items.labels(sync, kind, reason).inc(count)
    plain = {
        "a2i_messages_read": ("Messages read by the last run", tally.read),
        "a2i_unsettled": ("Items that the last run left unsettled", tally.in_flight),
        "a2i_delivery_rate": ("Delivered of what was to be delivered, 0 to 1", tally.delivery_rate),
        "a2i_latency_p95_seconds": ("From publishing to Iterable's acceptance", tally.p95_latency),
    }
    for name, (meaning, value) in plain.items():
        if value is not None:
            Gauge(name, meaning, ["sync"], registry=registry).labels(sync).set(value)
    requests = Gauge("a2i_requests", "Requests of the last run", ["sync", "operation", "status"], registry=registry)
    for (operation, status), count in list(tally.requests.items()):
        requests.labels(sync, operation, str(status)).inc(count)
    Gauge("a2i_ended_at_seconds", "When the last run ended", ["sync"], registry=registry).labels(
        sync
    ).set_to_current_time()
    try:
        write_to_textfile(path, registry)
    except OSError as error:
        logging.warning(f"warning: --metrics-file {path} could not be written: {error.strerror}.")
