# SPDX-License-Identifier: Apache-2.0
"""Submits the streaming job to Dataflow and says what became of it, in a line. Knows no step and no state."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions, TestOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.internal.apiclient import DataflowApplicationClient, DataflowJobAlreadyExistsError
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from google.cloud.dataflow_v1beta3 import JobState, ListJobsRequest

from pipeline.config.loader import LoadedConfig
from pipeline.run_options import RunOptions
from pipeline.runs.streaming import check_dead_letters, streaming_pipeline
from pipeline.sources.buckets import BUCKETS, refuse_missing_bucket
from transforms.dead_letters.pubsub_errors import NO_CREDENTIALS, first_line
from transforms.model.errors import FatalError

CONSOLE = "https://console.cloud.google.com/dataflow/jobs"
# What to do about an HTTP status of Dataflow's API.
REMEDIES = {
    400: "correct the option it names",
    401: NO_CREDENTIALS,
    403: "the account needs the roles in docs/dataflow.md, and the project the Dataflow API",
    404: "check --project and --region",
    409: "a job of this name runs: drain it, replace it with --update, or give another --job-name",
    429: "the project's quota is used up: wait, or ask for more on the console's quota page",
}
OTHERWISE = "nothing was launched: try again"


def launch(options: RunOptions, loaded: LoadedConfig) -> str:
    """Where the job is to be seen; as a template, where it was written.

    Raises:
      FatalError: nothing was launched; one line says why and what to do.
    """
    cloud = options.beam.view_as(GoogleCloudOptions)
    cloud.temp_location = cloud.temp_location or cloud.staging_location
    cloud.labels = [*_labels(loaded), *(cloud.labels or [])]
    for place in {cloud.temp_location, cloud.staging_location or cloud.temp_location}:
        if place.startswith(BUCKETS):
            refuse_missing_bucket(place)
    check_dead_letters(options)
    with _told():
        if cloud.update:
            _refuse_update_of_nothing(cloud)
        result = streaming_pipeline(options, loaded).run()
    if options.is_template:
        return f"The job is in {cloud.template_location}: the launcher submits it."
    job = result.job_id()  # type: ignore[attr-defined]  # Dataflow's result
    return f"Launched {cloud.job_name}, job {job}.\n{CONSOLE}/{cloud.region}/{job}?project={cloud.project}"


def graph_of(options: RunOptions, loaded: LoadedConfig) -> beam_runner_api_pb2.Pipeline:
    """What `launch` would submit; nobody is asked anything."""
    options.beam.view_as(TestOptions).dry_run = True
    result: Any = streaming_pipeline(options, loaded).run()
    graph: beam_runner_api_pb2.Pipeline = result.job.proto_pipeline
    return graph


def _labels(loaded: LoadedConfig) -> list[str]:
    """Whose job it is, and by which config: lower case, digits, - and _, as labels may be."""
    name = re.sub(r"[^a-z0-9]+", "-", loaded.config.name.lower()).strip("-")[:63].rstrip("-")
    return [f"sync={name or 'sync'}", f"config={loaded.hash}"]


def _refuse_update_of_nothing(cloud: GoogleCloudOptions) -> None:
    """Beam 2.77 would ask for a job of that name again and again, without end."""
    request = ListJobsRequest(project_id=cloud.project, location=cloud.region, filter=ListJobsRequest.Filter.ACTIVE)
    client = DataflowApplicationClient(cloud)  # its endpoint and credentials
    jobs = client._jobs_client.list_jobs(request)
    replaceable = (JobState.JOB_STATE_RUNNING, JobState.JOB_STATE_DRAINING)
    if not any(job.name == cloud.job_name and job.current_state in replaceable for job in jobs):
        raise FatalError(f"no job called {cloud.job_name} runs in {cloud.region}: launch it without --update")


@contextmanager
def _told() -> Iterator[None]:
    """Raises FatalError for whatever Beam raises when it cannot launch; what Beam logs of it is left out."""
    logger = logging.getLogger("apache_beam")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except GoogleAuthError as error:
        raise FatalError(f"the job was not launched: {NO_CREDENTIALS}") from error
    except GoogleAPICallError as error:
        remedy = REMEDIES.get(error.code or 0, OTHERWISE)
        raise FatalError(f"Dataflow refused the job with HTTP {error.code}: {_words(error)}; {remedy}") from error
    except DataflowJobAlreadyExistsError as error:
        raise FatalError(f"the job was not launched: {_words(error)}; {REMEDIES[409]}") from error
    except (ValueError, RuntimeError, OSError) as error:  # an option Beam refuses, no job to update, files not staged
        raise FatalError(f"the job was not launched: {_words(error)}") from error
    finally:
        logger.setLevel(level)


def _words(error: Exception) -> str:
    return first_line(error).rstrip(".:")
