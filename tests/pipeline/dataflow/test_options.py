# SPDX-License-Identifier: Apache-2.0
import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, SetupOptions, WorkerOptions

from pipeline.cli.arguments import parse_options
from pipeline.cli.errors import UsageError
from pipeline.dataflow.options import job_defaults, refuse_disabled
from pipeline.run_options import RunOptions
from transforms.model.errors import FatalError

REQUIRED = {
    "config": "sync.yaml",
    "input_subscription": "projects/my-project-1/subscriptions/events",
    "dead_letter_topic": "projects/my-project-1/topics/dead-letters",
    "runner": "DataflowRunner",
    "project": "my-project-1",
    "region": "europe-west1",
    "temp_location": "gs://my-bucket/dataflow",
    "sdk_container_image": "europe-west1-docker.pkg.dev/my-project-1/a2i/a2i:1",
}


def parse(**options: object) -> RunOptions:
    """Of a launch; `option=None` leaves it out."""
    return parse_options([f"--{name}={value}" for name, value in (REQUIRED | options).items() if value is not None])


def beam(*given: str) -> PipelineOptions:
    return PipelineOptions([*job_defaults(given), *given])


def test_what_every_job_has() -> None:
    """Dataflow's own defaults are another mode, any number of workers, and a pickle of the launcher's memory."""
    options = beam()

    assert options.view_as(GoogleCloudOptions).dataflow_service_options == ["streaming_mode_at_least_once"]
    assert options.view_as(SetupOptions).save_main_session is False
    assert options.view_as(SetupOptions).sdk_location == "container"
    workers = options.view_as(WorkerOptions)
    assert (workers.num_workers, workers.max_num_workers, workers.max_cache_memory_usage_mb) == (1, 3, 100)


def test_what_is_given_stays() -> None:
    """A default is one where nothing is given; other service options go beside the mode."""
    workers = beam("--max_num_workers", "2", "--max_cache_memory_usage_mb=0").view_as(WorkerOptions)
    exactly = beam("--dataflow_service_options=streaming_mode_exactly_once").view_as(GoogleCloudOptions)
    other = beam("--dataflow_service_options=worker_utilization_hint=0.8").view_as(GoogleCloudOptions)

    assert (workers.max_num_workers, workers.max_cache_memory_usage_mb) == (2, 0)
    assert exactly.dataflow_service_options == ["streaming_mode_exactly_once"]
    assert other.dataflow_service_options == ["streaming_mode_at_least_once", "worker_utilization_hint=0.8"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"dead_letter_topic": None, "dead_letter_file": "/dev/null"},
            "--dead-letter-file is on no disk that a worker keeps. Give --dead-letter-topic.",
        ),
        ({"project": None}, "--project is missing: Dataflow runs the job there."),
        ({"region": None}, "--region is missing: Dataflow runs the job there."),
        (
            {"temp_location": None},
            (
                "--temp-location is missing. Give a folder of a bucket in the job's region, "
                "such as gs://BUCKET/dataflow."
            ),
        ),
        ({"temp_location": "/nowhere"}, "--temp-location is '/nowhere'; it must be gs://BUCKET/FOLDER."),
        ({"staging_location": "bucket"}, "--staging-location is 'bucket'; it must be gs://BUCKET/FOLDER."),
        *(
            (
                {"job_name": name},
                (
                    f"--job-name is {name!r}; it must be lower-case letters, digits and hyphens, "
                    "of which the first is a letter and the last is no hyphen."
                ),
            )
            for name in ("My_Job", "2nd-job", "job-")
        ),
        (
            {"sdk_container_image": None},
            "--sdk-container-image is missing: workers have our code from it. `make image` builds one.",
        ),
        (
            {"number_of_worker_harness_threads": 4},
            (
                "--number-of-worker-harness-threads is 4: each of the sender's shards may hold one. "
                "Give 12 or more, or leave it out."
            ),
        ),
    ],
)
def test_a_job_that_could_not_run_is_refused(options: dict[str, object], problem: str) -> None:
    """Before anything is asked of Google, in a line that says what to give."""
    with pytest.raises(UsageError) as caught:
        parse(**options)

    assert str(caught.value) == problem


def test_a_template_of_a_disabled_sync_fails() -> None:
    """For a person it is no failure; a launcher would look for the job and say something else."""
    refuse_disabled(parse())
    with pytest.raises(FatalError, match=r"^a template of a disabled sync makes no job\."):
        refuse_disabled(parse(template_location="gs://b/job_object"))
