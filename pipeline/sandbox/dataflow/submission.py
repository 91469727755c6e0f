# SPDX-License-Identifier: Apache-2.0
"""The job as the real DataflowRunner submits it, without a server. Knows no stage and no worker."""

from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2

from pipeline.config.loader import load_config
from pipeline.run_options import LocalOptions, RunOptions, Stream
from pipeline.runs.streaming import run_streaming

SUBSCRIPTION = "projects/sandbox/subscriptions/events"


def submit(config: Path, dead_letter_file: Path, iterable_url: str, folder: Path) -> beam_runner_api_pb2.Pipeline:
    """The graph of a streaming job; what else the runner writes lies in `folder`."""
    staging = folder / "staging"
    staging.mkdir(parents=True)
    beam = PipelineOptions(
        flags=[],
        streaming=True,
        runner="DataflowRunner",
        project="sandbox",
        region="us-central1",
        job_name="sandbox",
        temp_location=str(staging),
        staging_location=str(staging),
        template_location=str(folder / "job"),  # instead of a request to the service
        dataflow_endpoint="http://localhost",  # else Beam looks for buckets before it submits anything
        no_auth=True,
        save_main_session=False,
    )
    local = LocalOptions(chunk_size=1, max_wait=0.0, grace_period=0.0, state_dir=str(folder))
    options = RunOptions(str(config), Stream(SUBSCRIPTION), f"file:{dead_letter_file}", iterable_url, 1.0, local, beam)
    run_streaming(options, load_config(options.config))
    [submitted] = staging.rglob("pipeline.pb")
    pipeline: beam_runner_api_pb2.Pipeline = beam_runner_api_pb2.Pipeline.FromString(submitted.read_bytes())
    return pipeline
