# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.sandbox.iterable.chaos_settings import ChaosSettings
from pipeline.sandbox.oracle.differences import differences
from pipeline.sandbox.oracle.expected import Expected
from pipeline.sandbox.oracle.under_chaos import ExpectedUnderChaos
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.messages import event_id_of
from pipeline.sandbox.traffic.settings import TrafficSettings
from tests.sandbox.iterable.project import Project
from tests.sandbox.traffic.reading import readable

OPERATIONS = {
    "purchases": 0.08,
    "carts": 0.08,
    "subscription_changes": 0.05,
    "list_joins": 0.05,
    "merges": 0.04,
    "deletions": 0.04,
    "messages": 800,
    "users": 40,
}
PARTS = {
    "Checkout Paid": "purchase",
    "Cart Changed": "cart",
    "Preferences Saved": "update_subscriptions",
    "List Joined": "list_subscribe",
    "Email Changed": "update_email",
    "Accounts Linked": "merge_users",
    "Account Closed": "delete_user",
}


def traffic_of(project_type: str, expected: Expected | None = None, seed: int = 1) -> Traffic:
    """Nothing of a user's in another order than it happened."""
    by_email: dict[str, Any] = {"leads": 1.0, "email_changes": 0.05} if project_type == "email" else {}
    return Traffic(TrafficSettings(seed=seed, overtaken_identifies=0, duplicates=0, **OPERATIONS, **by_email), expected)  # type: ignore[arg-type]


class Sending(Expected):
    """Sends what it is told, as it is told: the simplest sync there is."""

    def __init__(self, project: Project) -> None:
        super().__init__()
        self.project = project
        self.refused: list[Any] = []

    def update_user(self, identity: str, fields: Mapping[str, Any], time: int) -> None:
        super().update_user(identity, fields, time)
        self.send("users/update", ids(identity) | {"dataFields": fields})

    def track(self, event_id: str, event: dict[str, Any]) -> None:
        super().track(event_id, event)
        self.project.post("events/track", event | {"id": event_id})

    def purchase(self, purchase_id: str, purchase: dict[str, Any]) -> None:
        super().purchase(purchase_id, purchase)
        record = {name: value for name, value in purchase.items() if name not in ("userId", "email")}
        user = {name: purchase[name] for name in ("userId", "email") if name in purchase}
        self.send("commerce/trackPurchase", {**record, "user": user, "id": purchase_id})

    def update_cart(self, identity: str, items: list[Any]) -> None:
        super().update_cart(identity, items)
        self.send("commerce/updateCart", {"user": ids(identity), "items": items})

    def update_subscriptions(self, identity: str, fields: Mapping[str, list[int]]) -> None:
        super().update_subscriptions(identity, fields)
        self.send("users/updateSubscriptions", {**ids(identity), **fields})

    def join_list(self, identity: str, list_id: int) -> None:
        super().join_list(identity, list_id)
        self.send("lists/subscribe", {"listId": list_id, "subscribers": [ids(identity)]})

    def change_email(self, identity: str, email: str) -> None:
        super().change_email(identity, email)
        self.send("users/updateEmail", {"currentEmail": ids(identity)["email"], "newEmail": email})

    def merge(self, source: str, identity: str) -> None:
        super().merge(source, identity)
        named = {"source": ids(source), "destination": ids(identity)}
        body = {f"{who}{kind[0].upper()}{kind[1:]}": name for who, of in named.items() for kind, name in of.items()}
        self.send("users/merge", body)

    def delete(self, identity: str) -> None:
        super().delete(identity)
        kind, _, name = identity.partition(":")
        status, answer = self.project.delete(f"users/byUserId/{name}" if kind == "userId" else f"users/{name}")
        self.refused += [answer] if status != 200 else []

    def send(self, path: str, body: Any) -> None:
        status, answer = self.project.post(path, body)
        self.refused += [answer] if status != 200 else []


def ids(identity: str) -> dict[str, str]:
    kind, _, name = identity.partition(":")
    return {kind: name}


@pytest.mark.parametrize("project_type", ["hybrid", "email"])
def test_iterable_comes_to_what_is_noted(project_type: str) -> None:
    """Sent one after the other, all of it is taken, and the oracle and Iterable agree on what that makes."""
    sending = Sending(Project(project_type=project_type, track_unknown_user="create", infer_dates=False))
    for _ in traffic_of(project_type, sending):
        pass

    assert sending.refused == []
    assert differences(sending, sending.project.dump()) == []
    assert len(sending.deleted) > 10


@pytest.mark.parametrize("project_type", ["hybrid", "email"])
def test_rows_say_what_is_noted(project_type: str) -> None:
    """As many as there are calls; of purchases, the lines; nobody comes again who was deleted."""
    traffic = traffic_of(project_type)
    rows = list(readable([data for data, _ in traffic]))
    expected = traffic.expected
    made = Counter(PARTS[row["event_type"]] for row in rows if row.get("event_type") in PARTS)
    delivered = {part: expected.outcomes["delivered", part, ""] for part in made}
    last = {whose(row): row for row in rows}
    closed = [row for row in rows if row.get("event_type") == "Account Closed"]

    assert made == delivered
    assert made.keys() == set(PARTS.values()) - ({"update_email"} if project_type == "hybrid" else set())
    assert expected.messages == traffic.settings.messages
    malformed = {reason for _, _, reason in expected.outcomes if reason.startswith("invalid_")}
    assert malformed == {"invalid_email"} | ({"invalid_user_id"} if project_type == "hybrid" else set())
    assert all(last[whose(row)] is row for row in closed)
    for row in rows:
        if row.get("event_type") == "Checkout Paid" and (purchase := expected.purchases.get(event_id_of(row))):
            lines = row["event_properties"]["lines"]
            assert [item["id"] for item in purchase["items"]] == [line["product_id"] for line in lines]
            assert purchase["total"] == row["event_properties"]["order_total"]


def whose(row: dict[str, Any]) -> str:
    properties = row.get("user_properties") or {}
    email = properties.get("email") or properties.get("$set", {}).get("email") or ""
    return str(row.get("user_id") or email.lower())


def test_email_changes_are_of_leads() -> None:
    """Other users have no need of them."""
    with pytest.raises(ValueError, match="leads must be 1"):
        TrafficSettings(email_changes=0.1)


def test_operations_under_chaos() -> None:
    """Each message is delivered, dropped, or dead-lettered once; who is refused is no one in Iterable."""
    chaos = ChaosSettings(seed=1, refused_users=0.2, poison_users=0.1, poison_events=0.05)
    expected = ExpectedUnderChaos(chaos)
    traffic = traffic_of("email", expected)
    for _ in traffic:
        pass

    parts = {part for part, _ in expected.dead_letters.values()}
    assert parts >= set(PARTS.values()) - {"merge_users"}  # of two who are there
    assert max(expected.dead_letters) <= expected.messages == traffic.settings.messages
    kinds = Counter(kind for kind, _, _ in expected.outcomes.elements())
    assert kinds["dead_lettered"] == len(expected.dead_letters)
