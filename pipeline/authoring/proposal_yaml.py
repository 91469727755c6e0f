# SPDX-License-Identifier: Apache-2.0
"""A proposal as a file that a person goes on with: what is on, what could be, and why. Knows no profile."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.authoring.names import objection, scalar
from pipeline.authoring.proposal import Candidate, Proposal
from pipeline.reports.redaction import redact_name

MAX_COMMENTS = 30  # of one list

_HEAD = """\
# yaml-language-server: $schema=sync.schema.json
# Proposed by a2i init from {source}. Editors check it by: a2i schema > sync.schema.json
name: {name}
status: enabled # disabled: a run says so and ends

destination:
  region: {region} # us or eu, Iterable's data centre
  # Where the server-side key is, never the key itself: env:NAME, file:PATH or secret:projects/P/secrets/S/versions/V
  api_key: {key}
  # email, user_id or hybrid, as it was chosen when the Iterable project was made.
  # {identities}
  project_type: {project_type}
"""
_USERS = """
# User updates. Lists of properties: none listed, none sent; "*" sends all.
create_and_update_users:
  enabled: {enabled}{why}
  on: [{on}] # property_changes: events that say that they changed a user property
"""
_EVENTS = """
# Track events. The first row that an event fits is taken; events without a row are not sent. A row can say more:
#   - event: Order Completed
#     as: purchase
#     where: [{{property: event_properties.total, operator: ">=", value: 10}}]
send_events:
  enabled: {enabled}{why}
"""
_MAPPINGS = """
# Where users' ids are. Without one that the project type goes by, a row is dropped as no_identity.
mappings:
  email: {email}{why}
  user_id: user_id
"""


class Unseen(NamedTuple):
    """What no row says."""

    name: str
    region: str
    key: str


def as_yaml(proposal: Proposal, unseen: Unseen, source: str, identities: str) -> str:
    """The file. `source`: what it was proposed from; `identities`: a sentence on what users are known by."""
    sends = any(one.is_on for one in proposal.events)
    updates = proposal.updates_users and (sends or any(one.is_on for one in proposal.user_properties))
    why = (
        "" if updates else " # none of these can be on" if proposal.updates_users else " # nothing here updates a user"
    )
    users = {"enabled": "true" if updates else "false", "on": ", ".join(proposal.on)}
    head = {"name": scalar(unseen.name), "region": unseen.region, "key": scalar(unseen.key)}
    lines = [
        _HEAD.format(**head, source=source, identities=identities, project_type=proposal.project_type),
        _USERS.format(**users, why=why),
        *_list("user_properties", proposal.user_properties),
        _EVENTS.format(enabled="true" if sends else "false", why="" if sends else " # none of these can be on"),
        *_list("events", proposal.events),
        *_list("event_properties", proposal.event_properties),
        _MAPPINGS.format(
            email=scalar(f"user_properties.{proposal.email or 'email'}"),
            why="" if proposal.email else " # no email address was found in these rows",
        ),
    ]
    return "".join(lines)


def _list(key: str, candidates: Sequence[Candidate]) -> Iterator[str]:
    rows = [one for one in candidates if one.is_on]
    others = [one for one in candidates if not one.is_on]
    yield f"  {key}:\n" if rows else f"  {key}: []\n"
    for one in rows:
        yield f"    - {_row(one)} # {one.why}\n"
    for one in others[:MAX_COMMENTS]:
        yield f"    # - {redact_name(one.name) if objection(one.name) else _row(one)} # {one.why}\n"
    if len(others) > MAX_COMMENTS:
        yield f"    # and {len(others) - MAX_COMMENTS:,} more, which a2i profile --all shows\n"


def _row(one: Candidate) -> str:
    if not one.type and not one.rename:
        return scalar(one.name)
    parts = (("property", one.name), ("as", one.rename), ("type", one.type))
    return f"{{{', '.join(f'{key}: {scalar(value)}' for key, value in parts if value)}}}"
