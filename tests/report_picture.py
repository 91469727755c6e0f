# SPDX-License-Identifier: Apache-2.0
"""A made-up day as run records tell it, and a picture of its page. Knows no test.

`python -m tests.report_picture` draws it anew.
"""

import math
from collections import Counter
from pathlib import Path

from pipeline.records.activity import Outage
from pipeline.records.counts import Counts, OutcomeKey
from pipeline.records.lines import End, Record, Slice
from pipeline.records.report import HOUR, Report, Window, make_report
from pipeline.reports.report_html import to_html

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "report.svg"
WIDTH, HEIGHT = 860, 1000
DAY = 24 * HOUR
MIDNIGHT = 1_767_744_000.0  # 2026-01-07, UTC
ROWS = [  # kind, part, event, reason, share of an hour's items
    ("delivered", "track", "Order Completed", "", 0.18),
    ("delivered", "track", "Song Played", "", 0.17),
    ("delivered", "user", "$identify", "", 0.14),
    ("delivered", "track", "[Amplitude] Page Viewed", "", 0.07),
    ("dropped", "track", "session_start", "event_not_selected", 0.11),
    ("dropped", "track", "Search", "event_not_selected", 0.09),
    ("dropped", "track", "Song Played", "no_identity", 0.13),
    ("dropped", "track", "Order Completed", "where_not_met", 0.08),
    ("dropped", "user", "$identify", "nothing_to_send", 0.02),
    ("dead_lettered", "track", "Order Completed", "field_type_mismatch", 0.006),
    ("dead_lettered", "user", "$identify", "invalid_email", 0.004),
]
START = {
    "run": "20260107-000000-aaaa",
    "sync": "Shop EU",
    "kind": "stay",
    "source": ["projects/shop/subscriptions/amplitude"],
    "host": "api.eu.iterable.com",
    "config": "shop.yaml",
    "config_lines": {"rows": [["Order Completed", "purchase", 16]], "mappings": 30, "send_events.events": 12},
    "dead_letters": "topic:projects/shop/topics/amplitude-dead",
}


def a_day() -> Report:
    """And the day before; at noon Iterable was away for a while."""
    hours = [Slice(MIDNIGHT - DAY + hour * HOUR, _hour(hour, 0.9)) for hour in range(24)]
    hours += [Slice(MIDNIGHT + hour * HOUR, _hour(hour, 1.0, is_slow=hour == 12)) for hour in range(24)]
    asked = Counts(requests=_requests())
    for operation, fullness in (("track_bulk", 640), ("bulk_update", 350)):
        asked.fullness[operation] = fullness * asked.requests[operation, 200]
        asked.request_seconds[operation].add(0.31)
    record = Record({**START, "at": MIDNIGHT - DAY}, hours, [Slice(MIDNIGHT, asked)])
    record.outages = [Outage(MIDNIGHT + 12 * HOUR + 300, MIDNIGHT + 12 * HOUR + 1800, 503)]
    record.end = End(MIDNIGHT + DAY, "stopped", 0, 0)
    return make_report([record], Window(MIDNIGHT, MIDNIGHT + DAY, "Wed 07 Jan 2026"))


def _hour(hour: int, size: float, is_slow: bool = False) -> Counts:
    items = size * (4_000 + 3_000 * math.sin((hour - 8) / 24 * 2 * math.pi))
    counts = Counts()
    for kind, part, event, reason, share in ROWS:
        counts.outcomes[OutcomeKey(kind, part, event, reason)] = round(items * share)
    counts.details["created_field"].update({"coupon": 1, "delivery_window": 1})
    counts.read = counts.settled
    for number in range(100):
        counts.latency["track"].add((40.0 if is_slow else 0.4) * 1.02**number)
    return counts


def _requests() -> Counter[tuple[str, int]]:
    return Counter(
        {("track_bulk", 200): 559, ("track_bulk", 429): 6, ("track_bulk", 503): 28, ("bulk_update", 200): 289}
    )


def draw(page: str) -> str:
    """The page as far as its second picture, as an image that needs nothing else either."""
    first, _, _ = page.partition('aria-labelledby="latency')
    style = page[page.index("<style>") : page.index("</style>")]
    body = first[first.index("<body>") + len("<body>") : first.rindex("<figure>")]
    body = body.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">
{style}</style>
<foreignObject width="{WIDTH}" height="{HEIGHT}">
<body xmlns="http://www.w3.org/1999/xhtml">{body}</main></body>
</foreignObject>
</svg>
"""


if __name__ == "__main__":
    PICTURE.write_text(draw(to_html(a_day())), encoding="utf-8")
