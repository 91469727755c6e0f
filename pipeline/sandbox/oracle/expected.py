# SPDX-License-Identifier: Apache-2.0
"""What Iterable must hold in the end, and how every item must be counted. Knows no pipeline and no Amplitude."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, TypedDict

# What Iterable manages of a user, by the names of the profile's fields; lists have two.
CART = "shoppingCartItems"
LISTS = "lists"


class Profile(TypedDict):
    """A user in Iterable."""

    email: str | None
    userId: str | None
    dataFields: dict[str, Any]


class Expected:
    """What the traffic so far must come to, noted by whoever makes it.

    `users` by identity ("userId:42", "email:ada@example.com"), `events` and `purchases` by id, `outcomes` by (kind,
    part, reason). `managed`: of a user, by name, every value in turn that Iterable was to hold of what it manages.
    """

    def __init__(self) -> None:
        self.users: dict[str, Profile] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.purchases: dict[str, dict[str, Any]] = {}
        self.managed: defaultdict[str, dict[str, list[Any]]] = defaultdict(dict)
        self.deleted: set[str] = set()
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        self._set_at: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._events_of: defaultdict[str, set[str]] = defaultdict(set)
        self._purchases_of: defaultdict[str, set[str]] = defaultdict(set)

    @property
    def messages(self) -> int:
        """How many were published."""
        return self.outcomes.total()

    def update_user(self, identity: str, fields: Mapping[str, Any], time: int) -> None:
        """One user update is delivered. Of two values of a field the one of the later `time` stays; None removes it."""
        self.outcomes["delivered", "user", ""] += 1
        kind, _, name = identity.partition(":")
        by_email = kind == "email"
        new = Profile(email=name if by_email else None, userId=None if by_email else name, dataFields={})
        profile = self.users.setdefault(identity, new)
        set_at = self._set_at[identity]
        for field, value in fields.items():
            if time < set_at.get(field, time):
                continue
            set_at[field] = time
            if field == "email":
                profile["email"] = value
            elif value is None:
                profile["dataFields"].pop(field, None)
            else:
                profile["dataFields"][field] = value

    def track(self, event_id: str, event: dict[str, Any]) -> None:
        """One track event is delivered. However many copies are, Iterable holds one."""
        self.outcomes["delivered", "track", ""] += 1
        self.events[event_id] = event
        self._events_of[identity_in(event)].add(event_id)

    def purchase(self, purchase_id: str, purchase: dict[str, Any]) -> None:
        """One purchase is delivered. It empties the cart of its user."""
        self.outcomes["delivered", "purchase", ""] += 1
        self.purchases[purchase_id] = purchase
        identity = identity_in(purchase)
        self._purchases_of[identity].add(purchase_id)
        self._hold(identity, CART, None)

    def update_cart(self, identity: str, items: list[Any]) -> None:
        self.outcomes["delivered", "cart", ""] += 1
        self._hold(identity, CART, items)

    def update_subscriptions(self, identity: str, fields: Mapping[str, list[int]]) -> None:
        self._call("update_subscriptions")
        for name, value in fields.items():
            self._hold(identity, name, value)

    def join_list(self, identity: str, list_id: int) -> None:
        """Whoever joins twice, or after another list, is in both once: the order is no matter."""
        self._call("list_subscribe")
        self.managed[identity][LISTS] = [sorted({list_id, *self.managed[identity].get(LISTS, [[]])[-1]})]

    def change_email(self, identity: str, email: str) -> None:
        """All that is the user's is another identity's: nothing of it passes this, or is passed by it."""
        self._call("update_email")
        new = f"email:{email.lower()}"
        profile = self.users.pop(identity)
        profile["email"] = email.lower()
        self.users[new] = profile
        self.managed[new] = self.managed.pop(identity, {})
        self._set_at[new] = self._set_at.pop(identity, {})
        for owned in (self._events_of, self._purchases_of):
            owned[new] = owned.pop(identity, set())

    def merge(self, source: str, identity: str) -> None:
        """All that is the source's is the other's, who keeps what both have."""
        self._call("merge_users")
        profile, fields = self.users[identity], self.users.pop(source)["dataFields"]
        profile["dataFields"] = {**fields, **profile["dataFields"]}
        held = self.managed[identity]
        for name, values in self.managed.pop(source, {}).items():
            own = held.get(name, [None])
            held[name] = own if own[-1] is not None else own + values
        self._set_at.pop(source, None)
        for owned in (self._events_of, self._purchases_of):
            owned[identity] |= owned.pop(source, set())

    def delete(self, identity: str) -> None:
        """All that is the user's is gone, and nothing of it comes after."""
        self._call("delete_user")
        self.deleted.add(identity)
        self.users.pop(identity, None)
        self.managed.pop(identity, None)
        self._set_at.pop(identity, None)
        for event_id in self._events_of.pop(identity, ()):
            del self.events[event_id]
        for purchase_id in self._purchases_of.pop(identity, ()):
            del self.purchases[purchase_id]

    def drop(self, part: str, reason: str) -> None:
        self.outcomes["dropped", part, reason] += 1

    def dead_letter(self, part: str, reason: str) -> None:
        self.outcomes["dead_lettered", part, reason] += 1

    def _call(self, part: str) -> None:
        """Its event is none that the sync sends: the call is all that the message makes."""
        self.outcomes["delivered", part, ""] += 1

    def _hold(self, identity: str, name: str, value: Any) -> None:
        self.managed[identity].setdefault(name, []).append(value)


def identity_in(record: Mapping[str, Any]) -> str:
    """Of an event or a purchase."""
    return f"userId:{record['userId']}" if "userId" in record else f"email:{record['email']}"
