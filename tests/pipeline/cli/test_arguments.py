# SPDX-License-Identifier: Apache-2.0
import os
import re
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, StandardOptions, WorkerOptions

from pipeline.cli.arguments import parse_options
from pipeline.cli.errors import UsageError, spelt
from pipeline.config.loader import load_config
from pipeline.run_options import JOB_PARAMETERS, Files, JobOptions, LocalOptions, RunOptions, Stream, Subscription
from pipeline.runs.open import files_of
from pipeline.sources.state_folder import StateFolder
from transforms.model.time_range import ANY_TIME, TimeRange

SUBSCRIPTION = "projects/sandbox/subscriptions/events"
TOPIC = "projects/sandbox/topics/dead-letters"
DRAIN = {"config": "sync.yaml", "input_subscription": SUBSCRIPTION, "dead_letter_topic": TOPIC}

JOB = DRAIN | {
    "runner": "DataflowRunner",
    "project": "my-project-1",
    "region": "europe-west1",
    "temp_location": "gs://my-bucket/dataflow",
    "sdk_container_image": "europe-west1-docker.pkg.dev/my-project-1/a2i/a2i:1",
}

MINIMAL = Path(__file__).parents[3] / "configs" / "minimal.yaml"

NO_CONFIG = "--config is missing. Give the sync's YAML file, such as configs/minimal.yaml."
NO_INPUT = "Give either --input-subscription or --input-files."
NO_OUTPUT = "Give either --dead-letter-topic or --dead-letter-file: what cannot be delivered is kept there."


def parse(**options: object) -> RunOptions:
    """`option=True` is a switch, `option=None` leaves it out."""
    return parse_options(
        [
            f"--{name}" if value is True else f"--{name}={value}"
            for name, value in options.items()
            if value is not None and value is not False
        ]
    )


def paths_read(options: RunOptions) -> list[str]:
    return [file.path for file in files_of(options, load_config(str(MINIMAL)))]


def problem_of(**options: object) -> str:
    with pytest.raises(UsageError) as caught:
        parse(**(DRAIN | options))
    return str(caught.value)


def test_the_defaults_of_a_drain() -> None:
    """A config, an input and an output are enough; what is left out has the documented default."""
    options = parse(**DRAIN)

    assert options.config == "sync.yaml"
    assert options.input == Subscription(SUBSCRIPTION, forever=False)
    assert options.dead_letters == f"topic:{TOPIC}"
    assert (options.iterable_url, options.share, options.times, options.events_only) == ("", 1.0, ANY_TIME, False)
    assert options.local == LocalOptions(10_000, 120.0, 20.0, os.environ["A2I_STATE_DIR"])


def test_the_defaults_of_files() -> None:
    """All events of theirs, and what is remembered is in the state folder."""
    options = parse(config="c", dead_letter_topic=TOPIC, input_files=__file__)

    assert options.input == Files((__file__,), ANY_TIME, events_only=False, waiting_file="", checkpoint_file="")


def test_everything_there_is() -> None:
    """Each option is read under its own name; a duration comes as seconds."""
    options = parse(**DRAIN, forever=True, iterable_url="http://localhost:8080/", max_wait="1.5m", chunk_size=7)

    assert options.input == Subscription(SUBSCRIPTION, forever=True)
    assert options.iterable_url == "http://localhost:8080/"
    assert (options.local.max_wait, options.local.chunk_size) == (90.0, 7)


def test_files_and_a_file_of_dead_letters(tmp_path: Path) -> None:
    """A glob that matches, and a file in a folder that can be written to, are taken as they are."""
    (tmp_path / "a.jsonl").touch()
    pattern, kept = str(tmp_path / "*.jsonl"), str(tmp_path / "dead.jsonl")

    options = parse(config="sync.yaml", input_files=pattern, dead_letter_file=kept)

    assert options.input == Files((pattern,))
    assert options.dead_letters == f"file:{kept}"


def test_an_option_and_its_value_may_be_two_arguments() -> None:
    """`--option value` and `--option=value` are the same."""
    options = parse_options([word for name, value in DRAIN.items() for word in (f"--{name}", value)])

    assert parse(**DRAIN).config == options.config


