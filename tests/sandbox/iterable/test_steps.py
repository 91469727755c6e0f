from pipeline.sandbox.iterable.running import SimulatedIterable
from tests.clock import Clock
from tests.sandbox.iterable.api import BULK_UPDATE, post

USER = {"email": "ada@example.com"}


def test_the_first_thing_wrong_is_answered(iterable: SimulatedIterable, clock: Clock) -> None:
    """Key before rate before size before JSON before shape before types before limits."""
    iterable.configure(rate={"bulkUpdate": 1}, max_body_bytes=120, user_field_limit=1, max_items=2)
    post(iterable, BULK_UPDATE, {"users": [USER | {"dataFields": {"n": 1}}]})
    long, clash, new = {"n": "x" * 200}, {"n": "x"}, {"new": 1}
    asked = [
        ({"users": [{"dataFields": long, "email": 1}] * 3}, {"Api-Key": "wrong"}, 0),
        ({"users": [{"dataFields": long, "email": 1}] * 3}, {}, 0),
        ({"users": [{"dataFields": long, "email": 1}] * 3}, {}, 1),
        ({"users": [{"email": 1}] * 3}, {}, 1),
        ({"users": [{"email": 1, "dataFields": clash}]}, {}, 1),
        ({"users": [USER | {"dataFields": clash | new}]}, {}, 1),
        ({"users": [{"email": "bad", "dataFields": new}]}, {}, 1),
        ({"users": [{"email": "bad"}]}, {}, 1),
    ]
    answers = []
    for body, headers, wait in asked:
        clock.now += wait
        response = post(iterable, BULK_UPDATE, body, **headers)
        is_json = response.headers["Content-Type"] == "application/json"
        answers.append(response.json().get("code", 200) if is_json else response.status_code)

    expected = ["BadApiKey", "RateLimitExceeded", 413, "BatchTooLarge", "BadJsonBody", "RequestFieldsTypesMismatched"]
    assert [*expected, "UniqueFieldsLimitExceeded", 200] == answers
