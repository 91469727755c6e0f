import gzip
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import requests

from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import DEFAULT_API_KEY, AsyncDelay, Settings

UPDATE, BULK_UPDATE = "/api/users/update", "/api/users/bulkUpdate"
TRACK, TRACK_BULK = "/api/events/track", "/api/events/trackBulk"
USER = {"email": "ada@example.com"}
EVENT = {**USER, "eventName": "Checkout"}


class Clock:
    """Time as the test tells it."""

    now = 1_760_000_000.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedIterable]:
    with SimulatedIterable(Settings(rate=None, async_delay=AsyncDelay(0, 0)), clock=CLOCK) as iterable:
        yield iterable


@pytest.fixture
def iterable(server: SimulatedIterable) -> SimulatedIterable:
    server.reset()
    return server


def post(iterable: SimulatedIterable, path: str, body: object, **headers: str) -> requests.Response:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return requests.post(iterable.url + path, data=data, headers={"Api-Key": DEFAULT_API_KEY} | headers, timeout=5)


def stored(iterable: SimulatedIterable) -> tuple[int, int]:
    dumped = iterable.dump()
    return len(dumped["users"]), len(dumped["events"])


# The path


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/nothing"),
        ("PUT", TRACK_BULK),
        ("GET", "/api/events/x/y/z"),
        ("POST", "/"),
        ("HEAD", "/api/users/x"),
    ],
)
def test_an_unknown_path_or_method_is_an_html_404(iterable: SimulatedIterable, method: str, path: str) -> None:
    """What the API does not know is answered by the web server, not in JSON."""
    response = requests.request(method, iterable.url + path, timeout=5)

    assert (response.status_code, response.headers["Content-Type"]) == (404, "text/html")


def test_every_answer_has_a_request_id(iterable: SimulatedIterable) -> None:
    """Each has its own Iterable-Request-Id."""
    ids = {post(iterable, TRACK, EVENT).headers["Iterable-Request-Id"] for _ in range(2)}

    assert len(ids) == 2


# The key


@pytest.mark.parametrize("name", ["Api-Key", "api-key", "Api_Key", "API_KEY"])
def test_the_key_header_has_two_names_in_any_case(iterable: SimulatedIterable, name: str) -> None:
    """Api-Key and Api_Key both open, in any case."""
    response = requests.post(iterable.url + TRACK, json=EVENT, headers={name: DEFAULT_API_KEY}, timeout=5)

    assert response.status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Api-Key": ""}, {"Api-Key": "other"}, {"Authorization": DEFAULT_API_KEY}])
def test_no_key_or_an_unknown_one(iterable: SimulatedIterable, headers: dict[str, str]) -> None:
    """Is a 401 that names the caller's address and the endpoint."""
    response = requests.post(iterable.url + TRACK_BULK, json={"events": [EVENT]}, headers=headers, timeout=5)

    expected = {
        "msg": "Invalid API key",
        "code": "BadApiKey",
        "params": {"ip": "127.0.0.1", "endpoint": "/api/events/trackBulk"},
    }
    assert (401, expected) == (response.status_code, response.json())


def test_a_disabled_key_can_be_restored(iterable: SimulatedIterable) -> None:
    """Revoking a key is a 401 that identifies it without telling it; enabling it again opens again."""
    iterable.configure(keys={DEFAULT_API_KEY: {"enabled": False}})
    revoked = post(iterable, TRACK, EVENT)
    iterable.configure(keys={DEFAULT_API_KEY: {}})
    restored = post(iterable, TRACK, EVENT)

    body = revoked.json()
    assert (revoked.status_code, body["msg"]) == (401, "Disabled API key or insufficient privileges")
    assert {"ip", "endpoint", "apiKeyIdentifier", "apiKeyType"} == body["params"].keys()
    assert DEFAULT_API_KEY not in revoked.text
    assert restored.status_code == 200


