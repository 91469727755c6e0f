"""The image, built for real by a builder that needs no daemon, on stand-ins for its base images.

The stand-in for Python's is Debian's own Python; those for the boot program and for the launcher are shell scripts.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dataflow_jobs import ROOT, graph_of, launch_options, write_config

TOOLS = ("buildah", "mmdebstrap")
MISSING = [tool for tool in TOOLS if not shutil.which(tool)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        bool(MISSING) or os.geteuid() != 0,
        reason=f"needs {' and '.join(TOOLS)} and root: on Debian 12, apt-get install {' '.join(TOOLS)}",
    ),
]

BASE = "docker.io/library/python:3.11-slim"
WORKER = "docker.io/apache/beam_python3.11_sdk:2.77.0"
LAUNCHER = "gcr.io/dataflow-templates-base/python311-template-launcher-base:latest"
BOOT, LAUNCH = "/opt/apache/beam/boot", "/opt/google/dataflow/python_template_launcher"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
RUN_OPTIONS = ("--isolation", "chroot", "--network", "host")

Buildah = Callable[..., str]


def _pip_places() -> Iterator[str]:
    """Where this machine's pip looks, as far as it is on disk: its configuration, its packages, the certificates."""
    yield "/etc/ssl/certs"
    shown = subprocess.check_output([sys.executable, "-m", "pip", "config", "debug"], text=True)
    yield from (line.strip().partition(", exists: True")[0] for line in shown.splitlines() if "exists: True" in line)
    values = subprocess.check_output([sys.executable, "-m", "pip", "config", "list"], text=True)
    for word in values.replace("'", " ").replace("\\n", " ").split():
        place = word.removeprefix("file://")
        if os.path.isabs(place) and os.path.exists(place):
            yield os.path.dirname(place) if os.path.basename(place) == "simple" else place  # its links point beside it


def _mounts() -> list[str]:
    return [word for place in sorted(set(_pip_places())) for word in ("--volume", f"{place}:{place}:ro")]


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """The program, with a storage of its own."""
    storage = tmp_path_factory.mktemp("storage")
    command = ["buildah", "--storage-driver", "vfs", "--root", str(storage / "root"), "--runroot", str(storage / "run")]

    def run(*arguments: object) -> str:
        ended = subprocess.run([*command, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, f"{arguments[0]}: {ended.stdout[-3000:]}{ended.stderr[-3000:]}"
        return ended.stdout.strip()

    yield run
    run("rm", "--all")
    shutil.rmtree(storage, ignore_errors=True)


@pytest.fixture(scope="module")
def bases(buildah: Buildah, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("bases")
    debian = folder / "debian.tar"
    options = ["--quiet", "--variant=minbase", f"--include={PACKAGES}"]
    subprocess.run(["mmdebstrap", *options, "bookworm", debian], check=True)
    container = buildah("from", "scratch")
    buildah("add", container, debian, "/")
    for name in ("python", "pip"):
        buildah("run", *RUN_OPTIONS, container, "--", "ln", "-sf", f"/usr/bin/{name}3", f"/usr/local/bin/{name}")
    # In Python's own image nothing marks its packages as Debian's.
    buildah("run", *RUN_OPTIONS, container, "--", "rm", "-f", "/usr/lib/python3.11/EXTERNALLY-MANAGED")
    buildah("commit", "--quiet", container, BASE)
    for image, place in ((WORKER, BOOT), (LAUNCHER, LAUNCH)):
        script = folder / Path(place).name
        script.write_text('#!/bin/sh\nexec python "$FLEX_TEMPLATE_PYTHON_PY_FILE" "$@"\n')
        script.chmod(0o755)
        container = buildah("from", "scratch")
        buildah("copy", container, script, place)
        buildah("commit", "--quiet", container, image)


@pytest.fixture(scope="module", params=["root", "app"])
def container(request: pytest.FixtureRequest, buildah: Buildah, bases: None) -> str:
    """Of the image for Dataflow, as the user that it runs as."""
    name = f"localhost/a2i-{request.param}"
    options = ["--pull-never", "--layers", *RUN_OPTIONS, *_mounts(), "--build-arg", f"RUN_AS={request.param}"]
    buildah("bud", *options, "--target", "dataflow", "--tag", name, ".")
    return buildah("from", "--pull-never", name)


def test_the_image_for_dataflow_launches(container: str, buildah: Buildah, tmp_path: Path) -> None:
    """By its own launcher, as root and as nobody in particular; the job lies where it was told."""
    write_config(tmp_path)
    options = launch_options(tmp_path, "http://localhost:1", template_location=tmp_path / "job_object")
    tmp_path.chmod(0o777)
    (tmp_path / "staging").chmod(0o777)

    buildah(
        *("run", *RUN_OPTIONS, "--volume", f"{tmp_path}:{tmp_path}", container, "--"),
        *(LAUNCH, *options),
    )

    assert json.loads((tmp_path / "job_object").read_text())["type"] == "JOB_TYPE_STREAMING"
    assert graph_of(tmp_path).components.transforms


def test_workers_can_load_the_job_in_the_image(container: str, buildah: Buildah, tmp_path: Path) -> None:
    """Every DoFn and coder, by what is in it and nothing else; and there is nothing to build or to try it with."""
    look = (
        "import importlib.util, os; "
        "from transforms.send_streaming import SendStreaming; from pipeline.dataflow.launch import launch; "
        "print(os.getuid(), importlib.util.find_spec('pipeline.sandbox'), importlib.util.find_spec('pytest'))"
    )

    said = buildah("run", *RUN_OPTIONS, container, "--", "python", "-c", look)

    assert said.split()[1:] == ["None", "None"]
    assert said.split()[0] in ("0", "10001")


def test_the_image_for_one_machine_runs_as_nobody(buildah: Buildah, bases: None) -> None:
    """It writes to its data folder alone."""
    name = "localhost/a2i-commands"
    buildah("bud", "--pull-never", "--layers", *RUN_OPTIONS, *_mounts(), "--target", "commands", "--tag", name, ".")
    container = buildah("from", "--pull-never", name)

    said = buildah("run", *RUN_OPTIONS, container, "--", "python", "-m", "pipeline.main", "--help")
    user = buildah("run", *RUN_OPTIONS, container, "--", "sh", "-c", "id -u; touch /data/x /app/x; ls /app /data")

    assert "--input_subscription" in said
    assert user.startswith("10001\n")
    assert user.count("\nx") == 1
