# SPDX-License-Identifier: Apache-2.0
"""A request's way through Iterable: steps in order, the first that answers ends it. Knows no step from within.

What a step refuses has no effect at all: only the last one changes the project.
"""

from collections.abc import Callable, Mapping

from pipeline.sandbox.iterable import reads
from pipeline.sandbox.iterable.admission import check_key, check_size, take_token
from pipeline.sandbox.iterable.bodies import check_ids, check_item_count, check_object, check_shapes
from pipeline.sandbox.iterable.bulk import bulk_update, track_bulk
from pipeline.sandbox.iterable.commerce import track_purchase, update_cart
from pipeline.sandbox.iterable.deletions import delete, forget, unforget
from pipeline.sandbox.iterable.fields import check_field_limit, check_types
from pipeline.sandbox.iterable.identities import merge, update_email
from pipeline.sandbox.iterable.lists import subscribe, unsubscribe
from pipeline.sandbox.iterable.poison import check_poison
from pipeline.sandbox.iterable.responses import Response
from pipeline.sandbox.iterable.simulation import ReadCall, Simulation, WriteCall
from pipeline.sandbox.iterable.single import track, update
from pipeline.sandbox.iterable.subscriptions import bulk_update_subscriptions, update_subscriptions
from pipeline.sandbox.iterable.tokens import register_browser_token, register_device_token

READS: Mapping[str, Callable[[Simulation, ReadCall], Response]] = {
    "getByEmail": reads.get_by_email,
    "getByUserId": reads.get_by_user_id,
    "getFields": reads.get_fields,
    "getEvents": reads.get_events,
}
WRITES: Mapping[str, Callable[[Simulation, WriteCall], Response]] = {
    "bulkUpdate": bulk_update,
    "update": update,
    "trackBulk": track_bulk,
    "track": track,
    "trackPurchase": track_purchase,
    "updateCart": update_cart,
    "updateSubscriptions": update_subscriptions,
    "bulkUpdateSubscriptions": bulk_update_subscriptions,
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "registerDeviceToken": register_device_token,
    "registerBrowserToken": register_browser_token,
    "updateEmail": update_email,
    "merge": merge,
    "forget": forget,
    "unforget": unforget,
    "deleteByEmail": delete,
    "deleteByUserId": delete,
}


def answer_read(simulation: Simulation, call: ReadCall) -> Response:
    """The two steps every request takes, then the read."""
    read = READS[call.endpoint.name]
    return check_key(simulation, call) or take_token(simulation, call) or read(simulation, call)


def answer_write(simulation: Simulation, call: WriteCall) -> Response:
    """In the order of Iterable: what is wrong in two ways is answered for the first."""
    write = WRITES[call.endpoint.name]
    return (
        check_key(simulation, call)
        or take_token(simulation, call)
        or check_size(simulation, call)
        or check_object(simulation, call)
        or check_item_count(simulation, call)
        or check_shapes(simulation, call)
        or check_poison(simulation, call)
        or check_ids(simulation, call)
        or check_types(simulation, call)
        or check_field_limit(simulation, call)
        or write(simulation, call)
    )
