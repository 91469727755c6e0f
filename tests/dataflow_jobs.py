# SPDX-License-Identifier: Apache-2.0
"""A launch against Dataflow's API on this machine, and what of its job the tests look at."""

from pathlib import Path
from typing import Any

from apache_beam.coders import Coder
from apache_beam.internal import pickler
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners import pipeline_context

ROOT = Path(__file__).parents[1]
SECRET = "secret:projects/my-project-1/secrets/iterable-api-key/versions/1"
IMAGE = "europe-west1-docker.pkg.dev/my-project-1/a2i/a2i:1"
SUBSCRIPTION = "projects/my-project-1/subscriptions/amplitude"
TOPIC = "projects/my-project-1/topics/dead-letters"
PARDO = "beam:transform:pardo:v1"


def write_config(folder: Path, **replacements: str) -> Path:
    """The minimal config with a key that workers can read, and with `old: new` texts replaced."""
    text = (ROOT / "configs" / "minimal.yaml").read_text().replace("env:ITERABLE_API_KEY", SECRET)
    for name, value in replacements.items():
        (line,) = (line for line in text.splitlines() if line.strip().startswith(f"{name}:"))
        text = text.replace(line, f"{line.partition(':')[0]}: {value}")
    path = folder / "sync.yaml"
    path.write_text(text)
    return path


def launch_options(folder: Path, url: str, **options: object) -> list[str]:
    """Of a job for the API at `url`, whose files are staged in `folder`; `option=None` leaves it out."""
    staging = folder / "staging"
    staging.mkdir(exist_ok=True)
    needed = {
        "config": folder / "sync.yaml",
        "input_subscription": SUBSCRIPTION,
        "dead_letter_topic": TOPIC,
        "runner": "DataflowRunner",
        "project": "my-project-1",
        "region": "europe-west1",
        "job_name": "amplitude-to-iterable",
        "temp_location": staging,
        "sdk_container_image": IMAGE,
        "dataflow_endpoint": url,
        "experiments": "disable_logging_submission_environment",  # of each launch's seconds `pip freeze` takes one
    }
    given = [f"--{name}={value}" for name, value in (needed | options).items() if value is not None]
    return [*given, "--no_auth"]


def graph_of(folder: Path) -> beam_runner_api_pb2.Pipeline:
    """The job's graph, as it was staged."""
    (staged,) = (folder / "staging").rglob("pipeline.pb")
    graph = beam_runner_api_pb2.Pipeline()
    graph.ParseFromString(staged.read_bytes())
    return graph


def load_as_a_worker(graph: beam_runner_api_pb2.Pipeline) -> dict[str, Any]:
    """Every DoFn by its label, unpickled, once every coder is; raises what a worker would."""
    context = pipeline_context.PipelineContext(graph.components)
    for coder in graph.components.coders:
        assert isinstance(context.coders.get_by_id(coder), Coder)
    loads: Any = pickler.loads
    return {
        step.unique_name: loads(beam_runner_api_pb2.ParDoPayload.FromString(step.spec.payload).do_fn.payload)[0]
        for step in graph.components.transforms.values()
        if step.spec.urn == PARDO
    }
