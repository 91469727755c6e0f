# SPDX-License-Identifier: Apache-2.0
"""What each step takes alone, in one thread and without the collector: microseconds per event that comes to it.

Finds what full runs hide in noise. The steps are called as their DoFns call them; Beam between them is not measured.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from google.pubsub_v1 import PubsubMessage

from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.runs.streaming import read_pulled
from pipeline.sandbox.bench.configs import EVERYTHING, loaded
from pipeline.sandbox.bench.events import rows
from pipeline.sandbox.bench.figures import Figure
from pipeline.sandbox.bench.shard import HandShard
from transforms.amplitude.parse import parse_event
from transforms.delivery.resources import in_turn
from transforms.elements import Records
from transforms.mapping.apply import apply_rule
from transforms.mapping.routing import route
from transforms.mapping.track_events import filter_track, map_track
from transforms.mapping.user_updates import filter_identify, map_identify
from transforms.model.items import MESSAGE, TRACK, USER, Message
from transforms.parse import MAX_LIST
from transforms.send_streaming import MAX_STATE_BYTES, SendStreamingFn
from transforms.shards import STREAMING_SHARDS, _KeyByShardFn

EVENTS = 10_000
TIMES = 3  # the least of so many is told
MUST, AIM = 38, 30  # of the streaming steps together


def measure() -> Iterator[Figure]:
    os.environ.setdefault("ITERABLE_API_KEY", "none")
    config = loaded(EVERYTHING)
    rules = rules_of(config)
    data = list(rows(EVENTS))
    took: dict[str, float] = {}

    def step(name: str, work: Callable[[Any], Any], records: list[Any]) -> list[Any]:
        took[name], made = timed(work, records)
        return made

    messages = [Message(line, {}, str(number), 1.8e9) for number, line in enumerate(data)]
    events = step("parse", _applied(parse_event, MESSAGE, lambda message: message), messages)
    took["branch"], parts = timed(partial(_route, rules.branch), events)
    by_part = {
        kind: [event for event, part in zip(events, parts, strict=True) if part == kind] for kind in (TRACK, USER)
    }
    tracks = step("track: filter", _applied(partial(filter_track, rules.tracks), TRACK), by_part[TRACK])
    tracks = step("track: map", _applied(partial(map_track, rules.tracks), TRACK), tracks)
    users = step("identify: filter", _applied(partial(filter_identify, rules.users), USER), by_part[USER])
    users = step("identify: map", _applied(partial(map_identify, rules.users), USER), users)
    for name, micros in took.items():
        yield Figure(name, micros, "µs")
    share = len(users) / len(events)
    rules_take = took["parse"] + took["branch"]
    rules_take += (1 - share) * (took["track: filter"] + took["track: map"])
    rules_take += share * (took["identify: filter"] + took["identify: map"])
    yield Figure("parse to map, of all events", rules_take, "µs")

    protos = [PubsubMessage.serialize(PubsubMessage(data=line, message_id=str(n))) for n, line in enumerate(data)]
    step("streaming: our message", partial(read_pulled, timestamp=0.0), protos)
    took["streaming: key by shard"], keyed = timed(_key_by_shard, [tracks + users], EVENTS)
    took["streaming: into state"], _ = timed(partial(_take_in, config), keyed, EVENTS)
    streaming = [name for name in took if name.startswith("streaming")]
    for name in streaming:
        yield Figure(name, took[name], "µs")
    yield Figure("streaming, up to state", rules_take + sum(took[name] for name in streaming), "µs", MUST, AIM)


def timed(work: Callable[[Any], Any], records: list[Any], count: int = 0) -> tuple[float, list[Any]]:
    """Microseconds per record (or of `count`) at best, and what became of them."""
    least, made = float("inf"), list[Any]()
    for _ in range(TIMES):
        gc.collect()
        gc.disable()
        began = time.process_time()
        made = list(map(work, records))
        least = min(least, time.process_time() - began)
        gc.enable()
    return least / (count or len(records)) * 1e6, made


def _applied(rule: Any, part: str, message_of: Callable[[Any], Message] | None = None) -> Callable[[Any], Any]:
    outcomes: list[Any] = []

    def work(record: Any) -> Any:
        return apply_rule(rule, record, part, message_of(record) if message_of else record.message, outcomes)

    return work


def _route(rules: Any, event: Any) -> str:
    return next(iter(route(rules, event, [])))


def _key_by_shard(items: list[Any]) -> list[tuple[int, bytes]]:
    fn = _KeyByShardFn(STREAMING_SHARDS)
    lists = (items[begin : begin + MAX_LIST] for begin in range(0, len(items), MAX_LIST))
    return [pair for each in lists for pair in fn.process(Records(each))]


def _take_in(config: Any, pairs: list[tuple[int, bytes]]) -> None:
    settings = sender_settings_of(config, "http://127.0.0.1:9")
    shards = {
        shard: HandShard(SendStreamingFn(settings, in_turn, MAX_STATE_BYTES), shard)
        for shard in range(STREAMING_SHARDS)
    }
    for shard, blob in pairs:
        shards[shard].process(blob, 1.8e9)
