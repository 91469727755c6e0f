# SPDX-License-Identifier: Apache-2.0
"""How chaotic the simulated Iterable is: shares of requests, users, events and names. Knows not what befalls them."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class ChaosSettings:
    """None at all unless asked for. The same settings and the same requests make the same chaos."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    seed: int = 1

    # Of an endpoint's requests, by their number: what passes if the sender tries again.
    rate_limited: Share = 0  # 429, though there was a token
    server_errors: Share = 0
    spoilt_answers: Share = 0  # a 200 with its body empty or cut short; the work is done
    cut_before: Share = 0  # the connection, before the work is done
    cut_after: Share = 0
    slow_answers: Share = 0
    max_in_a_row: Count = 2  # of all these but the slow ones together: a run must end
    max_retry_seconds: Annotated[int, Field(ge=1)] = 1  # what a 429 asks to wait, where it says so
    max_delay_seconds: Annotated[float, Field(ge=0)] = 1  # of a slow answer

    # Of the users, events and event names, by identity, id and name: what stays, whatever the sender does.
    refused_users: Share = 0  # in a failure list of every answer
    poison_users: Share = 0  # a request with an update of one is refused as a whole
    poison_events: Share = 0
    disallowed_names: Share = 0
    wrong_positions: Share = 0  # of the poison records that are named by position
    wrong_fields: Share = 0  # of those that are named by a field and its value: no record has that field

    # The key is refused for so many requests to any endpoint, once so many were made. None: never.
    revoke_key_after: Count | None = None
    revoke_key_for: Count = 2

    def __post_init__(self) -> None:
        if self.failures + self.slow_answers > 1:
            raise ValueError("the shares of requests come to more than 1")
        if self.refused_users + self.poison_users > 1:
            raise ValueError("the shares of users come to more than 1")

    @property
    def failures(self) -> float:
        """The share of requests that have to be made again."""
        return self.rate_limited + self.server_errors + self.spoilt_answers + self.cut_before + self.cut_after
