# SPDX-License-Identifier: Apache-2.0
import orjson

from pipeline.sandbox.bench.events import EVERY, rows


def test_events_have_all_keys_of_an_export_and_ids_and_users_of_their_own() -> None:
    found = [orjson.loads(line) for line in rows(1_000)]

    assert {len(row) for row in found} == {55}
    assert len({row["$insert_id"] for row in found}) == 1_000
    assert sum(row["event_type"] == "$identify" for row in found) == 1_000 / EVERY
    assert len({row["user_id"] for row in found}) == 1_000 / EVERY
    assert [row["event_time"] for row in found[::99]][:3] == [
        "2026-03-01 00:00:00.000000",
        "2026-03-01 00:00:00.990000",
        "2026-03-01 00:00:01.980000",
    ]


def test_a_row_is_of_usual_size() -> None:
    assert 1_300 < sum(map(len, rows(500))) / 500 < 1_600
