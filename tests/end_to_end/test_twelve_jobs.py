# SPDX-License-Identifier: Apache-2.0
"""The twelve jobs of a newcomer, each done by the commands that README shows, as they stand there."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli.a2i import main
from pipeline.sandbox.dataflow.api import DataflowApi
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Key, Settings
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.stage import Stage, set_stage
from tests.dataflow_jobs import SECRET, launch_options
from tests.newcomer import CUT_OVER, ORDERS, Newcomer, export, wait_for
from tests.pipeline.preview.shop import event
from tests.readme import COMMANDS, CONFIG, REQUEST, ROOT, ROW, commands

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SUBSCRIPTION, TOPIC = "projects/my-shop-1/subscriptions/amplitude", "projects/my-shop-1/topics/dead-letters"
OF_SHOP = f"--input-subscription {SUBSCRIPTION} --dead-letter-topic {TOPIC}"
BACKFILL = (
    "a2i run --config my.yaml --input-files 'exports/*.zip' --dead-letter-file dead_letters.jsonl "
    "--events-only --share 30%"
)
REPLAY = "a2i replay --config my.yaml --dead-letters dead_letters.jsonl --dead-letter-file dead_letters.again.jsonl"
DEPLOY = (
    f"a2i deploy dataflow --config my.yaml {OF_SHOP} --region europe-west1 --bucket my-shop-1-sync "
    "--image europe-west1-docker.pkg.dev/my-shop-1/sync/a2i:1"
)
KEY = "sandbox-key"


@pytest.fixture
def iterable_settings() -> Settings:
    """A project that knows its users by id, and all of them."""
    keys = {KEY: Key(), "of-a-website": Key("JavaScript")}
    return Settings(project_type="user_id", keys=keys, async_delay=AsyncDelay(0, 0), track_unknown_user="create")


@pytest.fixture
def newcomer(
    iterable: SimulatedIterable,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Newcomer:
    """With README's config, README's row and two days of exports in the folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ITERABLE_API_KEY", KEY)
    Path("my.yaml").write_text(CONFIG)
    Path("events.jsonl").write_text(json.dumps(json.loads(ROW)) + "\n")
    Path("exports").mkdir()
    export("2026-01-04", ORDERS[:3])
    export("2026-01-05", ORDERS[3:])
    return Newcomer(iterable, capsys, caplog)


