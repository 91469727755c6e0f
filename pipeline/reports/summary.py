# SPDX-License-Identifier: Apache-2.0
"""A run's tally as a person reads it, under Amplitude's own metric names. Knows no Beam.

Names: Amplitude's Event Streaming Metrics Summary API. Filtered events, which it does not publish, are `dropped`.
"""

from collections import Counter
from collections.abc import Iterator
from http.client import OK

from pipeline.reports.redaction import redact_name
from pipeline.reports.tally import Tally
from transforms.iterable.operations import of_which_there_is
from transforms.model import reasons
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, NOTED, SPLIT

_SHOWN = 8


def summarize(tally: Tally, comes_again: str = "") -> str:
    """Several lines; the first block is promise 1's sum. `comes_again`: how what is in flight does."""
    return "\n".join(_lines(tally, comes_again))


def _lines(tally: Tally, comes_again: str) -> Iterator[str]:
    delivered, dropped, dead = map(tally.total, (DELIVERED, DROPPED, DEAD_LETTERED))
    expired = tally.by_reason(DEAD_LETTERED)[reasons.EXPIRED.code]
    rate, latency = tally.delivery_rate, tally.p95_latency
    parts = tally.delivered_by_part
    of_each = ", ".join(each.counted(parts[each.part]) for each in of_which_there_is(parts))

    yield f"Messages read        {tally.read:>9,}   that make {items_of(tally.items)} ({tally.total(SPLIT):,} split)"
    yield f"Delivered            {delivered:>9,}   {of_each}"
    yield f"Dropped              {dropped:>9,}   filtered by the config"
    yield f"Not delivered        {dead:>9,}   dead-lettered: {expired:,} expired, {dead - expired:,} discarded"
    if tally.in_flight:
        yield f"In flight            {tally.in_flight:>9,}   not settled: {comes_again}"
    if tally.taken_unsettled:
        yield f"  of these sent      {tally.taken_unsettled:>9,}   Iterable took them: sent again, each is still one"
    yield _sum_line(tally, delivered, dropped, dead)
    yield ""
    yield f"Delivery rate        {'–' if rate is None else f'{rate:.2%}':>9}"
    p95 = "–" if latency is None else f"{latency:.2f} s"
    yield f"p95 latency          {p95:>9}   from publishing (of a file: from reading) to the answer"
    yield f"On first attempt     {tally.first_attempt:>9,}"
    yield f"After retry          {tally.after_retry:>9,}"
    if tally.requests:
        yield f"Requests             {tally.requests.total():>9,}   {_requests(tally)}"
    for title, kind in (("Dropped by rule", DROPPED), ("Dead-lettered by reason", DEAD_LETTERED), ("Noted", NOTED)):
        counts = tally.by_reason(kind)
        if counts:
            yield ""
            yield title
            for reason, count in counts.most_common():
                yield f"  {reason:<28} {count:>9,}{_details(tally, reason)}"


def items_of(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items"


def _requests(tally: Tally) -> str:
    """How many of each operation, and the answers that are no 200."""
    operations: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for (operation, status), count in list(tally.requests.items()):  # late answers may still come
        operations[operation] += count
        if status != OK:
            others[f"HTTP {status}" if status else "no answer"] += count
    parts = (f"{count:,} {name}" for name, count in sorted(operations.items()))
    answers = (f"{count:,} {name}" for name, count in sorted(others.items()))
    return "; ".join(filter(None, (", ".join(parts), ", ".join(answers))))


def _sum_line(tally: Tally, delivered: int, dropped: int, dead: int) -> str:
    waiting = f" + {tally.in_flight:,}" if tally.in_flight else ""
    terms = f"{delivered:,} + {dropped:,} + {dead:,}{waiting}"
    return (
        f"It adds up           {tally.items:>9,} = {terms}"
        if tally.adds_up
        else (f"IT DOES NOT ADD UP   {tally.items:>9,} ≠ {terms}")
    )


def _details(tally: Tally, reason: str) -> str:
    names = tally.details.get(reason)
    if not names:
        return ""
    shown = ", ".join(
        f"{redact_name(name)}{f' ({count:,})' if count > 1 else ''}" for name, count in names.most_common(_SHOWN)
    )
    at_least = "at least " if names.others else ""
    more = f" and {at_least}{len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"   {shown}{more}"
