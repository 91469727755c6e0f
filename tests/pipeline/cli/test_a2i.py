# SPDX-License-Identifier: Apache-2.0
"""The command and its manners; what a verb does is told by its own tests."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete

from pipeline.cli.a2i import PROGRAM, VERBS, Verbs, a2i, main
from transforms.model.release import RELEASE

ROOT = Path(__file__).parents[3]
HELP = """\
Usage: a2i [OPTIONS] VERB [OPTION ...]

  Amplitude events to Iterable: see what will happen, make it happen, see what
  happened.

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Before:
  init     Propose a config from a sample of rows.
  check    Say whether everything is ready for a run.
  profile  Show which events, properties, types and identities are in rows.
  preview  Show what a config makes of rows, and send nothing.

Run:
  run     Send the events of a subscription or of files to Iterable.
  replay  Send the dead letters of a sync again.

Afterwards:
  runs    List the runs on this machine, and how each ended.
  report  Tell what was delivered, what was not and why.
  dead    Show dead letters with the remedy of each reason.

Tools:
  deploy   Write the files of a deployment, and print its commands.
  sandbox  Try it: a simulated Iterable, events, a Pub/Sub emulator.
  schema   Print the JSON Schema of configs, for editors.

Exit codes:
  0    done, or stopped by a signal: what is not settled comes again
  1    findings of `check`, `--fail-on` or `--strict`, or a fault that nobody
       thought of
  2    a wrong command line or config
  3    the set-up stopped it: a refused key, a subscription out of reach,
       another run of the sync
  130  Ctrl-C before anything had begun

  Data goes to stdout, talk to stderr. Options may be written with hyphens or
  underscores. `a2i VERB --help` has an example and every option.
"""


def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """In a process, as from a shell."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, check=False
    )


def test_the_help_is_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    """With the verbs in the order in which they are needed, and the exit codes."""
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == HELP


def test_every_verb_begins_its_help_as_the_table_says() -> None:
    """The table is told without the verb, which takes long to import."""
    assert isinstance(a2i, Verbs)
    for name, verb in VERBS.items():
        command = a2i.get_command(click.Context(a2i), name)

        assert command
        assert command.get_short_help_str(200) == verb.help
        assert f"\n  {PROGRAM} {name} " in (command.help or "")


def test_help_and_suggestions_need_no_beam() -> None:
    """They are there at once: what takes long is imported by the verb that needs it."""
    code = (
        "import sys; from pipeline.cli.a2i import main; codes = main(['--help']), main(['--version']), main(['rum']);"
        "print(codes, 'apache_beam' in sys.modules)"
    )

    ended = run("-c", code, NO_COLOR="1")

    assert ended.stdout == f"{HELP}a2i {RELEASE}\n(0, 0, 2) False\n"
    assert ended.stderr == "No such command 'rum'. Did you mean 'run'?\n"


def test_a_verb_and_an_option_are_completed() -> None:
    """The verbs without importing one; of a run, its own options."""
    completed = BashComplete(a2i, {}, PROGRAM, "_A2I_COMPLETE").get_completions

    assert [item.value for item in completed([], "de")] == ["dead", "deploy"]
    assert [item.value for item in completed(["run"], "--in")] == ["--input-subscription", "--input-files"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such-verb"], "No such command 'no-such-verb'.\n"),
        (["dead", "--limt", "3", "x"], "--limt is no option of a2i dead. Did you mean --limit?\n"),
        (["dead", "x", "--limit", "0"], "--limit is 0: it must be a whole number of 1 or more.\n"),
        (["dead", "x", "--limit", "x"], "--limit is 'x': it must be a whole number of 1 or more.\n"),
        (["dead", "x", "--limit"], "--limit needs a value.\n"),
        (["dead"], "FILE|SUBSCRIPTION is missing. See a2i dead --help.\n"),
        (["schema", "x", "y"], "x y: no option of a2i schema takes it. See --help.\n"),
        (["deploy"], "Give cloud-run, cron or dataflow to a2i deploy.\n"),
        (["deploy", "azure"], "'azure' must be cloud-run, cron or dataflow.\n"),
        (["deploy", "cron", "my.yaml"], "--config is missing. Give my.yaml as --config my.yaml.\n"),
        (["init", "x", "--region", "uk"], "--region is 'uk': it must be us or eu.\n"),
        (
            ["replay", "my.yaml", "--dead-letters", "README.md", "--dry-run"],
            "my.yaml is no option of this program or of Beam. Give it as --config my.yaml.\n",
        ),
    ],
)
def test_a_wrong_command_line_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    """And is exit code 2; it has no time, for a person has typed it."""
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", told)


def test_an_older_name_is_the_verb_and_says_so_once() -> None:
    """On stderr: what reads its output is not disturbed."""
    ended = run("-m", "pipeline.dead_letters", "--help")

    assert (ended.returncode, ended.stdout.partition("[")[0]) == (0, "Usage: a2i dead ")
    assert ended.stderr == "`python -m pipeline.dead_letters` is now `a2i dead`.\n"
