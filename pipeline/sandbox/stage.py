# SPDX-License-Identifier: Apache-2.0
"""Everything that a run needs outside of it: topics and subscriptions of an emulator, and an Iterable's address.

Knows no traffic and no step of the pipeline: it starts the commands that a user would type.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic, end_leases, publish, pull

CONFIG = "configs/demo.yaml"
ACK_DEADLINE_SECONDS = 10  # Pub/Sub's shortest


class Ended(NamedTuple):
    """How a command ended, and all it said."""

    code: int
    out: str
    err: str


class Stage(NamedTuple):
    """Full names; `url` is an Iterable's."""

    host: str
    url: str
    events: str  # topic
    subscription: str
    dead_topic: str
    dead_subscription: str

    def publish(self, messages: Iterable[tuple[bytes, Mapping[str, str]]]) -> int:
        """Returns how many."""
        return publish(self.host, self.events, messages)

    def pull_dead_letters(self) -> list[tuple[bytes, dict[str, str]]]:
        """All that are there as (data, attributes); they are acknowledged."""
        return list(pull(self.host, self.dead_subscription))

    def end_leases(self) -> None:
        """What a killed drain held comes again, now."""
        end_leases(self.host, self.subscription)

    @property
    def drain(self) -> list[str]:
        """The command of a drain into the topic of dead letters."""
        return [
            *("-m", "pipeline.main", f"--config={CONFIG}", f"--iterable_url={self.url}"),
            *(f"--input_subscription={self.subscription}", f"--dead_letter_topic={self.dead_topic}"),
        ]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """`python ARGUMENTS` where it finds the emulator and the key."""
        environ = {**os.environ, "PUBSUB_EMULATOR_HOST": self.host, "ITERABLE_API_KEY": DEFAULT_API_KEY}
        return subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, *arguments], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str) -> Ended:
        """The same, to its end."""
        return end(self.start(*arguments))


def end(process: "subprocess.Popen[str]", seconds: float = 240) -> Ended:
    """Wait for a command that was started; one that does not end is killed.

    Raises subprocess.TimeoutExpired.
    """
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        finally:
            process.kill()
    return Ended(process.returncode, out, err)


def set_stage(host: str, url: str) -> Stage:
    """New topics and subscriptions, with names of their own, in the emulator at `host`."""
    name = f"stage-{uuid.uuid4().hex[:8]}"
    events, dead = (create_topic(host, f"{name}-{kind}") for kind in ("events", "dead"))
    return Stage(
        host,
        url,
        events,
        create_subscription(host, events, name, ACK_DEADLINE_SECONDS),
        dead,
        create_subscription(host, dead, f"{name}-dead"),
    )
