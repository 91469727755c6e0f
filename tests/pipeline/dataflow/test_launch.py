# SPDX-License-Identifier: Apache-2.0
import json
import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.cloud import storage

from pipeline.cli.arguments import parse_options
from pipeline.cli.load_sync import load_sync
from pipeline.dataflow.launch import launch
from pipeline.sandbox.dataflow.api import DataflowApi
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic
from tests.dataflow_jobs import IMAGE, graph_of, launch_options, load_as_a_worker, write_config
from transforms.iterable.api_key import check_any_machine_reads
from transforms.model.errors import FatalError

KEY = "key-0123456789abcdef"


class Launched(NamedTuple):
    """What the launch said, the job as it was submitted, and where its files are staged."""

    said: str
    job: dict[str, Any]
    folder: Path


@pytest.fixture(scope="module", autouse=True)
def without_google() -> Iterator[None]:
    """No credentials, and a key that is nowhere to be seen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
        patch.setenv("ITERABLE_API_KEY", KEY)
        yield


@pytest.fixture
def api() -> Iterator[DataflowApi]:
    with DataflowApi() as running:
        yield running


def launched(folder: Path, api: DataflowApi, **options: object) -> str:
    if not options.get("config"):
        write_config(folder)
    parsed = parse_options(launch_options(folder, api.url, **options))
    loaded = load_sync(parsed.config, check_any_machine_reads)
    assert loaded
    return launch(parsed, loaded)


@pytest.fixture(scope="module")
def plain(without_google: None, tmp_path_factory: pytest.TempPathFactory) -> Launched:
    """With the options that are needed and no more."""
    folder = tmp_path_factory.mktemp("plain")
    with DataflowApi() as api:
        said = launched(folder, api, experiments=None)
    return Launched(said, api.jobs[0], folder)


def problem_of(folder: Path, api: DataflowApi, **options: object) -> str:
    with pytest.raises(FatalError) as caught:
        launched(folder, api, **options)
    return str(caught.value)


def pool_of(job: dict[str, Any]) -> dict[str, Any]:
    (pool,) = job["environment"]["workerPools"]
    assert isinstance(pool, dict)
    return pool


def test_a_launch_says_where_the_job_is(plain: Launched) -> None:
    """Its id, and the page to watch it."""
    assert plain.said == (
        "Launched amplitude-to-iterable, job 2026-11-26_0.\n"
        "https://console.cloud.google.com/dataflow/jobs/europe-west1/2026-11-26_0?project=my-project-1"
    )


def test_the_job_is_what_the_docs_promise(plain: Launched) -> None:
    """Streaming, at least once, our image, few workers, and whose it is."""
    job, environment, pool = plain.job, plain.job["environment"], pool_of(plain.job)

    assert job["type"] in (2, "JOB_TYPE_STREAMING")
    assert environment["serviceOptions"] == ["streaming_mode_at_least_once"]
    assert {"enable_streaming_engine", "use_runner_v2"} <= set(environment["experiments"])
    assert [image["containerImage"] for image in pool["sdkHarnessContainerImages"]] == [IMAGE]
    assert (pool["numWorkers"], pool["autoscalingSettings"]["maxNumWorkers"]) == (1, 3)
    assert job["labels"]["sync"] == "amplitude-to-iterable"
    assert len(job["labels"]["config"]) == 12
    options = environment["sdkPipelineOptions"]["options"]
    assert (options["save_main_session"], options["max_cache_memory_usage_mb"]) == (False, 100)


def test_labels_that_are_given_stay(tmp_path: Path, api: DataflowApi) -> None:
    """Also in the form in which launchers pass them; one of ours may be replaced."""
    write_config(tmp_path)
    parsed = parse_options([*launch_options(tmp_path, api.url), "--labels=team=crm", '--labels={"sync": "mine"}'])
    loaded = load_sync(parsed.config, check_any_machine_reads)
    assert loaded
    launch(parsed, loaded)

    labels = api.jobs[0]["labels"]
    assert (labels["team"], labels["sync"]) == ("crm", "mine")
    assert set(labels) == {"team", "sync", "config"}


def test_no_secret_leaves_this_machine(plain: Launched) -> None:
    """Neither in the request nor in what is staged; the reference to it is there, which is none."""
    staged = [file.read_bytes() for file in (plain.folder / "staging").rglob("*") if file.is_file()]

    assert staged
    assert [content for content in [json.dumps(plain.job).encode(), *staged] if KEY.encode() in content] == []


def test_no_code_is_staged(plain: Launched) -> None:
    """Workers have the code from the image: no package, no pickle of the launcher's session."""
    names = {file.name for file in (plain.folder / "staging").rglob("*") if file.is_file()}

    assert names == {"pipeline.pb", "submission_environment_dependencies.txt"}  # the second: `pip freeze`


