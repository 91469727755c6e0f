# SPDX-License-Identifier: Apache-2.0
"""Track events, and what Iterable is to get of them under configs/demo.yaml. Knows no user and no time."""

from random import Random
from typing import Any, NamedTuple

CURRENCIES = ("EUR", "USD", "JPY", None)
_SONGS = ("Blue in Green", "Für Elise", "99 Luftballons", "夜に駆ける", 'The "Fly"', "a" * 1000, None)
_UNLISTED_EVENTS = (
    "Screen: Onboarding",
    "segment.nav.splits.click",
    "Very long name " * 16,
)
# By the names that exports hold, as far as these are known, and by those on Amplitude's screen.
_RESERVED_EVENTS = (
    "session_start",
    "session_end",
    "revenue_amount",
    "[Amplitude] Start Session",
    "[Amplitude] End Session",
    "[Amplitude] Revenue",
    "[Amplitude] Revenue (Verified)",
    "[Amplitude] Revenue (Unverified)",
    "[Amplitude] Merged User",
)


class Track(NamedTuple):
    """What happened, and how Iterable is to hear of it."""

    event_type: str
    event_properties: dict[str, Any]
    event_name: str  # as Iterable is to know it
    data_fields: dict[str, Any]  # from the event's own properties
    dropped: str = ""  # the rule that keeps it from Iterable, whoever the user is


def draw_order(rng: Random) -> Track:
    """An order; the sync wants those of 10 and more."""
    properties: dict[str, Any] = {
        "Drop Type": "Sale",
        "items": [{"sku": f"sku-{rng.randrange(100)}", "quantity": rng.randrange(1, 5)}],
        "ad_metrics.cost": round(rng.uniform(0, 2), 4),
    }
    if rng.random() < 0.2:
        too_small = rng.choice([9.99, 0, -25.5, None])
        return Track("Order Completed", {**properties, "total": too_small}, "purchase", {}, "where_not_met")
    if rng.random() < 0.05:
        return Track("Order Completed", properties, "purchase", {}, "where_not_met")
    total = rng.choice([10, rng.randrange(10, 500), round(rng.uniform(10, 500), 2)])
    currency = rng.choice(CURRENCIES)
    return Track(
        "Order Completed",
        {**properties, "total": total, "currency": currency},
        "purchase",
        {"total": float(total), "currency": currency},
    )


def draw_song(rng: Random) -> Track:
    """A song played, which is always wanted."""
    song = rng.choice(_SONGS)
    properties: dict[str, Any] = {
        "Song Name": song,
        "Genre": "jazz",
        "seconds": rng.randrange(400),
        "liked": rng.random() < 0.5,
    }
    fields: dict[str, Any] = {"song": song}
    if rng.random() < 0.1:  # a listed property on an event where nobody expects it
        total = rng.choice([3, 0.5, None])
        properties["total"] = total
        fields["total"] = total if total is None else float(total)
    return Track("Song Played", properties, "Song Played", fields)


def draw_page(rng: Random) -> Track:
    """A page viewed: wanted, with none of its properties."""
    properties = {"[Amplitude] Page URL": f"https://example.com/{rng.randrange(50)}", "[Amplitude] Page Counter": 1}
    return Track("[Amplitude] Page Viewed", properties, "[Amplitude] Page Viewed", {})


def draw_unlisted(rng: Random) -> Track:
    """An event no row of the sync selects."""
    properties = {"total": 20, "$revenue": -9.5}
    return Track(rng.choice(_UNLISTED_EVENTS), properties, "", {}, "event_not_selected")


def draw_reserved(rng: Random) -> Track:
    """One of the events Amplitude makes itself."""
    return Track(rng.choice(_RESERVED_EVENTS), {}, "", {}, "reserved_event")
