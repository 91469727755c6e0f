from collections.abc import Callable
from dataclasses import replace

import pytest

from transforms.delivery.batch import Batch, Pending, Record
from transforms.delivery.failures import Patience
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.operations import TRACK_BULK
from transforms.iterable.responses import Failed, Foreign
from transforms.model import reasons
from transforms.model.items import Item
from transforms.model.reasons import Reason


@pytest.mark.parametrize(
    ("is_resend_safe", "answer", "expected"),
    [
        (True, Failed("no answer: ReadTimeout"), None),
        (False, Failed("no answer: ReadTimeout"), reasons.UNANSWERED),
        (False, Failed("HTTP 503"), reasons.UNANSWERED),
        (False, Foreign("HTTP 400, not in Iterable's form"), None),
    ],
)
def test_what_may_have_been_taken_is_sent_again_only_where_that_is_safe(
    new_track: Callable[..., Item], is_resend_safe: bool, answer: Failed, expected: Reason | None
) -> None:
    """Of a request that is not known to be refused nobody knows whether it was; twice may be once too often."""
    record = Record.of(Pending(new_track(), 0.0))
    batch = Batch(replace(TRACK_BULK, is_resend_safe=is_resend_safe), (record,))

    assert Patience(DeliveryRules(), 60.0).end_of(record.pending[0], batch, answer) == expected