@pytest.mark.parametrize(
    ("key_type", "expected"),
    [
        ("ServerSide", [200, 200, 200, 200, 200, 200]),
        ("Mobile", [401, 200, 401, 200, 401, 401]),
        ("JavaScript", [401, 200, 401, 200, 401, 401]),
        ("Web", [401, 200, 401, 200, 401, 401]),
        ("ReadOnly", [401, 401, 401, 401, 401, 200]),
    ],
)
def test_what_each_kind_of_key_opens(iterable: SimulatedIterable, key_type: str, expected: Any) -> None:
    """Bulk needs a server-side key, client-side keys open the single writes, read-only ones just getFields."""
    iterable.configure(keys={DEFAULT_API_KEY: {"type": key_type}})
    key = {"Api-Key": DEFAULT_API_KEY}
    responses = [
        post(iterable, BULK_UPDATE, {"users": [USER]}),
        post(iterable, UPDATE, USER),
        post(iterable, TRACK_BULK, {"events": [EVENT]}),
        post(iterable, TRACK, EVENT),
        requests.get(iterable.url + "/api/users/getByEmail?email=x", headers=key, timeout=5),
        requests.get(iterable.url + "/api/users/getFields", headers=key, timeout=5),
    ]

    assert expected == [response.status_code for response in responses]


# The rate


def test_too_many_user_requests_are_told_when_to_retry(iterable: SimulatedIterable) -> None:
    """The users endpoints' 429 holds the size of the bucket and the seconds until a token."""
    iterable.configure(rate={"bulkUpdate": 0.4}, burst={"bulkUpdate": 2})
    responses = [post(iterable, BULK_UPDATE, {"users": [USER]}) for _ in range(3)]
    CLOCK.now += 2.5
    later = post(iterable, BULK_UPDATE, {"users": [USER]})

    refused = responses[-1]
    expected = {
        "msg": "Exceeded rate limit of 0.4 per second for endpoint: /api/users/bulkUpdate, project: 1 ",
        "code": "RateLimitExceeded",
        "params": {"rateLimitLimit": 2, "rateLimitRemaining": 0, "rateLimitReset": 3},
    }
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert expected == refused.json()
    assert "Retry-After" not in refused.headers
    assert later.status_code == 200
    assert iterable.metrics()["endpoints"]["bulkUpdate"]["by_status"] == {"200": 3, "429": 1}


@pytest.mark.parametrize(
    ("switches", "params"),
    [
        ({}, {}),
        (
            {"rate_limit_params": ["trackBulk"]},
            {"rateLimitLimit": 1, "rateLimitRemaining": 0, "rateLimitReset": 1},
        ),
        (
            {"rate_limit_params": ["trackBulk"], "rate_limit_params_as_strings": True},
            {"rateLimitLimit": "1", "rateLimitRemaining": "0", "rateLimitReset": "1"},
        ),
    ],
)
def test_what_a_429_tells_is_a_switch(iterable: SimulatedIterable, switches: dict[str, Any], params: Any) -> None:
    """The events endpoints' 429 tells nothing, unless switched on; its numbers may be strings."""
    iterable.configure(rate={"trackBulk": 1}, retry_after_header=True, **switches)
    post(iterable, TRACK_BULK, {"events": []})

    refused = post(iterable, TRACK_BULK, {"events": []})

    assert (429, params) == (refused.status_code, refused.json()["params"])
    assert refused.headers["Retry-After"] == "1"


@pytest.mark.parametrize("rate", [None, {"trackBulk": 0}, {"trackBulk": None}])
def test_a_rate_of_nothing_is_no_limit(iterable: SimulatedIterable, rate: Any) -> None:
    """0 and null let everything pass."""
    iterable.configure(rate=rate)

    assert {200} == {post(iterable, TRACK_BULK, {"events": []}).status_code for _ in range(20)}


