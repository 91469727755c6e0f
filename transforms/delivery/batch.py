"""Items → records → one request body, by count and by bytes. Knows no answer and no clock."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from transforms.model.items import TRACK, Item


@dataclass(frozen=True)
class DeliveryRules:
    """The config's delivery section, and what goes with every bulkUpdate. Times in seconds."""

    max_items: int = 1000
    max_bytes: int = 4_000_000
    max_age_seconds: float = 2.0
    bulk_update_per_second: float = 5.0
    track_bulk_per_second: float = 10.0
    give_up_after_seconds: float = 4 * 3600.0
    first_backoff_seconds: float = 1.0
    max_backoff_seconds: float = 300.0
    unknown_user_delays: tuple[float, ...] = (60.0, 300.0, 1800.0)
    create_new_fields: bool | None = None
    update_only: bool | None = None
    two_ids: bool = False  # a user may come under an email or a userId, and no other user has either: hybrid projects


HEADER_BYTES = 300  # ids, times and what was tried, beside an item's body and its message


@dataclass(eq=False)
class Pending:
    """An item on its way, with what was tried so far. Times in Unix seconds, 0 for never."""

    item: Item
    queued: float
    attempts: int = 0  # requests that held it
    waits: int = 0  # how often it was sent back to wait for its user
    first_tried: float = 0.0
    last_failure: float = 0.0
    failing_seconds: float = 0.0  # time spent failing while other requests to the endpoint succeeded
    together: int = 0  # at most so many updates of one user become one object again; 0 for any
    failures: int = 0  # requests with it that failed for no fault of theirs
    narrowed: bool = False  # it was in a refused request already, among others
    own_failures: int = 0  # requests with it that failed though others had succeeded since the one before

    @property
    def size(self) -> int:
        """Bytes in a request, with the comma."""
        return len(self.item.body) + 1

    @property
    def stored_bytes(self) -> int:
        """About as many as it takes in state: its message goes with it, so that it can become a dead letter."""
        message = self.item.message
        attributes = sum(len(name) + len(value) for name, value in message.attributes.items())
        return len(self.item.body) + len(message.data) + attributes + HEADER_BYTES


@dataclass(frozen=True, eq=False)
class Record:
    """One element of a request: a track event, or the coalesced updates of one user."""

    pending: tuple[Pending, ...]
    body: bytes

    @property
    def item(self) -> Item:
        return self.pending[0].item


@dataclass(frozen=True, eq=False)
class Batch:
    """One request: `part` USER goes to bulkUpdate, TRACK to trackBulk."""

    part: str
    records: tuple[Record, ...]
    body: bytes


ENVELOPE_BYTES = len(b'{"createNewFields":false,"updateOnly":false,"events":[]}')


def fill(records: Iterable[Record], rules: DeliveryRules) -> Iterator[tuple[Record, bool]]:
    """Each record with whether it fits the batch; the one that does not fit is the last one looked at."""
    size = ENVELOPE_BYTES
    for count, record in enumerate(records, start=1):
        size += len(record.body) + 1
        fits = size <= rules.max_bytes or count == 1
        yield record, fits
        if not fits or count == rules.max_items:
            return


def to_batch(part: str, records: tuple[Record, ...], rules: DeliveryRules) -> Batch:
    elements = b",".join(record.body for record in records)
    if part == TRACK:
        return Batch(part, records, b'{"events":[%b]}' % elements)
    # Both are bulkUpdate's own, for the whole request (its Swagger); unset leaves them to the project.
    flags = ((b"createNewFields", rules.create_new_fields), (b"updateOnly", rules.update_only))
    switches = b"".join(b'"%b":%b,' % (name, str(on).lower().encode()) for name, on in flags if on is not None)
    return Batch(part, records, b'{%b"users":[%b]}' % (switches, elements))