@pytest.fixture
def stage(newcomer: Newcomer, pubsub_emulator: PubsubEmulator, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Her topics and subscriptions."""
    staged = set_stage(pubsub_emulator.host, newcomer.iterable.url)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", staged.host)
    newcomer.names = {
        SUBSCRIPTION: staged.subscription,
        TOPIC: staged.dead_topic,
    }
    return staged


def mend(old: str, new: str, name: str = "my.yaml") -> None:
    assert old in CONFIG
    Path(name).write_text(CONFIG.replace(old, new))


def test_1_a_user_id_project_in_the_eu(newcomer: Newcomer) -> None:
    """Events selected, one renamed and filtered by amount, properties chosen, dates converted: by README's config."""
    assert "3 events with 5 event properties" in newcomer.types("a2i check my.yaml --offline")
    newcomer.types(BACKFILL)

    song, purchase = sorted(newcomer.holds(), key=lambda each: str(each["eventName"]))
    assert song["dataFields"] == {"song": "Blue in Green", "platform": "iOS"}
    assert purchase["eventName"] == "purchase"
    assert purchase["dataFields"] == {"total": 24.0, "currency": "EUR", "ordered_at": "2026-01-04 09:00:00 +00:00"}


def test_1_a_config_is_proposed(newcomer: Newcomer) -> None:
    """From her own rows; it is valid as it is."""
    Path("my.yaml").unlink()
    newcomer.types("a2i init 'exports/*.zip' --output my.yaml")

    assert "Order Completed" in Path("my.yaml").read_text()
    newcomer.types("a2i check my.yaml --offline")


def test_2_what_is_in_my_data_and_what_becomes_of_it(newcomer: Newcomer) -> None:
    """Before anything is sent; the request is the one that README shows."""
    assert re.search(r"^Order Completed +3 ", newcomer.types("a2i profile 'exports/*.zip'"), re.MULTILINE)
    table = newcomer.types("a2i preview my.yaml 'exports/*.zip'")
    way = newcomer.types("a2i preview my.yaml events.jsonl --event 1")

    assert re.search(r"^Order Completed +3 +1 +purchase +1 +1 +where_not_met", table, re.MULTILINE)
    assert re.search(r"^Page Viewed +1 +– +1 +event_not_selected", table, re.MULTILINE)
    assert way.endswith(REQUEST)
    assert newcomer.iterable.metrics()["endpoints"] == {}


def test_2_what_a_change_changes(newcomer: Newcomer) -> None:
    """Against the file in git, as a pull request is looked at: less is sent, and that is code 1."""
    for command in ("init -q", "add my.yaml", "-c user.name=x -c user.email=x@example.com commit -q -m x"):
        subprocess.run(["git", *command.split()], check=True)
    mend("value: 10", "value: 100")

    assert re.search(
        r"^ +Order Completed +1 +0 +-1",
        newcomer.types("a2i preview my.yaml events.jsonl --diff HEAD --strict", code=1),
        re.MULTILINE,
    )


@pytest.mark.parametrize(
    ("key", "says", "code"),
    [(KEY, "✔ key", 0), ("another-key", "✘ key", 1), ("of-a-website", "✘ key", 1)],
)
def test_3_is_my_key_good(
    newcomer: Newcomer, stage: Stage, monkeypatch: pytest.MonkeyPatch, key: str, says: str, code: int
) -> None:
    """And of the right kind; nothing is sent to find out."""
    monkeypatch.setenv("ITERABLE_API_KEY", key)
    said = newcomer.types(f"a2i check my.yaml {OF_SHOP}", code=code)

    assert says in said
    assert ("JavaScript" in said) == (key == "of-a-website")
    assert newcomer.holds() == []


def test_4_ten_mistakes_are_told_at_once(newcomer: Newcomer) -> None:
    """Each with its line and what was meant."""
    Path("my.yaml").write_text((ROOT / "tests/data/ten_mistakes.yaml").read_text())
    said = newcomer.types("a2i check my.yaml --offline", code=2)

    lines = {int(line) for line in re.findall(r"^my\.yaml:(\d+)", said, re.MULTILINE)}
    assert lines == {2, 4, 5, 6, 7, 13, 14, 15, 17, 19}
    assert "Did you mean 'project_type'?" in said
    assert "0123456789abcdef" not in said  # a key in the config is not shown


def test_5_a_month_of_exports_killed_in_the_middle(newcomer: Newcomer, state_dir: Path) -> None:
    """The same command goes on; every event is there, and the figures are those of all of it."""
    for day in range(1, 32):
        export(f"2026-01-{day:02}", [event("Song Played", number=100 * day + number) for number in range(20)])
    newcomer.iterable.configure(latency=0.3)
    with newcomer.starts(BACKFILL, "--chunk-size=100") as process:
        wait_for(lambda: any(state_dir.glob("*/checkpoint-*.jsonl")))
        process.kill()
    newcomer.iterable.configure(latency=0)
    assert len(newcomer.holds()) < 31 * 20
    newcomer.types(BACKFILL)

    assert len(newcomer.holds()) == 31 * 20
    assert re.search(r"^\S+ +Shop +backfill +620 ", newcomer.types("a2i runs"), re.MULTILINE)


def test_6_a_drain_that_stays(newcomer: Newcomer, stage: Stage) -> None:
    """Iterable goes away, comes back and is in a hurry; a signal ends it. A wrong key is one line, and code 3."""
    newcomer.iterable.fault("trackBulk", status=503, times=2)
    newcomer.iterable.fault("trackBulk", status=429, times=1)
    stage.publish((json.dumps(row).encode(), {}) for row in ORDERS)
    with newcomer.starts(f"a2i run --config my.yaml {OF_SHOP} --forever") as process:
        wait_for(lambda: len(newcomer.holds()) == 2)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate()
    assert process.returncode == 0
    assert "It adds up                   6 = 2 + 3 + 1\n" in said
    assert "1 HTTP 429, 2 HTTP 503" in said

    newcomer.iterable.configure(keys={})
    stage.publish([(json.dumps(ORDERS[3]).encode(), {})])
    assert "Iterable refused /api/events/trackBulk with HTTP 401" in newcomer.types(
        f"a2i run --config my.yaml {OF_SHOP}", code=3
    )


def test_7_dead_letters_are_understood_and_replayed(newcomer: Newcomer) -> None:
    """The view says what is wrong with the config; once it is mended the order arrives."""
    newcomer.types(BACKFILL)
    view = newcomer.types("a2i dead dead_letters.jsonl")
    assert "unconvertible_property" in view
    assert "Ordered At" in view
    mend("as: ordered_at, type: date", "as: ordered")
    outlook = newcomer.types("a2i replay --config my.yaml --dead-letters dead_letters.jsonl --dry-run")
    newcomer.types(REPLAY)

    assert re.search("Would be sent now +1$", outlook, re.MULTILINE)
    assert sorted(each["dataFields"]["total"] for each in newcomer.holds("purchase")) == [24.0, 30.0]
    assert not Path("dead_letters.again.jsonl").exists()


def test_8_how_many_yesterday_and_why(newcomer: Newcomer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delivered, dropped by which rule, dead and of what; how long it took."""
    newcomer.types(BACKFILL)
    tomorrow = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    report = newcomer.types("a2i report --since yesterday --until today")

    for line in (
        r"read +6 ",
        r"delivered +2 .* 2 events",
        r"dropped +3   ((event_not_selected|no_identity|where_not_met) 1( · )?){3}$",
        r"dead +1   unconvertible_property 1",
        r"latency .* p95 \S+ s",
        r"Order Completed +1   where_not_met   line 9",
    ):
        assert re.search(rf"^{line}", report, re.MULTILINE), line


@pytest.fixture
def api() -> Iterator[DataflowApi]:
    with DataflowApi() as running:
        yield running


def test_9_a_job_on_dataflow(
    newcomer: Newcomer, tmp_path: Path, api: DataflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are written; with the parameters in them Dataflow takes the job."""
    mend("env:ITERABLE_API_KEY", SECRET)
    printed = newcomer.types(DEPLOY)
    script = Path("deploy/launch.sh").read_text()
    parameters = dict(each.split("=", 1) for each in ",".join(re.findall(r"--parameters=(\S+)", script)).split(","))
    assert "sh deploy/launch.sh" in printed
    parameters["config"] = "my.yaml"  # as it is in the bucket
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")

    assert main(["run", *launch_options(tmp_path, api.url, **parameters)]) == 0
    assert len(api.jobs) == 1
    assert "crontab" in newcomer.types(f"a2i deploy cron --config my.yaml {OF_SHOP}")


def test_10_from_amplitudes_own_stream(newcomer: Newcomer) -> None:
    """The page that README names has a key for each setting; what was sent before the cut-over is not sent again."""
    for setting in ("Sync name", "Status", "API key", "Create & Update Users", "Send Events", "Mappings: Email"):
        assert f"| {setting}" in CUT_OVER
    (backfill,) = (each for each in commands(CUT_OVER) if "--start-time" in each)
    newcomer.types(backfill)

    assert [each["eventName"] for each in newcomer.holds()] == ["Song Played"]


def test_11_two_syncs_and_another_name(newcomer: Newcomer) -> None:
    """Syncs share nothing; a sync that was renamed takes up the letters of its old name."""
    newcomer.types(BACKFILL)
    mend("name: Shop", "name: Shop EU")
    newcomer.types(BACKFILL)  # the other sync: it reads all of it, and its letters are its own
    letters = [
        json.loads(line)["attributes"]["dl_config"] for line in Path("dead_letters.jsonl").read_text().splitlines()
    ]
    assert [each.partition("#")[0] for each in letters] == ["Shop", "Shop EU"]
    Path("my.yaml").write_text(Path("my.yaml").read_text().replace("as: ordered_at, type: date", "as: ordered"))
    newcomer.types(
        "a2i replay --config my.yaml --from-sync Shop --dead-letters dead_letters.jsonl "
        "--dead-letter-file dead_letters.again.jsonl"
    )

    assert len(newcomer.holds("purchase")) == 2
    assert len(re.findall(r"^\S+ +Shop( EU)? ", newcomer.types("a2i runs"), re.MULTILINE)) == 3


def test_12_readme_from_top_to_bottom(newcomer: Newcomer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its try without an account works; every other command is typed by a test of this file."""
    with newcomer.starts("a2i sandbox iterable --port 8080 &", "--port=0") as process:
        assert process.stdout
        url = process.stdout.readline().split()[-1]
        newcomer.names = {"http://localhost:8080": url, "2000": "200", "configs/demo.yaml": f"{ROOT}/configs/demo.yaml"}
        newcomer.types("a2i sandbox traffic --messages 2000 --output events.jsonl")
        said = newcomer.types(
            "ITERABLE_API_KEY=sandbox-key a2i run --config configs/demo.yaml --input-files events.jsonl "
            "--dead-letter-file dead_letters.jsonl --iterable-url http://localhost:8080"
        )
        process.terminate()
    source = re.sub(r'"\s+f?"', "", Path(__file__).read_text()).replace("{OF_SHOP}", OF_SHOP)

    assert "It adds up " in said
    assert [command for command in COMMANDS if command not in source] == []
