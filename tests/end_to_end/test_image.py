# SPDX-License-Identifier: Apache-2.0
"""The image, built by a builder that needs no daemon, on stand-ins for its base images; and a launch from inside."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.sandbox.dataflow.api import DataflowApi
from tests.dataflow_jobs import IMAGE, ROOT, graph_of, launch_options, load_as_a_worker, write_config
from tests.stand_in_images import LAUNCHER, Buildah, why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

# As a worker does it, by what is in the image alone; and what is not in it.
LOAD = """
import importlib.util, json, os, sys
from pathlib import Path
sys.path.append(sys.argv[1])
from dataflow_jobs import graph_of, load_as_a_worker
steps = sorted(load_as_a_worker(graph_of(Path(sys.argv[2]))))
tools = [name for name in ("pipeline.sandbox", "pytest") if importlib.util.find_spec(name)]
print(json.dumps([os.getuid(), tools, steps]))
"""


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    buildah = Buildah(tmp_path_factory.mktemp("images"))
    buildah.make_bases()
    yield buildah
    buildah.remove()


@pytest.fixture(scope="module")
def dataflow(buildah: Buildah) -> str:
    """Of a user without rights, which is the harder case."""
    return buildah.build("dataflow", "--build-arg", "RUN_AS=app")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A folder for the files of a launch, where anybody may write."""
    write_config(tmp_path)
    launch_options(tmp_path, "")
    for folder in (tmp_path, tmp_path / "staging"):
        folder.chmod(0o777)
    return tmp_path


def test_workers_load_what_was_launched_from_inside(buildah: Buildah, dataflow: str, job: Path) -> None:
    """As nobody in particular: a job at Dataflow's API, each DoFn and coder of which the image's Python unpickles."""
    with DataflowApi() as api:
        options = launch_options(job, api.url)
        said = buildah.run(dataflow, "python", "-m", "pipeline.main", *options, mounts=(job,))
    command = ("python", "-c", LOAD, ROOT / "tests", job)
    user, tools, steps = json.loads(buildah.run(dataflow, *command, mounts=(job, ROOT / "tests")))

    assert said.startswith("Launched amplitude-to-iterable, job ")
    (pool,) = api.jobs[0]["environment"]["workerPools"]
    assert [image["containerImage"] for image in pool["sdkHarnessContainerImages"]] == [IMAGE]
    assert (user, tools) == (10001, [])
    assert steps == sorted(load_as_a_worker(graph_of(job)))


def test_its_launcher_makes_the_job_of_a_template(buildah: Buildah, dataflow: str, job: Path) -> None:
    """By the entry point that the image's environment names, as root; nothing is submitted."""
    options = launch_options(job, "http://localhost:1", template_location=job / "job_object")

    buildah.run(dataflow, LAUNCHER, *options, user="root", mounts=(job,))

    assert json.loads((job / "job_object").read_text())["type"] == "JOB_TYPE_STREAMING"


def test_nobody_in_particular_changes_no_code(buildah: Buildah, dataflow: str) -> None:
    """In the image for Dataflow, and in that for one machine, which keeps what it writes in its data folder."""
    write = "id -u; for path in /app/x /template/x /data/x; do touch $path 2>/dev/null && echo $path; done; true"
    here = ("sh", "-c", write)

    assert buildah.run(dataflow, *here).split() == ["10001"]
    assert buildah.run(buildah.build("commands"), *here).split() == ["10001", "/data/x"]
