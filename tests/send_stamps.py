# SPDX-License-Identifier: Apache-2.0
"""Items of a third operation through the sender of a bounded run: `send_stamps.py CONFIG URL`, where it has its row.

Prints the summary, and what became of each stamp.
"""

import sys

import apache_beam as beam
import orjson
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from pipeline.config.loader import load_config
from pipeline.config.to_rules import sender_settings_of
from pipeline.reports.summary import summarize
from pipeline.reports.tally import Tally
from transforms.chunk_io import Chunk, ChunkSlot, CollectOutcomes
from transforms.elements import Records
from transforms.model.items import USER, Item, Message
from transforms.send_bounded import SendBounded


def _item(part: str, number: str, user_id: str) -> Item:
    body = orjson.dumps({"id": number, "userId": user_id, "dataFields": {}})
    return Item(Message(b"{}", {}, number, 0.0), part, f"userId:{user_id}", "", user_id, "", 0.0, body)


def main() -> None:
    config, url = sys.argv[1:]
    settings = sender_settings_of(load_config(config).config, url)
    users = Records([_item(USER, "user", "ada")])
    stamps = Records([_item("stamp", name, "ada") for name in ("first", "bad", "last")])
    slot = ChunkSlot()
    with slot.holding(Chunk([])) as chunk:
        pipeline = beam.Pipeline(runner=FnApiRunner())
        made = (users, Records(), stamps)
        lists = [pipeline | str(number) >> beam.Create([each]) for number, each in enumerate(made)]  # type: ignore[no-untyped-call] # Beam's
        _ = (tuple(lists) | SendBounded(settings, slot),) | CollectOutcomes(slot)
        pipeline.run().wait_until_finish()  # type: ignore[no-untyped-call] # Beam's
    tally = Tally()
    tally.read = len(chunk.outcomes)
    tally.add(chunk.outcomes)
    fates = (f"{outcome.message.message_id} {outcome.kind} {outcome.reason}" for outcome in chunk.outcomes)
    sys.stdout.write("\n".join((summarize(tally), *fates)))


if __name__ == "__main__":
    main()
