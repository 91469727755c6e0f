"""A request's way through Iterable: steps in order, the first that answers ends it. Knows no step from within.

What a step refuses has no effect at all: only the last one changes the project.
"""

from collections.abc import Callable, Mapping

from pipeline.sandbox.iterable import reads
from pipeline.sandbox.iterable.admission import check_key, check_size, take_token
from pipeline.sandbox.iterable.bodies import check_ids, check_item_count, check_object, check_shapes
from pipeline.sandbox.iterable.bulk import bulk_update, track_bulk
from pipeline.sandbox.iterable.fields import check_field_limit, check_types
from pipeline.sandbox.iterable.poison import check_poison
from pipeline.sandbox.iterable.responses import Response
from pipeline.sandbox.iterable.settings import EndpointName
from pipeline.sandbox.iterable.simulation import ReadCall, Simulation, WriteCall
from pipeline.sandbox.iterable.single import track, update

READS: Mapping[EndpointName, Callable[[Simulation, ReadCall], Response]] = {
    "getByEmail": reads.get_by_email,
    "getByUserId": reads.get_by_user_id,
    "getFields": reads.get_fields,
    "getEvents": reads.get_events,
}
WRITES: Mapping[EndpointName, Callable[[Simulation, WriteCall], Response]] = {
    "bulkUpdate": bulk_update,
    "update": update,
    "trackBulk": track_bulk,
    "track": track,
}


def answer_read(simulation: Simulation, call: ReadCall) -> Response:
    """The two steps every request takes, then the read."""
    read = READS[call.endpoint.name]
    return check_key(simulation, call) or take_token(simulation, call) or read(simulation, call)


def answer_write(simulation: Simulation, call: WriteCall) -> Response:
    """In the order of Iterable: what is wrong in two ways is answered for the first."""
    write = WRITES[call.endpoint.name]
    return (
        check_key(simulation, call)
        or take_token(simulation, call)
        or check_size(simulation, call)
        or check_object(simulation, call)
        or check_item_count(simulation, call)
        or check_shapes(simulation, call)
        or check_poison(simulation, call)
        or check_ids(simulation, call)
        or check_types(simulation, call)
        or check_field_limit(simulation, call)
        or write(simulation, call)
    )
