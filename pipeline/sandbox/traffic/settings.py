# SPDX-License-Identifier: Apache-2.0
"""How much traffic of what kind. Knows not how it is made."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class TrafficSettings:
    """All but the seed and the two counts are shares, 0 to 1."""

    seed: int = 1
    messages: int = 5_000
    users: int = 500
    # of the users
    leads: float = 0.2  # known by email alone
    timeless_users: float = 0.1  # their identifies carry no time
    # of the messages; the rest are track events
    identifies: float = 0.15
    group_identifies: float = 0.01
    bad_messages: float = 0.02
    malformed_identities: float = 0.01
    # of these too; configs/demo.yaml knows no such events, and none of a user's is late or comes twice
    purchases: float = 0
    carts: float = 0
    subscription_changes: float = 0
    list_joins: float = 0
    email_changes: float = 0  # of leads alone, in a project that goes by email
    merges: float = 0  # of two whom Iterable has; whoever is merged into another never comes again
    deletions: float = 0  # whoever is deleted never comes again
    # of the track events
    unlisted_events: float = 0.12
    reserved_events: float = 0.03
    anonymous: float = 0.1  # of the identifies too
    late: float = 0.05
    # of those that can be so
    duplicates: float = 0.03
    late_identifies: float = 0.3  # the user's first event comes before the identify
    overtaken_identifies: float = 0.1  # a newer one comes first
    empty_identifies: float = 0.1  # nothing in them for Iterable

    def __post_init__(self) -> None:
        if self.messages < 0 or self.users < 1:
            raise ValueError(f"messages is {self.messages}, users {self.users}; must be 0 or more, 1 or more")
        shares = {name: value for name, value in asdict(self).items() if name not in ("seed", "messages", "users")}
        if wrong := [name for name, share in shares.items() if not 0 <= share <= 1]:
            raise ValueError(f"a share must be 0 to 1: {', '.join(wrong)}")
        if self.other_messages > 1 or self.unlisted_events + self.reserved_events > 1:
            raise ValueError("the shares of messages, or of track events, come to more than 1")
        if self.email_changes and self.leads < 1:
            raise ValueError("email_changes are of leads: leads must be 1")

    @property
    def other_messages(self) -> float:
        """The share of messages that are no track events."""
        others = self.identifies + self.group_identifies + self.bad_messages + self.malformed_identities
        changes = self.subscription_changes + self.list_joins + self.email_changes + self.merges + self.deletions
        return others + self.purchases + self.carts + changes
