# SPDX-License-Identifier: Apache-2.0
"""The image without a docker daemon: what the Dockerfile copies, and its entry point, in an empty folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PAGE = (ROOT / "docs" / "one_machine.md").read_text()
COMMANDS = ["pipeline.main", "pipeline run", "pipeline replay", "pipeline dead", "pipeline.config"]

# Options of gcloud in the page's samples.
GCLOUD = {"oauth_service_account_email"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its files, as its COPY lines place them, without what .dockerignore leaves out."""
    image = tmp_path_factory.mktemp("image")
    for source, target in re.findall(r"^COPY (\S+) (\S+)$", DOCKERFILE, re.MULTILINE):
        place = image / target.lstrip("/")
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__", "sandbox"))
        else:
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, place)
    (image / "data").mkdir()
    return image


def run(image: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The container's entry point, in its working folder, on its path."""
    (path,) = re.findall(r"PYTHONPATH=(\S+)", DOCKERFILE)
    commands = DOCKERFILE.partition(" AS commands\n")[2].partition("\nFROM ")[0]
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", commands, re.MULTILINE)
    command = [sys.executable, *json.loads(entry)[1:], *arguments]
    environ = {**os.environ, "PYTHONPATH": f"{image}{path}"}
    return subprocess.run(command, cwd=image / "data", env=environ, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def helps(image: Path) -> dict[str, "subprocess.CompletedProcess[str]"]:
    """What each command tells of itself in the image."""
    return {command: run(image, *command.split(), "--help") for command in COMMANDS}


@pytest.mark.slow
def test_every_command_is_in_the_image(helps: dict[str, "subprocess.CompletedProcess[str]"]) -> None:
    """It starts from any folder, and needs nothing that is not copied."""
    for command, done in helps.items():
        assert (done.returncode, done.stderr) == (0, "")
        assert f"sage: a2i {command.partition(' ')[2]} " in done.stdout or f"usage: python -m {command} " in done.stdout


@pytest.mark.slow
def test_no_command_needs_the_sandbox(image: Path) -> None:
    """What the image installs is enough: requirements.txt has no tool of `make run`. The verb says so."""
    forbidden = ["aiohttp.web", "psutil", "hypothesis", "pipeline.sandbox"]
    code = (
        "import sys; from importlib import import_module; from pipeline.cli.a2i import VERBS, main;"
        "import pipeline.main, pipeline.config.__main__; [import_module(verb.module) for verb in VERBS.values()];"
        f"print([name for name in {forbidden} if name in sys.modules], main(['sandbox', 'demo']))"
    )
    environ = {**os.environ, "PYTHONPATH": f"{image}/app"}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=image, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[] 2\n"
    assert done.stderr == "The sandbox is not part of this installation: it is in the repository, after `make setup`.\n"


def test_the_build_context_holds_what_is_copied() -> None:
    """Everything else is kept out, secrets and virtual environments among it."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {source for source, _ in re.findall(r"^COPY (\S+) (\S+)$", DOCKERFILE, re.MULTILINE)}

    assert ignored[0] == "*"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied


def test_the_sample_job_is_one_that_cloud_run_takes() -> None:
    """One task at a time, a grace period shorter than Cloud Run's, and options that there are."""
    (text,) = re.findall(r"```yaml\n(# job.yaml.*?)```", PAGE, re.DOTALL)
    task = yaml.safe_load(text)["spec"]["template"]["spec"]
    container = task["template"]["spec"]["containers"][0]

    assert task["taskCount"] == 1
    assert container["args"][:2] == ["pipeline", "run"]
    assert "--grace-period=8s" in container["args"]


@pytest.mark.slow
def test_every_option_on_the_page_exists(helps: dict[str, "subprocess.CompletedProcess[str]"]) -> None:
    """A sample that cannot be copied is worse than none."""
    shown = "".join(helps[command].stdout for command in COMMANDS[1:4]).replace("-", "_")
    samples = "".join(re.findall(r"```(?:yaml|console|cron)\n(.*?)```", PAGE, re.DOTALL))
    ours = {name.replace("-", "_") for name in re.findall(r"--([a-z]+(?:[_-][a-z]+)+|share|config|forever)\b", samples)}
    ours -= GCLOUD

    assert {"input_subscription", "dead_letter_topic", "grace_period", "share", "input_files"} <= ours
    assert [option for option in sorted(ours) if f"__{option}" not in shown] == []


def test_the_image_for_dataflow_is_of_our_beam() -> None:
    """Its boot program is of the version that requirements.txt pins; the entry point is where its launcher looks."""
    (pinned,) = re.findall(r"^apache-beam==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    (entry,) = re.findall(r"FLEX_TEMPLATE_PYTHON_PY_FILE=(\S+)", DOCKERFILE)
    copied = re.findall(r"^COPY (\S+) (\S+/)$", DOCKERFILE, re.MULTILINE)

    assert f"ARG BEAM_VERSION={pinned}\n" in DOCKERFILE
    assert entry in {f"{target}{Path(source).name}" for source, target in copied}


def test_every_base_image_is_pinned() -> None:
    """By a version, or by a digest where Google moves the tags; so that the same code makes the same image."""
    values = dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE, re.MULTILINE))
    bases = [
        re.sub(r"\$\{(\w+)\}", lambda name: values[name[1]], base)
        for base in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    ]
    stages = set(re.findall(r" AS (\w+)$", DOCKERFILE, re.MULTILINE))

    foreign = [base for base in bases if base not in stages]
    assert len(foreign) == 3
    assert [base for base in foreign if not re.search(r"@sha256:[0-9a-f]{64}$|:[0-9]+(\.[0-9]+)+(-slim)?$", base)] == []
    assert "@sha256:" in values["LAUNCHER"]


def test_no_user_of_debian_is_made_again() -> None:
    """`useradd` fails for one that the base image has, such as sync."""
    debian = {
        "root",
        "daemon",
        "bin",
        "sys",
        "sync",
        "games",
        "man",
        "mail",
        "news",
        "proxy",
        "backup",
        "list",
        "nobody",
    }
    made = set(re.findall(r"useradd .*?(\S+)$", DOCKERFILE, re.MULTILINE))

    assert made == {"app"}
    assert made & debian == set()
