# SPDX-License-Identifier: Apache-2.0
"""Launches as a person and as a flex template's launcher make them, against Dataflow's API on this machine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.main import main
from pipeline.sandbox.dataflow.api import DataflowApi
from pipeline.sandbox.stage import Ended
from tests.dataflow_jobs import ROOT, launch_options, write_config
from tests.log_times import without_times

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ENTRY = ROOT / "configs" / "flex_template" / "main.py"
Types = Callable[..., Ended]


@pytest.fixture(autouse=True)
def without_google(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a key of Iterable's."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
    monkeypatch.delenv("ITERABLE_API_KEY", raising=False)


@pytest.fixture
def api() -> Iterator[DataflowApi]:
    with DataflowApi() as running:
        yield running


def test_a_person_launches(tmp_path: Path, api: DataflowApi, types: Types) -> None:
    """One command, which ends at once and says where the job is; the key is not read here."""
    write_config(tmp_path)

    ended = types(main, *launch_options(tmp_path, api.url))

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[0] == "Launched amplitude-to-iterable, job 2026-11-26_0."
    assert len(api.jobs) == 1


def test_a_second_job_of_a_name_is_one_line(tmp_path: Path, api: DataflowApi, types: Types) -> None:
    """With code 3, as every wrong set-up."""
    write_config(tmp_path)
    api.refuse(409, "There is a job of this name.")

    ended = types(main, *launch_options(tmp_path, api.url))

    assert ended.code == 3
    assert ended.err.startswith("python -m pipeline.main stopped: Dataflow refused the job with HTTP 409: ")
    assert ended.err.count("\n") == 1


def test_a_launcher_runs_the_entry_point(tmp_path: Path, api: DataflowApi) -> None:
    """With `--name=value` alone and an option more than Beam knows, from any folder: the job lies where it says."""
    write_config(tmp_path)
    place = tmp_path / "job_object"
    options = launch_options(tmp_path, api.url, template_location=place, streaming="true", launcher_machine_type="n1")

    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, ENTRY, *options], cwd="/", env=environ, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0
    assert without_times(ended.stderr) == (
        "warning: --launcher_machine_type=n1 is no option of this program or of Beam, and is left out.\n"
    )
    job = json.loads(place.read_text())
    assert job["type"] == "JOB_TYPE_STREAMING"


@pytest.mark.parametrize(("is_template", "code"), [(True, 3), (False, 0)])
def test_a_disabled_sync_launches_nothing(
    tmp_path: Path, api: DataflowApi, types: Types, is_template: bool, code: int
) -> None:
    """To a person that is as it should be; a launcher hears that there is no job."""
    write_config(tmp_path, status="disabled")
    place = tmp_path / "job_object" if is_template else None

    ended = types(main, *launch_options(tmp_path, api.url, template_location=place))

    assert (ended.code, api.jobs) == (code, [])
    assert ended.out == "Amplitude to Iterable: status is disabled; nothing is read.\n"
    assert ("makes no job" in ended.err) == is_template


def test_a_key_of_this_machine_ends_with_2(tmp_path: Path, api: DataflowApi, types: Types) -> None:
    """Even where it is set: workers do not have it."""
    write_config(tmp_path, api_key="env:PATH")

    ended = types(main, *launch_options(tmp_path, api.url))

    assert (ended.code, api.jobs) == (2, [])
    assert "destination.api_key: " in ended.err
