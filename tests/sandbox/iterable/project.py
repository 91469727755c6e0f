# SPDX-License-Identifier: Apache-2.0
"""A simulated project without a socket: a request goes in, status and JSON come out. Knows no fault."""

from typing import Any

import orjson

from pipeline.sandbox.iterable.endpoints import KeyType, write_at
from pipeline.sandbox.iterable.settings import AsyncDelay, Key, Settings, load_settings
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall
from pipeline.sandbox.iterable.steps import answer_write
from tests.clock import Clock

KEYS: tuple[KeyType, ...] = ("ServerSide", "ReadOnly", "JavaScript", "Mobile", "Web")
Answer = tuple[int, Any]


class Project:
    """With a key of each type, named like it; without a rate and a delay unless a switch sets one."""

    def __init__(self, **switches: Any) -> None:
        settings = Settings(rate=None, async_delay=AsyncDelay(0, 0, 0), keys={each: Key(each) for each in KEYS})
        self.clock = Clock()
        self.simulation = Simulation(load_settings(switches, over=settings), self.clock)

    def ask(self, method: str, path: str, body: object = None, key: str = "ServerSide") -> Answer:
        self.simulation.store.apply_due(self.clock())
        endpoint, arguments = write_at(method, f"/api/{path}")
        data = b"" if body is None else orjson.dumps(body)
        call = WriteCall(endpoint, f"/api/{path}", {"Api-Key": key}, "", data, arguments)
        answer = answer_write(self.simulation, call)
        return answer.status, orjson.loads(answer.body)

    def post(self, path: str, body: object, key: str = "ServerSide") -> Answer:
        return self.ask("POST", path, body, key)

    def code(self, path: str, body: object, key: str = "ServerSide") -> tuple[int, str]:
        status, answer = self.post(path, body, key)
        return status, answer["code"]

    def delete(self, path: str) -> Answer:
        return self.ask("DELETE", path)

    def add(self, *users: dict[str, Any]) -> None:
        for user in users:
            assert self.code("users/update", user) == (200, "Success")

    def dump(self) -> dict[str, Any]:
        self.simulation.store.apply_due(self.clock())
        dumped: dict[str, Any] = orjson.loads(orjson.dumps(self.simulation.store.dump()))  # what is then is not now
        return dumped

    def managed(self) -> dict[str, Any]:
        """Of each user, by userId or else email."""
        return {user["userId"] or user["email"]: user["managed"] for user in self.dump()["users"]}

    def fields(self) -> dict[str, Any]:
        """Likewise."""
        return {user["userId"] or user["email"]: user["dataFields"] for user in self.dump()["users"]}


SUCCESS = (200, "Success")