def test_the_documented_rates_hold_unless_told_otherwise(iterable: SimulatedIterable) -> None:
    """BulkUpdate 5, trackBulk 10, and each endpoint has its own bucket."""
    iterable.configure(rate={})

    statuses = {
        path: [post(iterable, path, {"users": [], "events": []}).status_code for _ in range(12)]
        for path in (BULK_UPDATE, TRACK_BULK)
    }

    assert statuses == {BULK_UPDATE: [200] * 5 + [429] * 7, TRACK_BULK: [200] * 10 + [429] * 2}


# The size


@pytest.mark.parametrize(
    ("switches", "size", "status", "code"),
    [
        ({}, 4_000_000, 200, None),
        ({}, 4_000_001, 413, None),
        ({"oversize": "batch_too_large"}, 4_000_001, 400, "BatchTooLarge"),
        ({"max_body_bytes": 4 * 1024 * 1024}, 4_000_001, 200, None),
    ],
)
def test_the_size_of_a_body(
    iterable: SimulatedIterable, switches: dict[str, Any], size: int, status: int, code: str | None
) -> None:
    """4 MB pass, a byte more is a 413 or a BatchTooLarge; 4 MiB is the other reading."""
    iterable.configure(**switches)
    body = orjson.dumps({"events": []}).ljust(size)

    response = post(iterable, TRACK_BULK, body)

    assert status == response.status_code
    if code:
        assert code == response.json()["code"]


def test_a_body_too_large_is_not_read(iterable: SimulatedIterable) -> None:
    """Whatever it holds."""
    iterable.configure(max_body_bytes=10)

    assert post(iterable, TRACK_BULK, b"no JSON at all").status_code == 413


@pytest.mark.parametrize(("limit", "status"), [(None, 200), (2, 200), (1, 400)])
def test_the_number_of_items(iterable: SimulatedIterable, limit: int | None, status: int) -> None:
    """There is no limit unless one is switched on."""
    iterable.configure(max_items=limit)

    response = post(iterable, TRACK_BULK, {"events": [EVENT, EVENT]})

    assert status == response.status_code
    assert status == 200 or response.json()["code"] == "BatchTooLarge"


@pytest.mark.parametrize(("accepted", "status"), [(False, 400), (True, 200)])
def test_a_gzip_body_is_no_json_unless_switched_on(iterable: SimulatedIterable, accepted: bool, status: int) -> None:
    """Whether Iterable unpacks is not known."""
    iterable.configure(gzip_bodies=accepted)

    response = post(iterable, TRACK_BULK, gzip.compress(b'{"events":[]}'), **{"Content-Encoding": "gzip"})

    assert status == response.status_code


# The body


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b'{"events": NaN}', b"\xff"])
@pytest.mark.parametrize("path", [UPDATE, BULK_UPDATE, TRACK, TRACK_BULK])
def test_a_body_that_is_no_object(iterable: SimulatedIterable, path: str, body: Any) -> None:
    """Is a BadJsonBody without params."""
    response = post(iterable, path, body)

    expected = {"msg": f"[{path}] Invalid JSON body", "code": "BadJsonBody", "params": None}
    assert (400, expected) == (response.status_code, response.json())