def test_the_options_of_beam_pass_through() -> None:
    """The runner gets what is Beam's, of several of its option classes."""
    beam = parse(**JOB, max_num_workers=2).beam

    assert beam.view_as(StandardOptions).runner == "DataflowRunner"
    assert beam.view_as(GoogleCloudOptions).region == "europe-west1"
    assert beam.view_as(WorkerOptions).max_num_workers == 2


@pytest.mark.parametrize("given", [None, True, "true", "True"])
def test_dataflow_implies_streaming(given: object) -> None:
    """A template's parameter has a value, a person's switch has none, and there it may be left out."""
    options = parse(**JOB, streaming=given)

    assert options.input == Stream(DRAIN["input_subscription"])
    assert options.beam.view_as(StandardOptions).streaming


def test_a_switch_that_is_neither_true_nor_false_is_told() -> None:
    """Not taken for the one or the other."""
    assert problem_of(streaming="yes") == "argument --streaming: 'yes' is neither true nor false"


def test_switches_of_beam_may_have_a_value() -> None:
    """As a template passes what Terraform or the console calls true or false."""
    cloud = parse(**JOB, update="true", enable_hot_key_logging="false").beam.view_as(GoogleCloudOptions)

    assert (cloud.update, cloud.enable_hot_key_logging) == (True, False)


def test_a_launcher_may_add_options_that_this_beam_does_not_know(caplog: pytest.LogCaptureFixture) -> None:
    """They are told and left out: the launch must not fail of them. A person's are refused."""
    added = {"launcher_machine_type": "n1-standard-1", "save_heap_dumps_to_gcs_path": "gs://b/dumps"}
    options = parse(**JOB, template_location="gs://b/staging/job_object", **added)

    assert options.is_template
    assert [record.getMessage() for record in caplog.records] == [
        f"warning: --{name}={value} is no option of this program or of Beam, and is left out."
        for name, value in added.items()
    ]
    with pytest.raises(UsageError, match="--launcher_machine_type=n1-standard-1 is no option of this program"):
        parse(**JOB, **added)


@pytest.mark.parametrize("streaming", [True, False])
def test_streaming_is_told_to_beam(streaming: bool) -> None:
    """--streaming is one switch for both; without it Beam runs a bounded pipeline."""
    options = parse(**DRAIN, streaming=streaming)

    assert options.input == (Stream(SUBSCRIPTION) if streaming else Subscription(SUBSCRIPTION))
    assert streaming == bool(options.beam.view_as(StandardOptions).streaming)


def test_what_a_job_is_launched_with_is_among_its_own_options() -> None:
    """Whoever looks at a job of Dataflow sees them, and a template's parameters are options of Beam."""
    job = parse(**DRAIN, streaming=True, share="30%").beam

    shown = job.get_all_options(drop_default=True)
    assert shown == {**DRAIN, "share": "30%", "streaming": True}
    assert job.view_as(JobOptions).input_subscription == SUBSCRIPTION


def test_a_template_may_launch_with_the_options_of_beam_alone() -> None:
    """The same names and defaults as the command line's."""
    job = JobOptions(["--config=sync.yaml", f"--input_subscription={SUBSCRIPTION}", "--runner=DataflowRunner"])

    assert (job.config, job.input_subscription, job.share, job.iterable_url) == ("sync.yaml", SUBSCRIPTION, "100%", "")


