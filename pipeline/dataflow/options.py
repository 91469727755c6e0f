# SPDX-License-Identifier: Apache-2.0
"""What a job on Dataflow is launched with unless it is given, and what is refused before. Knows no network."""

import os
import re
from collections.abc import Iterator, Sequence

from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions, PipelineOptions, WorkerOptions

from pipeline.run_options import RunOptions
from transforms.model.errors import FatalError

MIN_THREADS = 12
AT_LEAST_ONCE = "--dataflow_service_options=streaming_mode_at_least_once"
# What is given comes behind them, and wins.
DEFAULTS = (
    "--no_save_main_session",  # of the launcher: nothing in it is for workers
    "--sdk_location=container",
    "--num_workers=1",
    "--max_num_workers=3",  # the senders' rates are the job's, whatever its size: see docs/dataflow.md
    "--max_cache_memory_usage_mb=100",  # of state, in each process
)
_JOB_NAME = re.compile(r"[a-z]([-a-z0-9]{0,1022}[a-z0-9])?")  # Dataflow's own rule


def job_defaults(arguments: Sequence[str]) -> list[str]:
    """Arguments for Beam that go before those that are given."""
    has_mode = any("streaming_mode_" in argument for argument in arguments)
    return [*DEFAULTS, *([] if has_mode else [AT_LEAST_ONCE])]


def launch_problems(beam: PipelineOptions, dead_letter_file: str) -> Iterator[str]:
    """A line for each option without which the job could not start, or would lose something."""
    cloud, worker = beam.view_as(GoogleCloudOptions), beam.view_as(WorkerOptions)
    if dead_letter_file:
        yield "--dead-letter-file is on no disk that a worker keeps. Give --dead-letter-topic."
    for name in ("project", "region"):
        if not getattr(cloud, name):
            yield f"--{name} is missing: Dataflow runs the job there."
    if cloud.job_name and not _JOB_NAME.fullmatch(cloud.job_name):
        yield (
            f"--job-name is {cloud.job_name!r}; it must be lower-case letters, digits and hyphens, "
            "of which the first is a letter and the last is no hyphen."
        )
    if not (cloud.temp_location or cloud.staging_location):
        yield "--temp-location is missing. Give a folder of a bucket in the job's region, such as gs://BUCKET/dataflow."
    for name in ("temp_location", "staging_location"):
        if (place := getattr(cloud, name)) and not _is_place(place):
            yield f"--{name.replace('_', '-')} is {place!r}; it must be gs://BUCKET/FOLDER."
    if not worker.sdk_container_image:
        yield "--sdk-container-image is missing: workers have our code from it. `make image` builds one."
    threads = beam.view_as(DebugOptions).number_of_worker_harness_threads
    if threads and threads < MIN_THREADS:
        yield (
            f"--number-of-worker-harness-threads is {threads}: each of the sender's shards may hold one. "
            f"Give {MIN_THREADS} or more, or leave it out."
        )


def refuse_disabled(options: RunOptions) -> None:
    """Raises FatalError for a launcher: it would look for a job that was never made."""
    if options.is_template:
        raise FatalError("a template of a disabled sync makes no job. Set status: enabled, or do not launch it")


def _is_place(place: str) -> bool:
    return place.startswith("gs://") or os.path.isdir(place)
