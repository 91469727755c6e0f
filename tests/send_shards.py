# SPDX-License-Identifier: Apache-2.0
"""Some shards of a streaming job in a process of their own, as a worker holds them: `send_shards.py URL START SHARD…`.

Every shard has its backlog from the start, begins at START (Unix seconds) and prints the ids of what is delivered.
"""

import sys
import threading
import time
from typing import Any

import orjson

from transforms.delivery.coalescing import SentValues
from transforms.delivery.resources import in_turn, shard_driver
from transforms.delivery.scheduler import Scheduler
from transforms.delivery.settings import DeliveryRules, SenderSettings
from transforms.iterable.operations import configured
from transforms.model.items import TRACK, USER, Item, Message
from transforms.model.outcomes import DELIVERED
from transforms.shards import STREAMING_SHARDS

REQUESTS = {USER: 5, TRACK: 10}  # of each shard
MAX_ITEMS = 3


def _items(shard: int) -> list[Item]:
    users = [f"{shard}-user-{number}" for number in range(REQUESTS[USER] * MAX_ITEMS)]
    events = [f"{shard}-event-{number}" for number in range(REQUESTS[TRACK] * MAX_ITEMS)]
    return [
        *(_item(USER, user_id, user_id, "", {"dataFields": {}}) for user_id in users),
        *(_item(TRACK, event_id, "reader", "Opened", {"eventName": "Opened", "id": event_id}) for event_id in events),
    ]


def _item(part: str, message_id: str, user_id: str, event_name: str, body: dict[str, Any]) -> Item:
    encoded = orjson.dumps({"userId": user_id, **body})
    return Item(Message(b"", {}, message_id, 0.0), part, f"userId:{user_id}", "", user_id, event_name, 0.0, encoded)


def _send(settings: SenderSettings, shard: int) -> None:
    scheduler = Scheduler(settings.rules, SentValues())
    for item in _items(shard):
        scheduler.add(item, time.time())
    driver = shard_driver(settings, shard, STREAMING_SHARDS, in_turn())
    outcomes = driver.run(scheduler, flush=True)
    delivered = [outcome.message.message_id for outcome in outcomes if outcome.kind == DELIVERED]
    sys.stdout.write(" ".join(delivered) + "\n")  # at once: another thread writes, too


def main() -> None:
    url, start, *shards = sys.argv[1:]
    settings = SenderSettings(
        url, "env:A_KEY", DeliveryRules(configured(max_items=MAX_ITEMS), first_backoff_seconds=0.5)
    )
    threads = [threading.Thread(target=_send, args=(settings, int(shard))) for shard in shards]
    time.sleep(max(0.0, float(start) - time.time()))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