@pytest.mark.parametrize("runner", [None, "FnApiRunner", "DirectRunner"])
def test_a_bounded_run_takes_a_local_runner(runner: str | None) -> None:
    """A drain needs no --runner, and does not mind one of this machine."""
    options = parse(**DRAIN, runner=runner)

    assert runner == options.beam.view_as(StandardOptions).runner


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"config": None}, NO_CONFIG),
        ({"input_subscription": None}, NO_INPUT),
        ({"input_files": __file__}, NO_INPUT),
        (
            {"input_subscription": None, "input_files": "/nowhere/*.gz"},
            "--input-files '/nowhere/*.gz' matches no file.",
        ),
        (
            {"input_subscription": None, "input_files": __file__, "forever": True},
            "--forever needs --input-subscription: files end.",
        ),
        (
            {"input_subscription": None, "input_files": __file__, "streaming": True},
            "--streaming needs --input-subscription: files end.",
        ),
        (
            {"streaming": True, "forever": True},
            "Give --streaming or --forever, not both: a streaming job never ends by itself.",
        ),
        (
            {"input_subscription": "events"},
            (
                "--input-subscription is 'events'; it must be projects/PROJECT/subscriptions/NAME, "
                "such as projects/my-project-1/subscriptions/events."
            ),
        ),
        (
            {"input_subscription": "projects/p/topics/events"},
            (
                "--input-subscription is 'projects/p/topics/events'; that is a topic, and a subscription is needed: "
                "name a subscription of that topic."
            ),
        ),
        (
            {"input_subscription": "projects/p/subscriptions/events", "streaming": True},
            (
                "--input-subscription is 'projects/p/subscriptions/events'; a streaming job needs a Google Cloud "
                "project's id, which 'p' is not: it has 6 to 63 characters: lower-case letters, digits and hyphens, of "
                "which the first is a letter."
            ),
        ),
        ({"dead_letter_topic": None}, NO_OUTPUT),
        ({"dead_letter_file": "dead.jsonl"}, NO_OUTPUT),
        (
            {"dead_letter_topic": SUBSCRIPTION},
            f"--dead-letter-topic is {SUBSCRIPTION!r}; that is a subscription, and a topic is needed: name a topic.",
        ),
        (
            {"dead_letter_topic": None, "dead_letter_file": "/nowhere/dead.jsonl"},
            "--dead-letter-file '/nowhere/dead.jsonl' cannot be written.",
        ),
        (
            {"dead_letter_topic": None, "dead_letter_file": "/tmp"},
            "--dead-letter-file '/tmp' cannot be written.",
        ),
        (
            {"iterable_url": "localhost:8080"},
            "--iterable-url is 'localhost:8080'; it must be a scheme and a host, such as http://localhost:8080.",
        ),
        (
            {"iterable_url": "http://localhost:port"},
            "--iterable-url is 'http://localhost:port'; it must be a scheme and a host, such as http://localhost:8080.",
        ),
        (
            {"iterable_url": "http://[::1"},
            "--iterable-url is 'http://[::1'; it must be a scheme and a host, such as http://localhost:8080.",
        ),
        (
            {"iterable_url": "https://api.iterable.com/api"},
            (
                "--iterable-url is 'https://api.iterable.com/api'; it must be a scheme and a host, "
                "such as http://localhost:8080."
            ),
        ),
        (
            {"max_wait": "2"},
            "--max-wait: '2' is no duration: write a number followed by s, m, h or d, such as 20s or 4h.",
        ),
        (
            {"grace_period": "soon"},
            "--grace-period: 'soon' is no duration: write a number followed by s, m, h or d, such as 20s or 4h.",
        ),
        *(
            (
                {"share": share},
                f"--share: {share!r} is no share: write a percentage above 0% and up to 100%, such as 30%.",
            )
            for share in ("0%", "101%", "0.3", "30", "many")
        ),
        (
            {"input_subscription": None, "input_files": __file__, "start_time": "yesterday"},
            (
                "--start-time: 'yesterday' is no time: "
                "write a date, or date and time, in UTC, such as 2026-01-31 or 2026-01-31T09:30:00Z."
            ),
        ),
        *(
            (
                {"input_subscription": None, "input_files": __file__, "start_time": start, "end_time": "2026-01-05"},
                f"--start-time {start} must be before --end-time 2026-01-05: nothing lies between them.",
            )
            for start in ("2026-01-06", "2026-01-05", "2026-01-05T00:00Z")
        ),
        *(
            ({option: value}, f"{spelt(option)} needs --input-files: from a subscription nothing comes a second time.")
            for option, value in (("start_time", "2026-01-31"), ("end_time", "2026-01-31"), ("events_only", True))
        ),
        ({"chunk_size": 0}, "--chunk-size: '0' is no whole number of 1 or more."),
        ({"chunk_size": -3}, "--chunk-size: '-3' is no whole number of 1 or more."),
        ({"chunk_size": "many"}, "--chunk-size: 'many' is no whole number of 1 or more."),
        (
            {"runner": "DataflowRunner", "streaming": "false"},
            "--runner is DataflowRunner, which needs --streaming: a drain and files run on this machine.",
        ),
        ({"confg": "sync.yaml"}, "--confg=sync.yaml is no option of this program or of Beam. Did you mean --config?"),
        ({"conf": "sync.yaml"}, "--conf=sync.yaml is no option of this program or of Beam. Did you mean --config?"),
        ({"num_workers": "many"}, "argument --num-workers: invalid int value: 'many'"),
    ],
)
def test_one_problem_is_one_line(options: dict[str, object], problem: str) -> None:
    """Each line says what was given, and what to give instead."""
    assert problem == problem_of(**options)