@pytest.mark.parametrize(
    ("path", "body", "params"),
    [
        (TRACK_BULK, {}, {"obj.events": "Array value expected"}),
        (TRACK_BULK, {"events": None}, {"obj.events": "Array value expected"}),
        (TRACK_BULK, {"events": [1]}, {"obj.events[0]": "Object value expected"}),
        (TRACK_BULK, {"events": [EVENT, USER]}, {"obj.events[1].eventName": "String value expected"}),
        (TRACK_BULK, {"events": [EVENT | {"eventName": None}]}, {"obj.events[0].eventName": "String value expected"}),
        (TRACK_BULK, {"events": [EVENT | {"createdAt": "x"}]}, {"obj.events[0].createdAt": "Number value expected"}),
        (TRACK_BULK, {"events": [EVENT | {"createdAt": 1.5}]}, {"obj.events[0].createdAt": "Number value expected"}),
        (TRACK_BULK, {"events": [EVENT | {"createdAt": True}]}, {"obj.events[0].createdAt": "Number value expected"}),
        (TRACK_BULK, {"events": [EVENT | {"createdAt": 2**63}]}, {"obj.events[0].createdAt": "Number value expected"}),
        (
            TRACK_BULK,
            {"events": [EVENT | {"id": 1, "userId": 2, "email": 3, "dataFields": []}, EVENT, {"eventName": {}}]},
            {
                "obj.events[0].id": "String value expected",
                "obj.events[0].userId": "String value expected",
                "obj.events[0].email": "String value expected",
                "obj.events[0].dataFields": "Object value expected",
                "obj.events[2].eventName": "String value expected",
            },
        ),
        (TRACK, EVENT | {"campaignId": "1"}, {"obj.campaignId": "Number value expected"}),
        (TRACK, EVENT | {"templateId": "1"}, {"obj.templateId": "Number value expected"}),
        (TRACK, EVENT | {"createNewFields": 1}, {"obj.createNewFields": "Boolean value expected"}),
        (TRACK, USER, {"obj.eventName": "String value expected"}),
        (BULK_UPDATE, {}, {"obj.users": "Array value expected"}),
        (
            BULK_UPDATE,
            {"users": [USER, USER | {"preferUserId": "true"}], "createNewFields": "x", "updateOnly": 1},
            {
                "obj.createNewFields": "Boolean value expected",
                "obj.updateOnly": "Boolean value expected",
                "obj.users[1].preferUserId": "Boolean value expected",
            },
        ),
        (UPDATE, USER | {"mergeNestedObjects": 0}, {"obj.mergeNestedObjects": "Boolean value expected"}),
        (UPDATE, USER | {"dataFields": "x"}, {"obj.dataFields": "Object value expected"}),
    ],
)
def test_a_field_of_the_wrong_type(iterable: SimulatedIterable, path: str, body: Any, params: Any) -> None:
    """One of them fails the whole request, which names them all and has no effect."""
    response = post(iterable, path, body)

    expected = {"msg": f"[{path}] Invalid JSON body", "code": "BadJsonBody", "params": params}
    assert (400, expected) == (response.status_code, response.json())
    assert stored(iterable) == (0, 0)


@pytest.mark.parametrize(("nulls", "status"), [("accept", 200), ("reject", 400)])
def test_null_for_an_optional_field(iterable: SimulatedIterable, nulls: str, status: int) -> None:
    """Is as good as leaving it out, unless switched."""
    iterable.configure(null_optionals=nulls)

    responses = [
        post(iterable, TRACK_BULK, {"events": [EVENT | {"userId": None, "createdAt": None, "dataFields": None}]}),
        post(iterable, UPDATE, USER | {"dataFields": None}),
    ]

    assert [status, status] == [response.status_code for response in responses]


def test_a_bad_body_as_in_2022_echoes_the_key(iterable: SimulatedIterable) -> None:
    """The recorded answer of that year holds body and headers in its msg: a reason never to log one."""
    iterable.configure(legacy_error_params=True)

    body = post(iterable, TRACK_BULK, {"events": [{"eventName": None}]}).json()

    expected = {"obj.events[0].eventName": [{"msg": ["error.expected.jsstring"], "args": []}]}
    assert expected == body["params"]
    assert DEFAULT_API_KEY in body["msg"]


def test_unknown_fields_are_ignored(iterable: SimulatedIterable) -> None:
    """What Iterable does not know it does not look at."""
    assert post(iterable, TRACK_BULK, {"events": [EVENT | {"extra": 1}], "more": 2}).status_code == 200


# Ids, where they are a matter of the whole request


@pytest.mark.parametrize("path", [TRACK, TRACK_BULK])
@pytest.mark.parametrize("event_id", ["", "a_b", "a" * 513])
def test_a_bad_event_id_fails_the_request(iterable: SimulatedIterable, path: str, event_id: str) -> None:
    """Characters or length that Iterable does not allow: 400, nothing stored."""
    bad = EVENT | {"id": event_id}

    response = post(iterable, path, bad if path == TRACK else {"events": [EVENT, bad]})

    assert (response.status_code, response.json()["code"]) == (400, "BadParams")
    assert stored(iterable) == (0, 0)


