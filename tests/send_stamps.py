# SPDX-License-Identifier: Apache-2.0
"""Items of a third operation through the sender of a bounded run: `send_stamps.py CONFIG URL`, where it has its row.

Prints the summary, and what became of each stamp.
"""

import sys

import orjson

from pipeline.config.loader import load_config
from pipeline.config.to_rules import sender_settings_of
from pipeline.reports.summary import summarize
from pipeline.reports.tally import Tally
from transforms.chunk_io import Chunk
from transforms.model.items import USER, Item, Message
from transforms.send_bounded import hand_in


def _item(part: str, number: str, user_id: str) -> Item:
    body = orjson.dumps({"id": number, "userId": user_id, "dataFields": {}})
    return Item(Message(b"{}", {}, number, 0.0), part, f"userId:{user_id}", "", user_id, "", 0.0, body)


def main() -> None:
    config, url = sys.argv[1:]
    settings = sender_settings_of(load_config(config).config, url)
    users = [_item(USER, "user", "ada")]
    stamps = [_item("stamp", name, "ada") for name in ("first", "bad", "last")]
    chunk = Chunk([item.message for item in users + stamps], items=users + stamps)
    hand_in(settings, chunk)
    outcomes = chunk.done.result()
    tally = Tally()
    tally.read = len(outcomes)
    tally.add(outcomes)
    fates = (f"{outcome.message.message_id} {outcome.kind} {outcome.reason}" for outcome in outcomes)
    sys.stdout.write("\n".join((summarize(tally), *fates)))


if __name__ == "__main__":
    main()
