# SPDX-License-Identifier: Apache-2.0
"""Faults waiting to happen, in the order they were asked for. Knows no HTTP server: it says what to do, not how."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import orjson
from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from pipeline.sandbox.iterable.responses import HTML, JSON, Response
from pipeline.sandbox.iterable.settings import EndpointName, Seconds, describe


@dataclass(frozen=True)
class Fault:
    """What happens to the next `times` requests of an endpoint ("*": of any), before their key is looked at.

    With `holding` only to those whose body holds that text: a record that Iterable fails at.

    A delay comes first and holds up no other request. A status answers in the request's place, which then has no
    effect. A connection dropped "before" has none either; dropped "after", the work is done and the answer is lost. So
    it is where a 200 comes with a spoilt body.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    endpoint: EndpointName | Literal["*"] = "*"
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    body: JsonValue = None  # text goes out as it is, anything else as JSON, null as nothing
    content_type: str | None = None  # None: JSON or HTML, as the body is
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: Seconds = 0
    drop_connection: Literal["before", "after"] | None = None
    spoil_answer: Literal["empty", "truncated"] | None = None
    times: Annotated[int, Field(ge=1)] | None = 1  # None: until the faults are deleted
    holding: str = ""

    @property
    def answer(self) -> Response | None:
        if self.status is None:
            return None
        if self.body is None or isinstance(self.body, str):
            return Response(self.status, (self.body or "").encode(), self.content_type or HTML, self.headers)
        return Response(self.status, orjson.dumps(self.body), self.content_type or JSON, self.headers)

    @property
    def replaces_work(self) -> bool:
        return self.status is not None or self.drop_connection == "before"

    def spoil(self, answer: Response) -> Response:
        """What is left of an answer; of other than a 200 all is."""
        if self.spoil_answer is None or answer.status != 200:
            return answer
        return answer._replace(body=answer.body[: len(answer.body) // 2] if self.spoil_answer == "truncated" else b"")


class Faults:
    """A source of faults: one question per request."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append((fault, fault.times))

    def take(self, endpoint: EndpointName, body: bytes) -> Fault | None:
        """The oldest one for this request, used up by it."""
        for index, (fault, left) in enumerate(self._waiting):
            if fault.endpoint in (endpoint, "*") and fault.holding.encode() in body:
                if left == 1:
                    del self._waiting[index]
                elif left is not None:
                    self._waiting[index] = (fault, left - 1)
                return fault
        return None

    def clear(self) -> None:
        self._waiting.clear()

    def dump(self) -> list[dict[str, Any]]:
        """Those still waiting, with the times left."""
        return [{**_adapter.dump_python(fault, mode="json"), "times": left} for fault, left in self._waiting]


_adapter = TypeAdapter(Fault)


def load_fault(fault: object) -> Fault:
    """Read a fault from JSON.

    Raises:
      ValueError: unknown names and wrong values, all of them in one message; or a fault without effect.
    """
    try:
        loaded = _adapter.validate_python(fault)
    except ValidationError as error:
        raise ValueError(describe(error)) from None
    if loaded == replace(loaded, status=None, delay=0, drop_connection=None, spoil_answer=None):
        raise ValueError("a fault needs a status, a delay, a drop_connection or a spoil_answer")
    return loaded