def test_a_worker_can_load_all_of_it(plain: Launched) -> None:
    """Every DoFn and coder, by what the image holds."""
    steps = load_as_a_worker(graph_of(plain.folder))

    ours = {type(fn).__module__ for fn in steps.values() if not type(fn).__module__.startswith("apache_beam")}
    assert {"transforms.send_streaming", "transforms.report"} <= ours
    assert {module for module in ours if not module.startswith("transforms.")} == set()


def test_a_template_writes_the_job_and_submits_none(tmp_path: Path, api: DataflowApi) -> None:
    """The launcher takes it from there."""
    place = tmp_path / "job_object"

    assert launched(tmp_path, api, template_location=place) == (f"The job is in {place}: the launcher submits it.")
    assert json.loads(place.read_text())["name"] == "amplitude-to-iterable"
    assert api.jobs == []


def test_an_update_replaces_the_job(tmp_path: Path, api: DataflowApi) -> None:
    """By its name; the mapping of labels goes along."""
    launched(tmp_path, api)
    launched(tmp_path, api, update="true", transform_name_mapping='{"Send/Old": "Send/Post"}')

    old, new = api.jobs
    assert (old["currentState"], new["replaceJobId"]) == ("JOB_STATE_UPDATED", old["id"])
    assert new["transformNameMapping"] == {"Send/Old": "Send/Post"}


def test_an_update_of_nothing_is_told(tmp_path: Path, api: DataflowApi) -> None:
    """At once: Beam would look for it without end."""
    assert problem_of(tmp_path, api, update="true") == (
        "no job called amplitude-to-iterable runs in europe-west1: launch it without --update"
    )


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (403, "the account needs the roles in docs/dataflow.md, and the project the Dataflow API"),
        (409, "a job of this name runs: drain it, replace it with --update, or give another --job-name"),
        (429, "the project's quota is used up: wait, or ask for more on the console's quota page"),
        (400, "correct the option it names"),
    ],
)
def test_a_refusal_is_one_line_with_its_remedy(
    tmp_path: Path, api: DataflowApi, caplog: pytest.LogCaptureFixture, status: int, remedy: str
) -> None:
    """Without what Beam logs of it, and without a traceback."""
    api.refuse(status, "Because.")

    with caplog.at_level(logging.WARNING):
        problem = problem_of(tmp_path, api)

    assert problem.startswith(f"Dataflow refused the job with HTTP {status}: ")
    assert problem.endswith(f"Because; {remedy}")
    assert "\n" not in problem
    assert [record for record in caplog.records if record.name.startswith("apache_beam")] == []


def test_a_bucket_that_is_not_there_is_told(tmp_path: Path, api: DataflowApi, bucket: storage.Bucket) -> None:
    """At once: Beam would try for eight minutes."""
    assert problem_of(tmp_path, api, temp_location="gs://nowhere-at-all/tmp") == (
        "there is no bucket gs://nowhere-at-all; `gcloud storage buckets create` makes it"
    )


def test_a_config_and_the_staging_may_be_in_a_bucket(tmp_path: Path, api: DataflowApi, bucket: storage.Bucket) -> None:
    """As a template has them: its launcher has no files of ours but the image's."""
    bucket.blob("sync.yaml").upload_from_string(write_config(tmp_path).read_bytes())

    launched(tmp_path, api, config=f"gs://{bucket.name}/sync.yaml", temp_location=f"gs://{bucket.name}/dataflow")

    names = {blob.name.rpartition("/")[2] for blob in bucket.list_blobs(prefix="dataflow/")}
    assert names == {"pipeline.pb"}
    assert len(api.jobs) == 1


@pytest.mark.slow
def test_a_topic_that_feeds_the_subscription_is_refused(
    tmp_path: Path, api: DataflowApi, pubsub_emulator: PubsubEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job would read its own dead letters for ever."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.host)
    topic = create_topic(pubsub_emulator.host, f"loop-{uuid.uuid4().hex[:8]}")
    subscription = create_subscription(pubsub_emulator.host, topic, f"loop-{uuid.uuid4().hex[:8]}")

    problem = problem_of(tmp_path, api, input_subscription=subscription, dead_letter_topic=topic)

    assert problem.startswith(f"the subscription {subscription} is fed by {topic}")
    assert api.jobs == []
