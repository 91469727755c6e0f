# SPDX-License-Identifier: Apache-2.0
"""What a flex template's launcher does: checks the parameters, runs the entry point, takes the job it writes.

Its parameters become `--name=value`, and it adds what Dataflow's own launcher adds.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.cloud import storage

from pipeline.sandbox.dataflow.api import LaunchError

# Of the environment of a launch: the options that the launcher makes of it.
_ENVIRONMENT = {
    "tempLocation": "temp_location",
    "stagingLocation": "staging_location",
    "serviceAccountEmail": "service_account_email",
    "numWorkers": "num_workers",
    "maxWorkers": "max_num_workers",
    "machineType": "worker_machine_type",
}


class FlexLauncher:
    """Launches templates that lie in Cloud Storage, as STORAGE_EMULATOR_HOST says.

    Args:
      entry: the program that the image names as FLEX_TEMPLATE_PYTHON_PY_FILE.
      path: of its imports, PYTHONPATH of the image.
      added: options that only the sandbox needs.
    """

    def __init__(self, entry: Path, path: Path, added: Sequence[str] = ()) -> None:
        self._entry = entry
        self._path = path
        self._added = tuple(added)
        self.commands: list[list[str]] = []

    def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        """The job, as the entry point wrote it. Raises LaunchError."""
        launch = body["launchParameter"]
        spec = json.loads(_read(launch["containerSpecGcsPath"]))
        parameters = launch.get("parameters", {})
        if problems := list(_problems(spec["metadata"]["parameters"], parameters)):
            raise LaunchError(f"The template parameters are invalid. Details: {'; '.join(problems)}")
        environment = launch["environment"]
        place = f"{environment['stagingLocation']}/template_launches/{launch['jobName']}/job_object"
        command = [sys.executable, str(self._entry), *_options(launch, place), *self._added]
        self.commands.append(command)
        environ = {**os.environ, "PYTHONPATH": str(self._path)}
        ended = subprocess.run(  # noqa: S603 - our own program
            command, env=environ, capture_output=True, text=True, check=False, cwd="/"
        )
        if ended.returncode:
            raise LaunchError(f"the launcher ended with {ended.returncode}: {ended.stderr}")
        job: dict[str, Any] = json.loads(_read(place))
        return job


def _problems(fields: Sequence[Mapping[str, Any]], parameters: Mapping[str, str]) -> Iterator[str]:
    known = {field["name"]: field for field in fields}
    yield from (f"{name}: Unrecognized parameter" for name in parameters if name not in known)
    for name, field in known.items():
        value = parameters.get(name)
        if value is None:
            if not field["isOptional"]:
                yield f"{name}: Missing required parameter"
        elif not all(re.fullmatch(regex, value) for regex in field["regexes"]):
            yield f"{name}: Unmatched parameter value"


def _options(launch: Mapping[str, Any], place: str) -> Iterator[str]:
    yield from (f"--{name}={value}" for name, value in launch.get("parameters", {}).items())
    yield from ("--runner=DataflowRunner", f"--job_name={launch['jobName']}", f"--template_location={place}")
    environment = launch["environment"]
    yield from (f"--{option}={environment[name]}" for name, option in _ENVIRONMENT.items() if name in environment)
    if environment.get("enableStreamingEngine"):
        yield "--enable_streaming_engine"
    for experiment in environment.get("additionalExperiments", []):
        yield f"--experiments={experiment}"
    if labels := environment.get("additionalUserLabels"):
        yield f"--labels={json.dumps(labels)}"
    if launch.get("update"):
        yield "--update"
        yield f"--transform_name_mapping={json.dumps(launch.get('transformNameMappings', {}))}"
    yield "--save_heap_dumps_to_gcs_path="  # some of what it adds this Beam does not know


def _read(place: str) -> bytes:
    bucket, _, name = place.removeprefix("gs://").partition("/")
    content: bytes = storage.Client().bucket(bucket).blob(name).download_as_bytes()
    return content
