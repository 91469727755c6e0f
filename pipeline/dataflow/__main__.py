# SPDX-License-Identifier: Apache-2.0
"""Writes what Dataflow and its operators need to stdout.

python -m pipeline.dataflow metadata          metadata.json
python -m pipeline.dataflow template IMAGE    the flex template's file
python -m pipeline.dataflow graph             the graph lock
python -m pipeline.dataflow compare FILE      what to do about a job that runs by the graph lock in FILE
"""

import json
import sys
from pathlib import Path

from pipeline.cli.arguments import parse_options
from pipeline.config.loader import load_config
from pipeline.dataflow.graph_lock import Lock, advice, lock_of, to_text
from pipeline.dataflow.launch import graph_of
from pipeline.dataflow.template import metadata, template
from pipeline.dataflow.template import to_text as to_json
from pipeline.reports.screen import show, tell

# Any will do: see lock_of.
_OPTIONS = (
    "--config=configs/minimal.yaml",
    "--input_subscription=projects/my-project/subscriptions/any",
    "--dead_letter_topic=projects/my-project/topics/any",
    "--runner=DataflowRunner",
    "--project=my-project",
    "--region=europe-west1",
    "--job_name=any",
    "--temp_location=gs://any/any",
    "--sdk_container_image=any/any:any",
)


def main(arguments: list[str]) -> int:
    """Returns the exit code: 1 if a running job cannot simply be updated, 2 for a wrong command line or file."""
    if arguments == ["metadata"]:
        show(to_json(metadata()).rstrip())
    elif arguments == ["graph"]:
        show(to_text(_lock()).rstrip())
    elif len(arguments) == 2 and arguments[0] == "template":
        show(to_json(template(arguments[1])).rstrip())
    elif len(arguments) == 2 and arguments[0] == "compare":
        try:
            running = _read_lock(arguments[1])
        except (OSError, ValueError) as error:
            tell(f"{arguments[1]}: {getattr(error, 'strerror', None) or 'it is no graph lock'}.")
            return 2
        lines = advice(running, _lock())
        show("\n".join(lines) or "The job can be updated as it is.")
        return int(bool(lines))
    else:
        tell(str(__doc__))
        return 2
    return 0


def _read_lock(path: str) -> Lock:
    """Raises OSError, or ValueError if it is none."""
    lock = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(lock, dict) or not lock.keys() >= {"shards", "steps"}:
        raise ValueError(path)
    return lock


def _lock() -> Lock:
    options = parse_options(list(_OPTIONS))
    return lock_of(graph_of(options, load_config(options.config)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
