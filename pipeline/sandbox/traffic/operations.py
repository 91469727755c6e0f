# SPDX-License-Identifier: Apache-2.0
"""Events of which Iterable gets something else than an event: a purchase, a list to join, a deletion.

Each is published as it is drawn, later than all else of its user. Knows not when its turn is, and no config's rows.
"""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from pipeline.sandbox.oracle.expected import Expected
from pipeline.sandbox.traffic.messages import Publish, as_data, event_id_of, record_of
from pipeline.sandbox.traffic.population import User
from pipeline.sandbox.traffic.rows import Row
from pipeline.sandbox.traffic.tracks import CURRENCIES, Track
from pipeline.sandbox.traffic.user_rows import track_row

PAID, CART, PREFERENCES = "Checkout Paid", "Cart Changed", "Preferences Saved"
JOINED, EMAIL, LINKED, CLOSED = "List Joined", "Email Changed", "Accounts Linked", "Account Closed"

_GOODS = (("sku-1", "Tea", 4.5), ("sku-2", "Kettle", 39.0), ("sku-3", "抹茶", 18.25), ("sku-4", 'The "Cup"', 7.99))


class Operations:
    """Makes messages whose fate goes to `expected` whenever one is published. Times are Unix microseconds."""

    def __init__(self, rng: Random, expected: Expected) -> None:
        self._rng = rng
        self._expected = expected

    def purchase(self, user: User, time: int) -> Publish:
        """Of some lines, each an item; the total is no sum of theirs."""
        lines, items = self._draw_lines(1)
        total = self._rng.randrange(100, 50_000) / 100
        currency = self._rng.choice(CURRENCIES)
        row = self._row(user, PAID, {"lines": lines, "order_total": total, "currency": currency}, time)
        purchase = {"items": items, "total": total, **record_of(user, {"currency": currency}, time)}
        return partial(self._publish, row, partial(self._expected.purchase, event_id_of(row), purchase))

    def cart(self, user: User, time: int) -> Publish:
        """Now and then an empty one."""
        lines, items = self._draw_lines(0)
        row = self._row(user, CART, {"lines": lines}, time)
        return partial(self._publish, row, partial(self._expected.update_cart, user.identity, items))

    def subscription_change(self, user: User, time: int) -> Publish:
        """Of channels, of message types, or of both."""
        names = self._rng.choice((("channels",), ("message_types",), ("channels", "message_types")))
        muted = {name: sorted(self._rng.sample(range(1, 9), self._rng.randrange(4))) for name in names}
        row = self._row(user, PREFERENCES, {f"muted_{name}": ids for name, ids in muted.items()}, time)
        fields = {"channels": "unsubscribedChannelIds", "message_types": "unsubscribedMessageTypeIds"}
        wanted = {fields[name]: ids for name, ids in muted.items()}
        return partial(self._publish, row, partial(self._expected.update_subscriptions, user.identity, wanted))

    def list_join(self, user: User, time: int) -> Publish:
        list_id = self._rng.randint(101, 105)
        row = self._row(user, JOINED, {"list_id": list_id}, time)
        return partial(self._publish, row, partial(self._expected.join_list, user.identity, list_id))

    def email_change(self, user: User, email: str, time: int) -> Publish:
        """The row has the email that was; `user` has the new one at once."""
        row = self._row(user, EMAIL, {"new_email": email}, time)
        change = partial(self._expected.change_email, user.identity, email)
        user.email = email
        return partial(self._publish, row, change)

    def merge(self, user: User, other: User, time: int) -> Publish:
        """`other` goes into `user`."""
        name, value = ("other_user_id", other.user_id) if other.user_id else ("other_email", other.email)
        row = self._row(user, LINKED, {name: value}, time)
        return partial(self._publish, row, partial(self._expected.merge, other.identity, user.identity))

    def deletion(self, user: User, time: int) -> Publish:
        row = self._row(user, CLOSED, {"survey": "none"}, time)
        return partial(self._publish, row, partial(self._expected.delete, user.identity))

    def _draw_lines(self, least: int) -> tuple[list[Row], list[dict[str, Any]]]:
        """As the app has them, and as Iterable is to."""
        chosen = self._rng.sample(_GOODS, self._rng.randint(least, 3))
        lines = [
            {"product_id": sku, "title": name, "price": price, "quantity": self._rng.randint(1, 5), "stock": 7}
            for sku, name, price in chosen
        ]
        kept = ("price", "quantity")
        items = [
            {"id": line["product_id"], "name": line["title"], **{name: line[name] for name in kept}} for line in lines
        ]
        return lines, items

    def _row(self, user: User, event: str, properties: dict[str, Any], time: int) -> Row:
        return track_row(self._rng, user, Track(event, properties, "", {}), time)

    def _publish(self, row: Row, note: Callable[[], None], arrival: int) -> bytes:
        note()
        return as_data(self._rng, row, arrival)
