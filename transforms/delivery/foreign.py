# SPDX-License-Identifier: Apache-2.0
"""When refusals in another's form mean that the set-up is bad, and no record. Knows no queue."""

from dataclasses import dataclass, field

from transforms.delivery.batch import Batch
from transforms.delivery.retries import MAX_LEFT
from transforms.iterable.responses import Accepted, Answer, Fatal, Foreign, Refused

# Refusals in a row, over some time: then it is not the records that are bad.
MAX_FOREIGN = 6
FOREIGN_SECONDS = 10.0
FOREIGN_SECONDS_LATER = 60.0


@dataclass
class _Endpoint:
    refused: list[Batch] = field(default_factory=list)  # so, since the last answer in form
    since: float = 0.0  # Unix seconds, of the first of them
    is_known: bool = False  # Iterable has answered in form


class ForeignWatch:
    """Where nothing but such refusals comes, a proxy or a wrong host answers.

    Once there were other answers, it takes longer to be sure, and more than a few records.
    """

    def __init__(self) -> None:
        self._endpoints: dict[str, _Endpoint] = {}

    def weigh(self, batch: Batch, answer: Answer, now: float) -> Answer:
        """The answer, or Fatal instead."""
        endpoint = self._endpoints.setdefault(batch.part, _Endpoint())
        if isinstance(answer, (Accepted, Refused)):
            endpoint.is_known = True
            endpoint.refused.clear()
        if not isinstance(answer, Foreign):
            return answer
        if not endpoint.refused:
            endpoint.since = now
        endpoint.refused.append(batch)
        is_long = now - endpoint.since >= (FOREIGN_SECONDS_LATER if endpoint.is_known else FOREIGN_SECONDS)
        items = {id(pending) for refused in endpoint.refused for pending in refused.pending}
        is_of_many = not endpoint.is_known or len(items) > MAX_LEFT
        if len(endpoint.refused) >= MAX_FOREIGN and is_long and is_of_many:
            endpoint.refused.clear()
            return Fatal(answer.detail)
        del endpoint.refused[:-MAX_FOREIGN]
        return answer
