# SPDX-License-Identifier: Apache-2.0
import gzip
import re
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random

import orjson
import pytest

from pipeline.cli.arguments import parse_options
from pipeline.config.loader import load_config
from pipeline.runs.forecast import SAMPLE_FILES, forecast
from pipeline.runs.open import checkpoint_of, files_of
from pipeline.sandbox.traffic.generator import Traffic, write_rows
from pipeline.sandbox.traffic.settings import TrafficSettings
from pipeline.sources.archives import MAX_LINE_BYTES, Position

CONFIG = "configs/demo.yaml"


def forecast_of(folder: Path, pattern: str = "*", **options: object) -> str:
    arguments = {"config": CONFIG, "dead_letter_file": folder / "d", "checkpoint_file": folder / "c", **options}
    words = [f"--{name}" if value is True else f"--{name}={value}" for name, value in arguments.items()]
    parsed = parse_options([*words, f"--input_files={folder / pattern}"])
    return forecast(parsed, load_config(parsed.config))


@cache
def generate(messages: int, seed: int) -> tuple[bytes, Traffic]:
    traffic, stream = Traffic(TrafficSettings(seed=seed, messages=messages)), BytesIO()
    write_rows(traffic, stream)
    return gzip.compress(stream.getvalue()), traffic


def write_traffic(path: Path, messages: int = 3_000, seed: int = 1) -> Traffic:
    rows, traffic = generate(messages, seed)
    path.write_bytes(rows)
    return traffic


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[bytes], Traffic]:
    """More rows than a sample has, a line each, in no order: the first rows of a sync know fewer users."""
    path = tmp_path_factory.mktemp("many") / "rows.gz"
    traffic = write_traffic(path, messages=30_000)
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    Random(1).shuffle(lines)
    return lines, traffic


def test_of_a_small_backfill_all_is_known(tmp_path: Path) -> None:
    """Every row goes through the rules: the counts are those that the run will come to."""
    outcomes = write_traffic(tmp_path / "rows.gz").expected.outcomes
    events, updates = outcomes["delivered", "track", ""], outcomes["delivered", "user", ""]

    assert forecast_of(tmp_path) == (
        f"Forecast: 3,000 rows make {events:,} events and {updates:,} user updates.\n"
        "At 10 and 5 requests/s, 2 + 1 requests take 1 s, and up to 2 min for events of new users."
    )


def test_of_a_large_one_a_sample_is_enough(tmp_path: Path, many: tuple[list[bytes], Traffic]) -> None:
    """Within a few percent, from the first rows of some of the files; and it says that it is a sample."""
    lines, traffic = many
    outcomes = traffic.expected.outcomes
    for number in range(3 * SAMPLE_FILES):
        (tmp_path / f"rows_{number}.gz").write_bytes(gzip.compress(b"".join(lines[number :: 3 * SAMPLE_FILES])))

    line = forecast_of(tmp_path, "rows_*").partition("\n")[0]
    match = re.fullmatch(r"Forecast: about ([\d,]+) rows make ([\d,]+) events and .*, by a sample of 10,000\.", line)

    assert match
    rows, events = (int(text.replace(",", "")) for text in match.groups())
    assert rows == pytest.approx(30_000, rel=0.05)
    assert events == pytest.approx(outcomes["delivered", "track", ""], rel=0.05)


def test_a_share_takes_longer(tmp_path: Path) -> None:
    """A tenth of the limits, ten times the seconds; the rates it goes by are told, and the wait if there is one."""
    rows = (
        orjson.dumps({"event_type": "Song Played", "event_time": "2026-01-05 10:00:00", "user_id": f"user-{n}"})
        for n in range(9_500)
    )
    (tmp_path / "rows").write_bytes(b"\n".join(rows))

    whole, tenth = forecast_of(tmp_path), forecast_of(tmp_path, share="10%", max_wait="0s")

    assert whole.endswith(
        "\nAt 10 and 5 requests/s, 10 + 0 requests take 1 s, and up to 2 min for events of new users."
    )
    assert tenth.endswith("\nAt 1 and 0.5 requests/s, 10 + 0 requests take 10 s.")


LIMIT = "each operation's limit"
FORGETS = """
name: Forgets
status: enabled
destination: {api_key: "env:KEY", project_type: user_id}
calls: [{event: Erasure Requested, call: users/forget, confirm: forgets users in Iterable for good}]
"""


