# SPDX-License-Identifier: Apache-2.0
"""How fast a drain empties a backlog of the emulator, beside a bare loop that pulls and acknowledges.

Iterable's documented limit of 10 requests of 1,000 events a second bounds it, too. As soon as a message is not
acknowledged, the emulator needs the longer for a pull the more there is to pull: so the loop, like a drain,
acknowledges 1,000 at a time, not each pull's hundred at once.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.pubsub_v1 import PullResponse, SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from pipeline.sandbox.bench.backlog import ALL_EVENTS, MAX_ITEMS, RATE
from pipeline.sandbox.bench.figures import Figure
from pipeline.sandbox.bench.processes import simulated_iterable
from pipeline.sandbox.pubsub.emulator import PubsubEmulator
from pipeline.sandbox.stage import Stage, set_stage
from pipeline.sandbox.traffic.generator import Traffic

MESSAGES = 100_000


def measure() -> Iterator[Figure]:
    with PubsubEmulator() as emulator, simulated_iterable(track_unknown_user="create") as iterable:
        stage = set_stage(emulator.host, iterable.url)
        _fill(stage)
        _pull_bare(stage)  # the emulator is slow at first
        _fill(stage)
        floor = MESSAGES / _pull_bare(stage)
        _fill(stage)
        drain = stage.start(*stage.drain)
        drain.communicate()
        counted = iterable.metrics("trackBulk")
    seconds = counted["last_at"] - counted["first_at"]
    # From the first request to the last, without those two halves: what was read for them.
    speed = MESSAGES * (1 - 1 / counted["requests"]) / seconds
    yield Figure("messages a second", speed)
    yield Figure("of a bare loop's", speed / floor, "%")
    yield Figure("of Iterable's limit", counted["items_accepted"] / seconds / (RATE * MAX_ITEMS), "%")
    yield Figure("Iterable's limit, of a bare loop's", RATE * MAX_ITEMS / floor, "%")
    yield Figure("answers 429", counted["by_status"].get("429", 0), must=0)
    yield Figure("exit code", drain.returncode, must=0)


def _fill(stage: Stage) -> None:
    stage.publish(Traffic(replace(ALL_EVENTS, messages=MESSAGES)))


def _pull_bare(stage: Stage) -> float:
    """Seconds."""
    began, left = time.monotonic(), MESSAGES
    ack_ids: list[str] = []
    with SubscriberClient(transport=SubscriberGrpcTransport(channel=grpc.insecure_channel(stage.host))) as client:
        while left:
            pulled = PullResponse.pb(client.pull(subscription=stage.subscription, max_messages=1000))
            ack_ids += (received.ack_id for received in pulled.received_messages)
            left -= len(pulled.received_messages)
            if len(ack_ids) >= MAX_ITEMS or not left:
                client.acknowledge(subscription=stage.subscription, ack_ids=ack_ids)
                ack_ids.clear()
    return time.monotonic() - began
