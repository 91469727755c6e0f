# SPDX-License-Identifier: Apache-2.0
"""A profile and a proposal in a few lines for a person, within 80 columns. Knows no YAML."""

from collections.abc import Iterator, Sequence

from pipeline.authoring.proposal import Candidate, Proposal
from pipeline.preview.layout import fit, share, wrap
from pipeline.preview.profile import Profile
from pipeline.preview.profile_text import day
from pipeline.reports.redaction import redact_name

NAME_WIDTH = 20


def told_source(profile: Profile) -> str:
    """`14 rows of 2026-01-05`."""
    first, last = day(profile.first)[:10], day(profile.last)[:10]
    days = first if first == last else f"{first} to {last}"
    return f"{_number(profile.rows, 'row')}{f' of {days}' if profile.first is not None else ''}"


def told_identities(profile: Profile) -> str:
    total = profile.identities
    ids = f"{share(total.with_user_id, total.rows)} have a user id, {share(total.with_email, total.rows)} an email"
    return f"Of {_number(total.rows, 'event')} {ids}."


def describe(proposal: Proposal, path: str) -> Iterator[str]:
    """What the file at `path` says."""
    events, others = _divided(proposal.events)
    properties, more = _divided([*proposal.event_properties, *proposal.user_properties])
    told = f"Wrote {path}: {_number(events, 'event')} and {_number(properties, 'property')} are on"
    yield from wrap(f"{told}, {_number(others, 'event')} and {_number(more, 'property')} are comments.")
    if proposal.converted:
        yield "Types, where the data needs one:"
    for one in proposal.converted:
        name = fit(redact_name(one.name), NAME_WIDTH)
        yield from wrap(f"{one.type}: {one.why}", " " * (NAME_WIDTH + 3), f"  {name:<{NAME_WIDTH}}")


def _divided(candidates: Sequence[Candidate]) -> tuple[int, int]:
    """How many are on, and how many are not."""
    on = sum(one.is_on for one in candidates)
    return on, len(candidates) - on


def _number(count: int, what: str) -> str:
    many = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count:,} {what if count == 1 else many}"
