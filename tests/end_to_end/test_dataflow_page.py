# SPDX-License-Identifier: Apache-2.0
"""docs/dataflow.md can be followed: its commands, options and variables exist."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.dataflow.launch import REMEDIES
from pipeline.dataflow.options import AT_LEAST_ONCE, DEFAULTS
from pipeline.run_options import JOB_PARAMETERS
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic, pull
from tests.dataflow_jobs import ROOT

PAGE = (ROOT / "docs" / "dataflow.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
GRANT = (ROOT / "configs" / "flex_template" / "grant.sh").read_text()
SHELL = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
RUN = "gcloud dataflow flex-template run"


def commands(text: str, program: str) -> list[str]:
    """Each with its arguments, as one line."""
    lines = (part.strip() for line in text.splitlines() for part in re.split(r" && | \| ", line))
    return [line for line in lines if line.startswith(f"{program} ")]


def test_there_are_ten_commands() -> None:
    """As the page says."""
    first = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)[0]

    assert re.findall(r"^# ([0-9]+)\.", first, re.MULTILINE) == [str(number) for number in range(1, 11)]


def test_every_make_target_and_variable_exists() -> None:
    """Also those in the text."""
    used = [command.split()[1:] for command in commands(SHELL, "make")]
    used += [text.split() for text in re.findall(r"`make ([^`]+)`", PAGE)]
    words = {word for command in used for word in command if not word.startswith("-")}
    targets = {word for word in words if "=" not in word}
    variables = {word.partition("=")[0] for word in words - targets} | set(re.findall(r"\b([A-Z_]{3,})=", SHELL))

    assert {target for target in targets if not re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)} == set()
    assert {name for name in variables - {"AMPLITUDE_TOPIC"} if name not in MAKEFILE} == set()


def test_the_launch_on_the_page_is_that_of_make() -> None:
    """Word by word, with the page's variables."""
    names = ["PROJECT", "REGION", "BUCKET", "IMAGE", "CONFIG", "SUBSCRIPTION", "DEAD_LETTER_TOPIC", "SERVICE_ACCOUNT"]
    environ = {"PATH": os.environ["PATH"]}
    variables = [f"{name}=$${name}" for name in names]
    printed = subprocess.check_output(["make", "-n", "launch", *variables], cwd=ROOT, env=environ, text=True)

    (shown,) = commands(SHELL, RUN)
    (made,) = commands(printed.replace("\\\n", " "), RUN)
    assert made.split() == shown.split()


def test_every_option_of_ours_exists() -> None:
    """Ours or Beam's."""
    known = {*JOB_PARAMETERS, *PipelineOptions([]).get_all_options(), "no_save_main_session"}
    (command,) = re.findall(r"```bash\n(a2i run .*?)\n```", PAGE, re.DOTALL)
    used = set(re.findall(r"--([a-z]+(?:_[a-z]+)+)\b", PAGE + command.replace("-", "_").replace("__", "--")))

    assert {"sdk_container_image", "input_subscription", "max_num_workers"} <= used
    assert used - known == set()


def test_the_page_tells_what_to_do_about_every_refusal() -> None:
    """Of Dataflow's API, by its HTTP status."""
    assert {status for status in REMEDIES if f"| HTTP {status}" not in PAGE} == set()


def test_the_page_tells_every_default() -> None:
    """With its value."""
    for default in (*DEFAULTS, AT_LEAST_ONCE):
        name, _, value = default.partition("=")
        assert name in PAGE
        assert value in PAGE


def test_the_rights_on_the_page_are_those_that_are_granted() -> None:
    """To the account that the job runs as."""
    of_the_job = PAGE.partition("### Rights")[2].partition("| who launches")[0]

    assert set(re.findall(r"roles/[A-Za-z.]+", of_the_job)) == set(re.findall(r"roles/[A-Za-z.]+", GRANT))


@pytest.mark.slow
def test_the_traffic_of_the_afternoon_is_published(
    tmp_path: Path, pubsub_emulator: PubsubEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line of a file, whole, into the topic of the page's variables."""
    (script,) = re.findall(r"python - events.jsonl <<'END'\n(.*?)\nEND\n", PAGE, re.DOTALL)
    topic = create_topic(pubsub_emulator.host, f"page-{uuid.uuid4().hex[:8]}")
    subscription = create_subscription(pubsub_emulator.host, topic, topic.rpartition("/")[2])
    _, project, _, name = topic.split("/")
    for variable, value in {
        "PUBSUB_EMULATOR_HOST": pubsub_emulator.host,
        "PROJECT": project,
        "AMPLITUDE_TOPIC": name,
    }.items():
        monkeypatch.setenv(variable, value)
    events = tmp_path / "events.jsonl"
    events.write_bytes(b'{"a": 1}\n{"a": 2}\n')

    subprocess.run([sys.executable, "-", events], input=script, text=True, check=True)

    pulled = [data for data, _ in pull(pubsub_emulator.host, subscription)]
    assert sorted(pulled) == [b'{"a": 1}', b'{"a": 2}']


GCLOUD = Path(shutil.which("gcloud") or "").resolve()
COMPLETIONS = GCLOUD.parents[1] / "data/cli/gcloud_completions.py" if GCLOUD.is_file() else GCLOUD


@pytest.mark.slow
@pytest.mark.skipif(
    not COMPLETIONS.is_file(), reason="needs gcloud with its completions: https://cloud.google.com/sdk/docs/install"
)
def test_gcloud_knows_every_command_and_flag() -> None:
    """By what it completes of itself; its help takes seconds for each."""
    inline = "\n".join(text for text in re.findall(r"`(gcloud [^`]*)`", PAGE))
    lines = {line for text in (SHELL, inline, GRANT.replace("\\\n", " ")) for line in commands(text, "gcloud")}
    tree = runpy.run_path(str(COMPLETIONS))["STATIC_COMPLETION_CLI_TREE"]
    for line in lines:
        command, flags = tree, set(tree["flags"])
        for word in line.split()[1:]:
            if not command["commands"]:  # what follows are its arguments
                break
            assert word in command["commands"], line
            command = command["commands"][word]
            flags |= command["flags"].keys()
        assert set(re.findall(r"(--[a-z-]+)", line)) - flags == set(), line