def test_a_bad_event_id_can_be_the_items_matter(iterable: SimulatedIterable) -> None:
    """Switched, it fails its item alone, which no list names."""
    iterable.configure(bad_event_id="item")

    body = post(iterable, TRACK_BULK, {"events": [EVENT, EVENT | {"id": "a_b"}]}).json()

    assert (body["successCount"], body["failCount"]) == (1, 1)
    assert post(iterable, TRACK, EVENT | {"id": "a_b"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "name", "good", "bad"),
    [(TRACK_BULK, "events", EVENT, {"eventName": "x"}), (BULK_UPDATE, "users", USER, {"dataFields": {}})],
)
def test_an_item_that_names_nobody(
    iterable: SimulatedIterable, path: str, name: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    """In bulk it is counted and not listed, or switched fails the request."""
    counted = post(iterable, path, {name: [good, bad]}).json()
    iterable.configure(no_identity_in_bulk="whole_request")
    refused = post(iterable, path, {name: [good, bad]})

    assert (counted["successCount"], counted["failCount"]) == (1, 1)
    assert [value for values in counted["failedUpdates"].values() for value in values] == []
    assert (refused.status_code, refused.json()["code"]) == (400, "BadParams")


# Types


def test_a_type_clash_fails_the_whole_request(iterable: SimulatedIterable) -> None:
    """The answer names each field once, with types and the first value that clashes; nothing is stored."""
    post(iterable, TRACK, EVENT | {"dataFields": {"total": 1.5, "when": "2026-01-31"}})
    events: list[dict[str, Any]] = [EVENT | {"dataFields": {"total": 2.5}} for _ in range(1000)]
    events[700] = EVENT | {"dataFields": {"total": "GGG", "when": "later"}}
    events[800] = EVENT | {"dataFields": {"total": "not told"}}

    response = post(iterable, TRACK_BULK, {"events": events})

    body = response.json()
    expected = {
        "total": {
            "incomingTypes": ["string", "keyword"],
            "expectedType": "double",
            "offendingValue": "GGG",
            "category": "customEvent",
            "_type": "UnexpectedType",
        },
        "when": {
            "incomingTypes": ["string", "keyword"],
            "expectedType": "date",
            "offendingValue": "later",
            "category": "customEvent",
            "_type": "UnexpectedType",
        },
    }
    assert (response.status_code, body["code"]) == (400, "RequestFieldsTypesMismatched")
    assert {"validationErrors": expected} == body["params"]
    assert (
        "Project 1: The request does not have the same data types as the data previously submitted."
        " Field 'total' already exists for type 'customEvent' and has a data type of 'double'"
        " but possible types 'string, keyword' in the request."
    ) in body["msg"]
    assert stored(iterable) == (1, 1)


def test_event_types_are_per_event_name(iterable: SimulatedIterable) -> None:
    """The same field of another event may be of another type."""
    post(iterable, TRACK, EVENT | {"dataFields": {"total": 1.5}})

    response = post(iterable, TRACK, EVENT | {"eventName": "Other", "dataFields": {"total": "x"}})

    assert response.status_code == 200


@pytest.mark.parametrize("path", [UPDATE, BULK_UPDATE])
def test_a_users_type_clash(iterable: SimulatedIterable, path: str) -> None:
    """Users are refused as events are, single and bulk."""
    post(iterable, UPDATE, USER | {"dataFields": {"age": 1}})
    bad = USER | {"dataFields": {"age": "old"}}

    response = post(iterable, path, bad if path == UPDATE else {"users": [bad]})

    assert (response.status_code, response.json()["code"]) == (400, "RequestFieldsTypesMismatched")
    assert [each["category"] for each in response.json()["params"]["validationErrors"].values()] == ["user"]


def test_a_type_clash_can_be_the_items_matter(iterable: SimulatedIterable) -> None:
    """Switched, bulkUpdate lists the user as invalidData and takes the rest; trackBulk has no such list."""
    iterable.configure(type_mismatch_in_bulk="per_item")
    post(iterable, UPDATE, USER | {"dataFields": {"age": 1}})
    post(iterable, TRACK, EVENT | {"dataFields": {"n": 1}})
    bad = {"dataFields": {"age": "old"}}
    users = [{"email": "b@example.com"} | bad, {"userId": "u1"} | bad, {"email": "c@example.com"}]

    users_answer = post(iterable, BULK_UPDATE, {"users": users}).json()
    events_answer = post(iterable, TRACK_BULK, {"events": [EVENT | {"dataFields": {"n": "x"}}]})

    assert (users_answer["successCount"], users_answer["failCount"]) == (1, 2)
    assert users_answer["failedUpdates"]["invalidDataEmails"] == ["b@example.com"]
    assert users_answer["failedUpdates"]["invalidDataUserIds"] == ["u1"]
    assert events_answer.status_code == 400


def test_the_wording_of_a_type_clash_is_switchable(iterable: SimulatedIterable) -> None:
    """Status, category and the prefix of a field have all been seen otherwise."""
    iterable.configure(type_mismatch_status=500, event_category="event", validation_error_prefix="etl:::")
    post(iterable, TRACK, EVENT | {"dataFields": {"n": 1}})

    response = post(iterable, TRACK, EVENT | {"dataFields": {"n": "x"}})

    errors = response.json()["params"]["validationErrors"]
    assert (response.status_code, list(errors), errors["etl:::n"]["category"]) == (500, ["etl:::n"], "event")


# The number of fields


def test_too_many_user_fields(iterable: SimulatedIterable) -> None:
    """A request that would make too many, nested ones counted, is refused whole."""
    iterable.configure(user_field_limit=3)
    post(iterable, UPDATE, USER | {"dataFields": {"a": 1}})

    full = post(iterable, BULK_UPDATE, {"users": [USER | {"dataFields": {"a": 2, "b": {"c": 1, "d": 2}}}]})
    fits = post(iterable, BULK_UPDATE, {"users": [USER | {"dataFields": {"a": 2, "b": {"c": 1}}}]})

    body = full.json()
    assert (full.status_code, body["code"]) == (400, "UniqueFieldsLimitExceeded")
    assert body["params"] == {"limit": 3, "requestedTotal": 4, "newFields": ["b", "b.c", "b.d"]}
    assert "exceeds the limit of 3" in body["msg"]
    assert fits.status_code == 200


@pytest.mark.parametrize(("scope", "statuses"), [("project", [200, 400, 400]), ("event", [200, 200, 400])])
def test_too_many_event_fields(iterable: SimulatedIterable, scope: str, statuses: list[int]) -> None:
    """Fields are counted over all events of the project, or switched per event name."""
    iterable.configure(event_field_limit=1, event_field_limit_scope=scope)
    one = EVENT | {"dataFields": {"a": 1}}
    other = one | {"eventName": "Other"}
    more = one | {"dataFields": {"b": 1}}

    assert statuses == [post(iterable, TRACK_BULK, {"events": [each]}).status_code for each in (one, other, more)]


# The order of the steps


def test_the_first_thing_wrong_is_answered(iterable: SimulatedIterable) -> None:
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
        CLOCK.now += wait
        response = post(iterable, BULK_UPDATE, body, **headers)
        is_json = response.headers["Content-Type"] == "application/json"
        answers.append(response.json().get("code", 200) if is_json else response.status_code)

    expected = ["BadApiKey", "RateLimitExceeded", 413, "BatchTooLarge", "BadJsonBody", "RequestFieldsTypesMismatched"]
    assert [*expected, "UniqueFieldsLimitExceeded", 200] == answers
