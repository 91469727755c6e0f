# SPDX-License-Identifier: Apache-2.0
"""What is written is what our own program and the others take."""

import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline.cli.a2i import main
from pipeline.cli.arguments import parse_options

CONFIG = """\
name: Shop EU
status: enabled
destination: {api_key: "KEY", project_type: hybrid}
send_events: {enabled: true, events: [Order]}
"""
NAMES = (
    "--input-subscription=projects/shop-1/subscriptions/events",
    "--dead-letter-topic=projects/shop-1/topics/dead",
)
CLOUD = ("--image=eu.example/shop/a2i:1", "--region=europe-west1", "--bucket=shop-sync")
HELP = """\
Usage: a2i deploy [OPTIONS] {cloud-run|cron|dataflow}

  Write the files of a deployment, and print its commands.

    a2i deploy cron --config my.yaml \\
      --input-subscription projects/P/subscriptions/S \\
      --dead-letter-topic projects/P/topics/T

  For a machine with cron, a Cloud Run job with a schedule, or a Dataflow job.
  Look at the files and the commands, then run them yourself. What is there
  already is not overwritten.

Options:
  --config FILE           The sync's YAML.  [required]
  --input-subscription S  projects/P/subscriptions/S.  [required]
  --dead-letter-topic T   projects/P/topics/T.  [required]
  --image NAME            Cloud Run, Dataflow: the container image, with its
                          registry.
  --region R              Cloud Run, Dataflow: such as europe-west1.
  --bucket B              Dataflow: for the config, the template and staging.
  --schedule CRON         cron, Cloud Run.  [default: */5 * * * *]
  --output DIR            The folder of the files.  [default: deploy]
  -h, --help              Show this message and exit.
"""
SECRET = "secret:projects/shop-1/secrets/iterable/versions/latest"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def deploy(kind: str, *options: str, key: str = "env:ITERABLE_API_KEY") -> int:
    Path("my.yaml").write_text(CONFIG.replace("KEY", key))
    return main(["deploy", kind, "--config=my.yaml", *NAMES, *options])


def test_the_help_is_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    """With what each kind needs."""
    assert main(["deploy", "--help"]) == 0
    assert capsys.readouterr().out == HELP


def test_a_cloud_run_job_is_one_that_our_program_takes(capsys: pytest.CaptureFixture[str]) -> None:
    """Its arguments, its key; the commands are for a shell, and nothing was run."""
    assert deploy("cloud-run", *CLOUD) == 0
    job = yaml.safe_load(Path("deploy/job.yaml").read_text())
    (container,) = job["spec"]["template"]["spec"]["template"]["spec"]["containers"]
    said = capsys.readouterr()

    assert job["metadata"]["name"] == "a2i-shop-eu"
    assert container["image"] == "eu.example/shop/a2i:1"
    assert container["args"][:2] == ["pipeline", "run"]
    assert parse_options(container["args"][2:]).input_as(object).name == "projects/shop-1/subscriptions/events"  # type: ignore[type-var,attr-defined]
    assert [variable["name"] for variable in container["env"]] == ["ITERABLE_API_KEY"]
    assert said.err == "Wrote deploy/job.yaml. Nothing was run; the commands, in this order:\n\n"
    assert "\ngcloud run jobs replace deploy/job.yaml --project shop-1 --region europe-west1\n" in said.out
    assert subprocess.run(["sh", "-n"], input=said.out, text=True, check=False).returncode == 0


def test_cron_has_a_script_and_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """By full names, for cron starts in another folder; the key is in a file that only the user reads."""
    assert deploy("cron") == 0
    script = Path("deploy/run.sh").read_text()
    here = Path.cwd()

    assert shlex.split(script.partition("exec ")[2].replace("\\\n", ""))[1:] == [
        *("run", "--config", f"{here}/my.yaml"),
        *("--input-subscription", "projects/shop-1/subscriptions/events"),
        *("--dead-letter-topic", "projects/shop-1/topics/dead"),
    ]
    assert f". {here}/deploy/key.env\n" in script
    assert Path("deploy/crontab").read_text() == (
        f"*/5 * * * * sh {here}/deploy/run.sh >> {here}/deploy/sync.log 2>&1\n"
    )
    assert capsys.readouterr().out == (
        f'(umask 077 && echo "export ITERABLE_API_KEY=THE_KEY" > {here}/deploy/key.env)\n'
        f"sh {here}/deploy/run.sh\n"
        f"(crontab -l; cat {here}/deploy/crontab) | crontab -\n"
    )


def test_dataflow_has_the_launch_of_its_template() -> None:
    """With the parameters that the template has, and a key that workers can read."""
    assert deploy("dataflow", *CLOUD, key=SECRET) == 0
    launch = shlex.split(Path("deploy/launch.sh").read_text().partition("exec ")[2].replace("\\\n", ""))
    parameters = ",".join(word.partition("=")[2] for word in launch if word.startswith("--parameters="))

    assert launch[:5] == ["gcloud", "dataflow", "flex-template", "run", "a2i-shop-eu"]
    assert [each.partition("=")[0] for each in parameters.split(",")] == [
        *("config", "input_subscription", "dead_letter_topic", "sdk_container_image")
    ]


def test_dataflow_takes_the_projects_that_its_launch_takes(capsys: pytest.CaptureFixture[str]) -> None:
    """An emulator's short ones are for the other kinds."""
    short = "--input-subscription=projects/shop/subscriptions/events"

    assert deploy("dataflow", *CLOUD, short, key=SECRET) == 2
    assert capsys.readouterr().err == (
        "--input-subscription is 'projects/shop/subscriptions/events'; a streaming job needs a Google Cloud project's "
        "id, which 'shop' is not: it has 6 to 63 characters: lower-case letters, digits and hyphens, of which the "
        "first is a letter.\n"
    )
    assert deploy("cron", short) == 0


def test_all_that_is_wrong_is_told_and_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Also that a file is there already: it may have been edited."""
    assert deploy("dataflow", "--region=europe west", "--schedule=daily") == 2
    assert capsys.readouterr().err == (
        "--image is missing: dataflow needs it.\n"
        "--bucket is missing: dataflow needs it.\n"
        "--region is 'europe west': only letters, digits and @ _ . : / + - are taken here.\n"
        "--schedule is 'daily': it must be five fields of cron, such as '*/5 * * * *'.\n"
        "my.yaml: destination.api_key is env:…, and dataflow can read secret: only.\n"
    )
    assert not Path("deploy").exists()

    assert [deploy("cron"), deploy("cron")] == [0, 2]
    assert capsys.readouterr().err.endswith("deploy/crontab is there already: give another --output.\n")


@pytest.mark.parametrize("output", ["my.yaml", "my.yaml/deploy", "x" * 300, "loop"])
def test_a_folder_that_is_none_is_one_line(capsys: pytest.CaptureFixture[str], output: str) -> None:
    """Whatever it is instead."""
    Path("loop").symlink_to("loop")

    assert deploy("cron", f"--output={output}") == 2
    assert capsys.readouterr().err.startswith(f"--output {output}: it cannot be written: ")
