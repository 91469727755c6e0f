# SPDX-License-Identifier: Apache-2.0
"""A snapshot of a run as lines of a terminal, and as the one line of a log. Pure: knows no run, clock or screen."""

import math
import re
import textwrap
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus

from pipeline.reports.under_way import Named, OperationNow, Snapshot, Trouble, Waiting
from transforms.model.times import format_span

_LABEL, _BAR = 12, 20  # columns
_NARROW = 80  # less takes the columns closer together
_LATE_SECONDS = 3.0  # since the last success: less is now


def lines_of(now: Snapshot, width: int) -> list[str]:
    """For a terminal; none is wider."""
    return list(_lines(now, width))


def plain_line(now: Snapshot) -> str:
    """For a log. A chunk's outcomes come all at once: until then its requests show that it goes on."""
    requests = sum(each.per_second for each in now.operations)
    parts = [
        f"read {now.read:,}, now {_per_second(now.per_second)}",
        *(f"{name} {_total(of):,}" for name, of in _outcomes(now)),
        *_flight(now),
        "" if now.is_all_read else _waiting(now.waiting),
        _share(now),
        _barrier(now),
        f"{_plain_rate(requests)} requests/s" if now.in_flight and requests and not now.trouble else "",
        f"Iterable: {_trouble(now.trouble)}" if now.trouble else "",
    ]
    return f"{now.title}: {' · '.join(filter(None, parts))}"


def _lines(now: Snapshot, width: int) -> Iterator[str]:
    stops = "" if now.stops_in is None else f"stopping, at most {_ahead(now.stops_in)} more"
    yield _fit([now.title, *filter(None, [stops, format_span(now.seconds), now.doing])], width)
    if now.share is not None or now.is_all_read:
        yield from _progress(now, width)
    yield _row("read", now.read, [f"now {_per_second(now.per_second)}", *_flight(now)], width)
    for name, of in _outcomes(now):
        yield _row(name, _total(of), [f"{what} {count:,}" for what, count in of if count], width)
    waiting = now.waiting
    if waiting.items and not now.is_all_read:
        alone = [f"{waiting.alone:,} fail alone"] if waiting.alone else []
        yield _row("waiting", waiting.items, [_again(waiting), *_until(waiting), *alone], width)
    if barrier := _barrier(now):
        yield from _wrapped(barrier, width)
    if now.trouble:
        kept = f" {now.in_flight:,} kept, none lost." if now.in_flight else ""
        yield from _wrapped(f"Iterable ✘ {_trouble(now.trouble)}.{kept}", width)
    else:
        asked = (each for each in now.operations if each.per_second or each.taken_ago is not None)
        yield from (_operation(each, width) for each in asked)


def _outcomes(now: Snapshot) -> Sequence[tuple[str, Named]]:
    return ("delivered", now.delivered), ("dropped", now.dropped), ("dead letters", now.dead)


def _flight(now: Snapshot) -> list[str]:
    rests = [] if now.rests_for is None or now.barrier else [f"next request in {_ahead(now.rests_for)}"]
    return [f"{now.in_flight:,} in flight", *rests] if now.in_flight else []


def _barrier(now: Snapshot) -> str:
    """`an email change waits for its user, next try in 55 s`."""
    if not now.barrier or now.rests_for is None:
        return ""
    article = "an" if now.barrier[0] in "aeio" else "a"
    return f"{article} {now.barrier} waits for its user, next try in {_ahead(now.rests_for)}"


def _total(of: Named) -> int:
    return sum(count for _, count in of)


def _row(label: str, number: int | str, parts: Sequence[str], width: int) -> str:
    figure = number if isinstance(number, str) else f"{number:,}"
    start = f"  {label:<{_LABEL}}" + (f"{figure:>9}  " if width < _NARROW else f"{figure:>11}   ")
    return f"{start}{_fit(parts, width - len(start))}".rstrip()


def _fit(parts: Sequence[str], width: int) -> str:
    """As many of them as there is room for, and whether that is all."""
    shown = ""
    for number, part in enumerate(parts, 1):
        longer = f"{shown} · {part}" if shown else part
        if len(longer) + (2 if number < len(parts) else 0) > width:
            return f"{shown} …" if shown else f"{part[: max(0, width - 1)]}…"
        shown = longer
    return shown


def _wrapped(text: str, width: int) -> list[str]:
    """Without a break between a number and its unit."""
    kept = re.sub(r"(\d) (?=(s|min|h|d)\b)", "\\1\N{NO-BREAK SPACE}", text)
    lines = textwrap.wrap(kept, width, initial_indent="  ", subsequent_indent="    ")
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _progress(now: Snapshot, width: int) -> list[str]:
    if now.is_all_read:
        return _wrapped(_share(now), width)
    full = math.floor(_BAR * (now.share or 0.0))
    return [f"  {'█' * full}{'░' * (_BAR - full)}  {_share(now)}"]


def _share(now: Snapshot) -> str:
    """How far it has come: never done while something waits."""
    if now.is_all_read:
        what = _waiting(now.waiting)
        return "all read" + (f" · {what}" if what else " · the last answers are awaited" if now.in_flight else "")
    if now.share is None:
        return ""
    left = "" if now.left is None else f", about {_ahead(now.left)} left"
    return f"{min(99, math.floor(100 * now.share + 1e-9))}% settled{left}"


def _waiting(waiting: Waiting) -> str:
    """`19 events wait for their users, next try in 41 s, until 09:04 UTC`."""
    if not waiting.items:
        return ""
    users, alone = waiting.for_users, waiting.alone
    both = [
        "1 event waits for its user" if users == 1 else f"{users:,} events wait for their users" if users else "",
        "1 item fails alone" if alone == 1 else f"{alone:,} items fail alone" if alone else "",
    ]
    return ", ".join([" and ".join(filter(None, both)), _again(waiting), *_until(waiting)])


def _again(waiting: Waiting) -> str:
    return "tried now" if waiting.next_in is None else f"next try in {_ahead(waiting.next_in)}"


def _until(waiting: Waiting) -> list[str]:
    return [] if waiting.until is None else [time.strftime("until %H:%M UTC", time.gmtime(waiting.until))]


def _trouble(trouble: Trouble) -> str:
    """`HTTP 503 for 1 min 12 s, 9 tries, next in 14 s`."""
    answer = "no answer" if not trouble.answer else f"HTTP {trouble.answer}"
    if trouble.answer == HTTPStatus.TOO_MANY_REQUESTS:
        answer += " (too many requests)"
    tries = "1 try" if trouble.tries == 1 else f"{trouble.tries:,} tries"
    then = "trying now" if trouble.next_in is None else f"next in {_ahead(trouble.next_in)}"
    return f"{answer} for {format_span(trouble.seconds)}, {tries}, {then}"


def _operation(each: OperationNow, width: int) -> str:
    ago = each.taken_ago
    taken = "" if ago is None else "✔" if ago < _LATE_SECONDS else f"last taken {format_span(ago)} ago"
    share = f"{each.per_second / each.limit:.0%} of {each.limit:g} requests/s"
    return _row(each.name, f"{each.per_second:.1f}/s", [share, *filter(None, [taken])], width)


def _per_second(rate: float) -> str:
    return f"{_plain_rate(rate)}/s"


def _plain_rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 or not rate else f"{rate:.1f}"


def _ahead(seconds: float) -> str:
    """Time to come: never 0."""
    return format_span(max(1.0, math.ceil(seconds)))
