# SPDX-License-Identifier: Apache-2.0
"""The flex template from gcloud to the job: real gcloud, a launcher as Dataflow has one, the real DataflowRunner."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from google.cloud import storage

from pipeline.dataflow.template import template, to_text
from pipeline.sandbox.dataflow.api import DataflowApi
from pipeline.sandbox.dataflow.launcher import FlexLauncher
from tests.dataflow_jobs import IMAGE, ROOT, SUBSCRIPTION, TOPIC, write_config

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NEEDS_GCLOUD = pytest.mark.skipif(
    not shutil.which("gcloud") or not shutil.which("make"),
    reason="needs gcloud and make: https://cloud.google.com/sdk/docs/install",
)
METADATA = json.loads((ROOT / "configs" / "flex_template" / "metadata.json").read_text())
LAUNCH = "/v1b3/projects/my-project-1/locations/europe-west1/flexTemplates:launch"
BAD = {
    "config": "sync.yaml",
    "input_subscription": "amplitude",
    "dead_letter_topic": SUBSCRIPTION,
    "sdk_container_image": "image",
    "share": "30",
    "iterable_url": "localhost",
}


class Cloud(NamedTuple):
    """Dataflow and Cloud Storage on this machine, with the template in a bucket."""

    api: DataflowApi
    launcher: FlexLauncher
    bucket: storage.Bucket
    environ: dict[str, str]

    @property
    def parameters(self) -> dict[str, str]:
        return {
            "config": f"gs://{self.bucket.name}/sync.yaml",
            "input_subscription": SUBSCRIPTION,
            "dead_letter_topic": TOPIC,
            "sdk_container_image": IMAGE,
        }

    @property
    def variables(self) -> dict[str, str]:
        """Those of docs/dataflow.md."""
        parameters = self.parameters
        return {
            "PROJECT": "my-project-1",
            "REGION": "europe-west1",
            "BUCKET": self.bucket.name,
            "IMAGE": parameters["sdk_container_image"],
            "CONFIG": parameters["config"],
            "SUBSCRIPTION": parameters["input_subscription"],
            "DEAD_LETTER_TOPIC": parameters["dead_letter_topic"],
            "SERVICE_ACCOUNT": "worker@my-project-1.iam.gserviceaccount.com",
        }

    def make(self, target: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """`make TARGET` as an operator types it; nothing is set up for it."""
        all_variables = {**self.variables, "BIN": str(Path(sys.executable).parent), **variables}
        words = [f"{name}={value}" for name, value in all_variables.items()]
        return subprocess.run(
            ["make", "--old-file=setup", target, *words],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def launch(self, **parameters: str) -> tuple[int, str]:
        """HTTP status and message of a launch with these parameters."""
        staging = f"gs://{self.bucket.name}/staging"
        body = {
            "launchParameter": {
                "jobName": "sync",
                "containerSpecGcsPath": f"gs://{self.bucket.name}/templates/amplitude-to-iterable.json",
                "parameters": parameters,
                "environment": {"tempLocation": staging, "stagingLocation": staging},
            }
        }
        request = urllib.request.Request(f"{self.api.url}{LAUNCH}", json.dumps(body).encode(), method="POST")
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)["error"]["message"]


@pytest.fixture
def cloud(tmp_path: Path, bucket: storage.Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
    bucket.blob("sync.yaml").upload_from_string(write_config(tmp_path).read_bytes())
    bucket.blob("templates/amplitude-to-iterable.json").upload_from_string(to_text(template(IMAGE)))
    with DataflowApi() as api:
        added = ["--project=my-project-1", "--region=europe-west1", "--no_auth", f"--dataflow_endpoint={api.url}"]
        launcher = FlexLauncher(ROOT / "configs" / "flex_template" / "main.py", ROOT, added)
        api.launcher = launcher
        gcloud = {
            "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
            "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW": f"{api.url}/",
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        }
        yield Cloud(api, launcher, bucket, {**os.environ, **gcloud})


def test_the_command_of_the_page_launches_without_a_template(cloud: Cloud) -> None:
    """As it stands in docs/dataflow.md, with the page's variables; only the sandbox's own options are added."""
    page = (ROOT / "docs" / "dataflow.md").read_text()
    (command,) = re.findall(r"```bash\n(a2i run .*?)\n```", page, re.DOTALL)
    names = {**cloud.variables, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    added = f"--no_auth --dataflow_endpoint={cloud.api.url}"

    ended = subprocess.run(
        ["bash", "-c", f"{command} {added}"],
        cwd=ROOT,
        env={**cloud.environ, **names},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Launched amplitude-to-iterable, job ")
    assert [job["environment"]["serviceAccountEmail"] for job in cloud.api.jobs] == [cloud.variables["SERVICE_ACCOUNT"]]


@NEEDS_GCLOUD
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the git repository")
def test_make_launches_updates_and_drains_the_job(cloud: Cloud) -> None:
    """With the required parameters alone: streaming, at least once, our image, few workers, and whose it is.

    What gcloud sends is what Dataflow's API knows; a job of another graph is not updated.
    """
    launched = cloud.make("launch")
    updated = cloud.make("update", RUNNING="HEAD")
    drained = cloud.make("drain", JOB_ID=cloud.api.jobs[-1]["id"])

    assert [each.returncode for each in (launched, updated, drained)] == [0, 0, 0], launched.stderr + updated.stderr
    old, new = cloud.api.jobs
    (pool,) = old["environment"]["workerPools"]
    assert (old["name"], old["type"]) == ("amplitude-to-iterable", "JOB_TYPE_STREAMING")
    assert old["environment"]["serviceOptions"] == ["streaming_mode_at_least_once"]
    assert "enable_streaming_engine" in old["environment"]["experiments"]
    assert old["environment"]["serviceAccountEmail"] == "worker@my-project-1.iam.gserviceaccount.com"
    assert [image["containerImage"] for image in pool["sdkHarnessContainerImages"]] == [IMAGE]
    assert (pool["numWorkers"], pool["autoscalingSettings"]["maxNumWorkers"]) == (1, 3)
    assert pool["machineType"] == "n2-standard-2"
    assert old["labels"]["sync"] == "amplitude-to-iterable"
    assert any(command.endswith("/job_object") for command in cloud.launcher.commands[0])
    assert (old["currentState"], new["replaceJobId"]) == ("JOB_STATE_UPDATED", old["id"])
    assert new["currentState"] == "JOB_STATE_DRAINED"


def test_all_parameters_together_are_taken(cloud: Cloud) -> None:
    """Each of metadata.json, with its default where it has one."""
    given = {**cloud.parameters, "iterable_url": "http://localhost:8080"}
    rest = {field["name"]: field["defaultValue"] for field in METADATA["parameters"] if field["name"] not in given}

    assert cloud.launch(**given, **rest) == (200, "")
    options = cloud.api.jobs[0]["environment"]["sdkPipelineOptions"]["options"]
    assert {name: options[name] for name in (*given, *rest)} == {**given, **rest}


def test_each_bad_or_missing_parameter_is_refused(cloud: Cloud) -> None:
    """Before the entry point is run."""
    for field in METADATA["parameters"]:
        name = field["name"]
        status, message = cloud.launch(**{**cloud.parameters, name: BAD[name]})
        assert (status, f"{name}: Unmatched parameter value" in message) == (400, True)
        if not field["isOptional"]:
            others = {other: value for other, value in cloud.parameters.items() if other != name}
            status, message = cloud.launch(**others)
            assert (status, f"{name}: Missing required parameter" in message) == (400, True)

    assert cloud.launch(**cloud.parameters, api_key="x")[1].endswith("api_key: Unrecognized parameter")
    assert (cloud.launcher.commands, cloud.api.jobs) == ([], [])


def test_what_the_program_refuses_the_launcher_tells(cloud: Cloud, tmp_path: Path) -> None:
    """Its own words are in the launcher's log."""
    content = write_config(tmp_path, status="disabled").read_bytes()
    cloud.bucket.blob("sync.yaml").upload_from_string(content)

    status, message = cloud.launch(**cloud.parameters)

    assert status == 400
    assert "the launcher ended with 3: " in message
    assert "a template of a disabled sync makes no job" in message