def test_dead_letters_do_not_go_where_they_come_from(tmp_path: Path) -> None:
    """A replay that appends to the file it reads would never end; another path to that file is no way around."""
    kept, link = tmp_path / "dead.jsonl", tmp_path / "link"
    kept.touch()
    link.symlink_to(kept)
    options = {"input_subscription": None, "dead_letter_topic": None, "input_files": kept}
    problem = f"--dead-letter-file '{link}' is one of the files that are read."

    assert problem == problem_of(**options, dead_letter_file=link)


def test_a_pattern_does_not_mean_what_the_run_writes(tmp_path: Path) -> None:
    """The second run in a folder, and one that goes on, find there what the first one has written."""
    for name in ("rows", "dead", "checkpoint", "checkpoint.jsonl.part", "waiting.jsonl.part", "waiting.jsonl.bak"):
        (tmp_path / (name if "." in name else f"{name}.jsonl")).touch()
    written = {f"{name}_file": tmp_path / f"{name}.jsonl" for name in ("dead_letter", "checkpoint", "waiting")}
    written["dead_letter_file"] = tmp_path / "dead.jsonl"

    options = parse(config="c", input_files=tmp_path / "*", **written)

    assert paths_read(options) == [str(tmp_path / "rows.jsonl")]


def test_a_pattern_does_not_mean_what_lies_in_a_state_folder(tmp_path: Path) -> None:
    """It may be under the folder of the rows; a file there can still be named."""
    state = StateFolder(str(tmp_path / "state"), "A", "https://api.iterable.com", "env:KEY")  # another sync's
    state.make()
    for path in (tmp_path / "rows.jsonl", Path(state.waiting)):
        path.touch()
    options = {"config": "c", "dead_letter_topic": TOPIC, "state_dir": tmp_path / "state"}

    by_pattern = parse(**options, input_files=tmp_path / "**" / "*.jsonl")
    by_name = parse(**options, input_files=state.waiting)

    assert paths_read(by_pattern) == [str(tmp_path / "rows.jsonl")]
    assert paths_read(by_name) == [state.waiting]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ("dead_letter waiting", "--waiting-file '{}' is the file of --dead-letter-file: each needs one of its own."),
        (
            "dead_letter checkpoint",
            "--checkpoint-file '{}' is the file of --dead-letter-file: each needs one of its own.",
        ),
        ("waiting checkpoint", "--checkpoint-file '{}' is the file of --waiting-file: each needs one of its own."),
        ("config checkpoint", "--checkpoint-file '{}' is the file of --config: each needs one of its own."),
    ],
)
def test_no_file_is_written_for_two_reasons(tmp_path: Path, names: str, problem: str) -> None:
    """One would overwrite the other."""
    options = {name: tmp_path / name for name in ("config", "dead_letter_file", "waiting_file", "checkpoint_file")}
    one = {name: tmp_path / "one" for name in options if name.removesuffix("_file") in names.split()}
    files = {"input_subscription": None, "dead_letter_topic": None, "input_files": __file__}

    assert problem.format(tmp_path / "one") == problem_of(**(files | options | one))


@pytest.mark.parametrize(
    ("option", "path", "is_taken"),
    [
        ("dead_letter_file", "/dev/null", True),
        ("waiting_file", "/dev/null", False),
        ("checkpoint_file", "/dev/null", False),
    ],
)
def test_what_is_replaced_must_be_a_file(tmp_path: Path, option: str, path: str, is_taken: bool) -> None:
    """A device can only be appended to."""
    options = {name: tmp_path / name for name in ("dead_letter_file", "waiting_file", "checkpoint_file")}
    files = {"config": "c", "input_files": __file__, **options, option: path}

    if is_taken:
        assert parse(**files).dead_letters == f"file:{path}"
    else:
        with pytest.raises(UsageError, match=f"^{spelt(option)} '{path}' cannot be written.$"):
            parse(**files)


