# SPDX-License-Identifier: Apache-2.0
from collections import Counter

from pipeline.sandbox.oracle.expected import Expected
from tests.sandbox.traffic.reading import Row, is_identify, seconds


def test_a_row_fits_on_a_line(traffic: tuple[list[bytes], Expected]) -> None:
    """No data hold a newline, and none are empty."""
    assert not [data for data in traffic[0] if b"\n" in data or not data.strip()]


def test_a_row_of_amplitude_has_all_its_keys(rows: list[Row]) -> None:
    """Every row that Amplitude stamped holds 55 keys, but for the ones spoiled on purpose."""
    sizes = Counter(len(row) for row in rows if "uuid" in row)

    assert set(sizes) == {55, 54, 53}
    assert sizes[55] > 100 * (sizes[53] + sizes[54])


def test_identifies_come_in_all_shapes(rows: list[Row]) -> None:
    """A row, a raw one and one without an event type; with operators or flat; with and without a time."""
    shapes = {
        (
            "row" if "uuid" in row else row.get("event_type", "bare"),
            "operators" if any(key.startswith("$") for key in row["user_properties"]) else "flat",
            "untimed" if seconds(row) is None else "timed",
        )
        for row in rows
        if is_identify(row)
    }
    raw = {("$identify", form, time) for form in ("operators", "flat") for time in ("timed", "untimed")}

    assert (
        raw
        | {
            ("row", "operators", "timed"),
            ("row", "flat", "timed"),
            ("bare", "flat", "timed"),
            ("bare", "flat", "untimed"),
        }
        == shapes
    )


def test_all_of_amplitudes_operators_are_used(rows: list[Row]) -> None:
    """Those that can be sent and those that cannot."""
    used = {key for row in rows if is_identify(row) for key in row["user_properties"] if key.startswith("$")}

    assert used == set(
        "$clearAll $unset $set $setOnce $add $append $prepend $preInsert $postInsert $remove".split()  # noqa: SIM905
    )


def test_reserved_events_have_the_names_that_exports_hold(rows: list[Row]) -> None:
    """And those of Amplitude's screen."""
    types = {row.get("event_type") for row in rows}

    assert {"session_start", "session_end", "revenue_amount", "[Amplitude] Start Session"} <= types


def test_who_has_no_user_id_may_have_an_empty_one(rows: list[Row]) -> None:
    """Some senders write "" where others write null."""
    assert {"", None} < {row.get("user_id") for row in rows}
