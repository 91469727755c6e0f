# SPDX-License-Identifier: Apache-2.0
"""What a run of files need not import, it does not: in a process of its own, for this one has all of Beam."""

import json
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.cli.lean_beam import import_lean_beam
from pipeline.sandbox.iterable.running import SimulatedIterable

ROOT = Path(__file__).parents[3]
# Half of what a run took to start, and 60 MB.
HEAVY = {
    "apache_beam.io.gcp.bigquery",
    "apache_beam.io.gcp.pubsub",
    "apitools",
    "google.cloud.bigquery",
    "google.cloud.dataflow",
    "google.cloud.pubsub_v1",
    "google.cloud.storage",
    "google.pubsub_v1",
    "jinja2",
    "oauth2client",
    "pandas",
    "pipeline.dataflow.launch",
    "pipeline.runs.streaming",
    "prometheus_client",
    "pyarrow",
    "pymongo",
}
BEAMS_OPTIONS = {
    kind.__name__ for kind in PipelineOptions.__subclasses__() if kind.__module__.startswith("apache_beam")
}
PROGRAM = """
import json, sys
from pipeline.cli.a2i import main
code = main(sys.argv[1:])
imported = sorted(sys.modules)
import google.cloud.storage, apache_beam.io.gcp.pubsub
from apache_beam.options.pipeline_options import PipelineOptions
kinds = PipelineOptions.__subclasses__()
print(json.dumps({"code": code, "imported": imported, "options": [kind.__name__ for kind in kinds]}))
"""


@pytest.mark.slow
def test_a_run_of_files_imports_nothing_that_is_for_google_or_for_other_commands(
    tmp_path: Path, iterable: SimulatedIterable
) -> None:
    """It is there for who asks for it later, and Beam's options are the same."""
    row = {"event_type": "Song Played", "user_id": "u1", "device_id": "d", "event_time": "2026-01-05 10:00:00.000000"}
    (tmp_path / "events.jsonl").write_bytes(orjson.dumps(row))
    arguments = (
        *("run", "--config=configs/demo.yaml", f"--iterable_url={iterable.url}", "--max_wait=0s"),
        *(f"--input_files={tmp_path / 'events.jsonl'}", f"--dead_letter_file={tmp_path / 'dead_letters.jsonl'}"),
    )

    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        env={**os.environ, "ITERABLE_API_KEY": iterable.api_key},
        capture_output=True,
        text=True,
        check=True,
    )

    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["code"] == 0
    assert HEAVY & set(found["imported"]) == set()
    assert set(found["options"]) - {"JobOptions"} == BEAMS_OPTIONS
    assert "warning" not in ended.stderr.lower()


@pytest.mark.parametrize("arguments", [["--runner=DataflowRunner"], ["--streaming"], []])
def test_what_is_imported_already_stays(arguments: list[str]) -> None:
    """As where a command is called by another program."""
    before = set(sys.modules)

    import_lean_beam(arguments)

    assert set(sys.modules) == before