def test_a_checkpoint_needs_a_place(tmp_path: Path) -> None:
    """Before anything is sent, not after the first chunk."""
    options = {"input_subscription": None, "input_files": __file__, "waiting_file": tmp_path / "w"}

    assert problem_of(**options, checkpoint_file="/nowhere/c") == "--checkpoint-file '/nowhere/c' cannot be written."


def test_what_is_read_is_read_twice() -> None:
    """The forecast would take the rows of a pipe away from the run."""
    reading, _ = os.pipe()
    path = f"/dev/fd/{reading}"

    assert problem_of(input_subscription=None, input_files=path, waiting_file="/tmp/w", checkpoint_file="/tmp/c") == (
        f"--input-files '{path}' is no regular file: a run looks at its files before it reads them."
    )


def test_all_problems_come_at_once() -> None:
    """A person corrects a command line once."""
    arguments = ["--confg=x", "--nope", "3", "--forever", "--max_wait=5", "--chunk_size=few", "--iterable_url=here"]

    with pytest.raises(UsageError) as caught:
        parse_options(arguments)

    assert str(caught.value).splitlines() == [
        "--confg=x is no option of this program or of Beam. Did you mean --config?",
        "--nope is no option of this program or of Beam. See --help.",
        "--max-wait: '5' is no duration: write a number followed by s, m, h or d, such as 20s or 4h.",
        "--chunk-size: 'few' is no whole number of 1 or more.",
        NO_INPUT,
        NO_CONFIG,
        NO_OUTPUT,
        "--iterable-url is 'here'; it must be a scheme and a host, such as http://localhost:8080.",
    ]


def test_files_may_be_several_words(tmp_path: Path) -> None:
    """A glob without quotes is several words to us; each may be a pattern, or one of a bucket, which is asked later."""
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).touch()
    files = [str(tmp_path / "a.jsonl"), str(tmp_path / "b*"), "gs://bucket/exports/*"]

    options = parse_options(
        ["--config=c", f"--dead_letter_file={tmp_path / 'd'}", "--input_files", *files, "--events_only"]
    )

    assert options.input == Files(tuple(files), events_only=True)


def test_times_and_a_share(tmp_path: Path) -> None:
    """Times are of UTC, the first included, the second not; a share is one of 1."""
    (tmp_path / "a.jsonl").touch()
    files = {"config": "c", "dead_letter_file": tmp_path / "d", "input_files": tmp_path / "a.jsonl"}

    options = parse(**files, start_time="2026-01-05", end_time="2026-01-05T10:00+01:00", share="12.5%")

    assert options.times == TimeRange(1_767_571_200.0, 1_767_603_600.0)
    assert options.share == 0.125


def test_a_word_that_belongs_to_no_option_is_refused() -> None:
    """It is not taken for a value of the option before."""
    assert _problem_of_words("more.jsonl") == "more.jsonl is no option of this program or of Beam. See --help."
    assert _problem_of_words("b.yaml") == "b.yaml is no option of this program or of Beam. See --help."


def test_a_config_that_is_given_bare_is_told_how_it_is_given() -> None:
    """And not that there is none."""
    with pytest.raises(UsageError) as caught:
        parse_options(["my.yaml", *(f"--{name}={value}" for name, value in DRAIN.items() if name != "config")])
    assert str(caught.value) == "my.yaml is no option of this program or of Beam. Give it as --config my.yaml."


def _problem_of_words(*words: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_options([*(f"--{name}={value}" for name, value in DRAIN.items()), *words])
    return str(caught.value)


def test_a_missing_value_is_told() -> None:
    """An option at the end of the line, without its value, is named."""
    assert _problem_of_words("--config") == "argument --config: expected one argument"


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """--help prints the options of a run, and ends with 0."""
    with pytest.raises(SystemExit) as caught:
        parse_options(["--help"])
    shown = capsys.readouterr().out
    files = {"input_files", "start_time", "end_time", "events_only", "waiting_file", "checkpoint_file"}
    ours = {*JOB_PARAMETERS, *LocalOptions.__annotations__, *files, "forever", "streaming"}

    assert caught.value.code == 0
    assert [name for name in sorted(ours) if not re.search(rf"\n  (-\w, )?--{name}\b", shown)] == []