@pytest.mark.parametrize(
    ("count", "share", "line"),
    [
        (300, "100%", "At LIMIT (forget_user takes longest, 3 requests/s), 300 requests take 2 min"),
        (1_000, "100%", "At LIMIT (forget_user takes longest, 3 requests/s), 1,000 requests take 6 min"),
        (
            2_500,
            "100%",
            (
                "At LIMIT (forget_user takes longest, 3 requests/s), 1,000 users forgotten in 24 h,"
                " 2,500 requests take 2 d 0 h"
            ),
        ),
        (
            300,
            "10%",
            (
                "At LIMIT (forget_user takes longest, 0.3 requests/s), 100 users forgotten in 24 h,"
                " 300 requests take 2 d 0 h"
            ),
        ),
    ],
)
def test_a_limit_a_day_and_the_wait_of_a_barrier_count(tmp_path: Path, count: int, share: str, line: str) -> None:
    """What is more than the limit goes a day later; a call whose user is unknown waits a minute in its place."""
    row = {"event_type": "Erasure Requested", "event_time": "2026-01-05 10:00:00"}
    (tmp_path / "rows").write_bytes(b"\n".join(orjson.dumps({**row, "user_id": f"u{n}"}) for n in range(count)))
    (tmp_path / "sync.yaml").write_text(FORGETS)

    told = forecast_of(tmp_path, "rows", config=tmp_path / "sync.yaml", share=share, max_wait="0s")
    with_wait = forecast_of(tmp_path, "rows", config=tmp_path / "sync.yaml", share=share)

    changes = "1 min for each change of an unknown user, those of one user one by one."
    assert told.splitlines()[1] == f"{line.replace('LIMIT', LIMIT)}, and up to {changes}"
    assert with_wait.endswith(f", and up to 2 min for events of new users and {changes}")


def test_one_is_told_as_one(tmp_path: Path) -> None:
    """Of rows, of items and of requests."""
    (tmp_path / "rows").write_bytes(
        orjson.dumps({"event_type": "Erasure Requested", "event_time": "2026-01-05 10:00:00", "user_id": "u1"})
    )
    (tmp_path / "sync.yaml").write_text(FORGETS)

    first, second = forecast_of(tmp_path, "rows", config=tmp_path / "sync.yaml").splitlines()

    assert first == "Forecast: 1 row makes 1 user forgotten, 0 events and 0 user updates."
    assert ", 1 request takes 1 s, " in second


def test_what_is_not_sent_is_not_forecast(tmp_path: Path) -> None:
    """Times and --events-only count, and so does a line that is no event."""
    write_traffic(tmp_path / "rows.gz")
    (tmp_path / "bad").write_bytes(b"not JSON\n\n")

    assert "3,001 rows make 0 events and 0 user updates" in forecast_of(
        tmp_path, end_time="2001-01-01", events_only=True
    )
    assert " and 0 user updates." in forecast_of(tmp_path, events_only=True)


@pytest.mark.parametrize("files", [1, SAMPLE_FILES])
def test_small_files_are_not_taken_for_smaller_ones(
    tmp_path: Path, many: tuple[list[bytes], Traffic], files: int
) -> None:
    """A reader has unpacked much more of a file than the rows that were taken of it."""
    lines, _ = many
    for number in range(files):
        (tmp_path / f"rows_{number}.gz").write_bytes(gzip.compress(b"".join(lines[number::files])))

    match = re.match(r"Forecast: about ([\d,]+) rows", forecast_of(tmp_path, "rows_*"))

    assert match
    assert int(match[1].replace(",", "")) == pytest.approx(30_000, rel=0.05)


def test_of_an_interrupted_run_the_rest_is_forecast(tmp_path: Path) -> None:
    """It says how far that has come, and what is left."""
    write_traffic(tmp_path / "a.gz")
    write_traffic(tmp_path / "b.gz")
    arguments = [f"--config={CONFIG}", f"--dead_letter_file={tmp_path / 'd'}", f"--input_files={tmp_path / '*.gz'}"]
    options = parse_options([*arguments, f"--checkpoint_file={tmp_path / 'c'}"])
    checkpoint = checkpoint_of(options, load_config(CONFIG), files_of(options, load_config(CONFIG)))
    checkpoint.write(Position(str(tmp_path / "b.gz")), (tmp_path / "a.gz").stat().st_size, [])

    first, second, _ = forecast_of(tmp_path, "*.gz").split("\n")

    assert first == f"Going on from {tmp_path / 'c'}: 50% is done."
    assert second.startswith("Forecast: about 3,000 rows make ")


def test_of_large_rows_fewer_are_looked_at(tmp_path: Path) -> None:
    """Else the look ahead takes as long as the run; and the part of a line that is not kept is counted as bytes."""
    row = orjson.dumps({"event_type": "Song Played", "event_time": "2026-01-05 10:00:00", "user_id": "u1"})
    large = row + b" " * (1_000_000 - len(row) - 1) + b"\n"
    (tmp_path / "rows").write_bytes(large * 100)
    (tmp_path / "long").write_bytes(row + b"\n" + b"x" * (MAX_LINE_BYTES + 1_000_000) + b"\n" + row)

    assert "about 100 rows make 100 events and 0 user updates, by a sample of 50." in forecast_of(tmp_path, "rows")
    assert "about 2 rows make 1 event" in forecast_of(tmp_path, "long")


def test_empty_files_take_nothing(tmp_path: Path) -> None:
    """There is no rate of nothing."""
    (tmp_path / "rows").touch()

    assert forecast_of(tmp_path) == "Forecast: the files are empty."
