"""`make bench`: how much of Iterable's documented limits a run uses over a backlog. Knows no step of the pipeline.

A run in a process of its own, from a file, into a simulated Iterable with the documented limits in another one. Each
figure is a share of what the limits allow, so that it means the same on any machine that is fast enough.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import time
import urllib.request
from typing import Any

from pipeline.sandbox.traffic import Traffic, TrafficSettings, write_rows

FOLDER = pathlib.Path(".run")
RATE = 10.0  # requests per second to trackBulk, from Iterable's Swagger
MAX_ITEMS = 1000
# Events alone, for users who are made as they come: what waits for its user would not be a measure of the pace.
BACKLOG = {
    "users": 3_000,
    "identifies": 0.01,
    "group_identifies": 0.0,
    "bad_messages": 0.0,
    "malformed_identities": 0.0,
    "unlisted_events": 0.0,
    "reserved_events": 0.0,
    "anonymous": 0.0,
    "late_identifies": 0.0,
}


def main() -> int:
    """Prints the figures; returns the run's exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.sandbox.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=200_000, help="of the backlog (default %(default)s)")
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    backlog, switches = FOLDER / "backlog.jsonl", FOLDER / "switches.json"
    switches.write_text(json.dumps({"track_unknown_user": "create"}))
    with backlog.open("wb") as stream:
        write_rows(Traffic(TrafficSettings(messages=arguments.messages, **BACKLOG)), stream)  # type: ignore[arg-type]
    command = [sys.executable, "-m", "pipeline.sandbox.iterable", "--port=0", f"--settings={switches}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as iterable:  # noqa: S603
        assert iterable.stdout is not None  # noqa: S101 - for the type checker
        url = iterable.stdout.readline().split()[-1]
        started = time.monotonic()
        code = _run(backlog, url)
        seconds = time.monotonic() - started
        with urllib.request.urlopen(f"{url}/__sim/metrics") as answer:  # noqa: S310 - our own server
            metrics = json.load(answer)["endpoints"]["trackBulk"]
        iterable.terminate()
    _report(arguments.messages, seconds, metrics)
    return code


def _run(backlog: pathlib.Path, url: str) -> int:
    command = [
        *(sys.executable, "-m", "pipeline.main", "--config=configs/demo.yaml", f"--input_files={backlog}"),
        *(f"--dead_letter_file={FOLDER / 'bench_dead_letters.jsonl'}", f"--iterable_url={url}", "--max_wait=0s"),
        f"--waiting_file={FOLDER / 'bench_waiting.jsonl'}",
    ]
    environ = {**os.environ, "ITERABLE_API_KEY": "sandbox-key"}
    return subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=False).returncode  # noqa: S603


def _report(messages: int, seconds: float, metrics: dict[str, Any]) -> None:
    span = metrics["last_at"] - metrics["first_at"]
    requests, throttled = metrics["requests"], metrics["by_status"].get("429", 0)
    fill = metrics["items_per_request"]["mean"] / MAX_ITEMS
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    for line in (
        f"{messages:,} messages in {seconds:.0f} s with start and end",
        f"trackBulk requests       {requests:>8,} in {span:.1f} s",
        f"of the allowed rate used {(requests - 1) / (RATE * span):>8.1%}",
        f"answers 429              {throttled:>8,}",
        f"batches full             {fill:>8.1%}",
        f"largest process          {memory:>5,.0f} MB",
    ):
        print(line)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
