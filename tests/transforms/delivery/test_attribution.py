# SPDX-License-Identifier: Apache-2.0
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.delivery.attribution import Attribution, attribute
from transforms.delivery.batch import Batch, Pending, Record
from transforms.delivery.settings import DeliveryRules
from transforms.iterable.responses import Accepted, Refused
from transforms.model import reasons
from transforms.model.items import TRACK, USER, Item
from transforms.model.reasons import Reason

NewItem = Callable[..., Item]


def batch_of(*items: Item) -> Batch:
    return resend(items[0].part, [Record((Pending(item, 0.0),), item.body) for item in items])


def resend(part: str, records: Sequence[Record]) -> Batch:
    return Batch(DeliveryRules().by_part[part], tuple(records))


def again(attribution: Attribution) -> list[Batch]:
    """The requests that it asks for, of events; what was narrowed down is known to have been."""
    for pending in (pending for records in attribution.again for record in records for pending in record.pending):
        pending.narrowed = pending.narrowed or attribution.is_narrowed
    return [resend(TRACK, records) for records in attribution.again]


def accepted(fail_count: int, users: dict[str, Reason] | None = None, names: Sequence[str] = ()) -> Accepted:
    return Accepted("HTTP 200", failed_users=users or {}, failed_names=frozenset(names), fail_count=fail_count)


def refused(*suspects: int) -> Refused:
    return Refused("HTTP 400 BadJsonBody", reason=reasons.BAD_JSON_BODY, suspects=suspects)


def user_ids(attribution: Attribution) -> dict[str, Any]:
    """A attribution in the userIds of its records."""
    return {
        "delivered": [record.item.user_id for record in attribution.delivered],
        "refused": [(record.item.user_id, str(reason)) for record, reason in attribution.refused],
        "again": [[record.item.user_id for record in records] for records in attribution.again],
    }


INVALID = {"b": reasons.INVALID_USER_ID}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (accepted(0), {"delivered": ["a", "b", "c", "b"], "refused": [], "again": []}),
        (
            accepted(2, INVALID),
            {"delivered": ["a", "c"], "refused": [("b", "invalid_user_id"), ("b", "invalid_user_id")], "again": []},
        ),
        (accepted(1, INVALID), {"delivered": ["a", "c"], "refused": [], "again": [["b"], ["b"]]}),
        (accepted(0, INVALID), {"delivered": ["a", "c"], "refused": [], "again": [["b"], ["b"]]}),
        (
            accepted(3, INVALID),
            {
                "delivered": [],
                "refused": [("b", "invalid_user_id"), ("b", "invalid_user_id")],
                "again": [["a"], ["c"]],
            },
        ),
        (accepted(1), {"delivered": [], "refused": [], "again": [["a", "b"], ["c", "b"]]}),
        (
            accepted(1, {"x": reasons.INVALID_USER_ID}),
            {"delivered": [], "refused": [], "again": [["a", "b"], ["c", "b"]]},
        ),
        (accepted(0, {"x": reasons.INVALID_USER_ID}), {"delivered": ["a", "b", "c", "b"], "refused": [], "again": []}),
    ],
    ids=[
        "nothing failed",
        "the count is right: the verdict is on the user",
        "fewer failed than listed: the listed ones apart",
        "none failed, yet one is listed",
        "more failed than listed: the others in halves",
        "failed, but nobody is listed",
        "failed, but only a stranger is listed",
        "only a stranger is listed, and none failed",
    ],
)
def test_counters_are_read_per_record(new_track: NewItem, answer: Accepted | Refused, expected: dict[str, Any]) -> None:
    """One bad record costs one record; only where the count contradicts the lists are the doubtful ones sent again."""
    batch = batch_of(*(new_track(user_id) for user_id in "abcb"))

    actual = user_ids(attribute(batch, answer))

    assert expected == actual


@pytest.mark.parametrize(
    ("fail_count", "users", "expected_delivered", "expected_refused"),
    [
        (1, {}, ["b", "c"], [("a", "disallowed_event_name")]),
        (0, {}, ["b", "c"], [("a", "disallowed_event_name")]),
        (2, INVALID, ["c"], [("a", "disallowed_event_name"), ("b", "invalid_user_id")]),
        (1, INVALID, ["c"], [("a", "disallowed_event_name"), ("b", "invalid_user_id")]),
    ],
)
def test_disallowed_names_are_failures_counted_or_not(
    new_track: NewItem,
    fail_count: int,
    users: dict[str, Reason],
    expected_delivered: list[str],
    expected_refused: list[tuple[str, str]],
) -> None:
    """Whether failCount includes events of a disallowed name is not documented: both sums are right."""
    batch = batch_of(new_track("a", name="Secret"), new_track("b"), new_track("c"))

    attribution = attribute(batch, accepted(fail_count, users, ["Secret"]))

    assert {"delivered": expected_delivered, "refused": expected_refused, "again": []} == user_ids(attribution)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (accepted(0), []),
        (accepted(0, {"x": reasons.INVALID_USER_ID}), []),
        (accepted(1), [("b", "refused_by_iterable")]),
        (accepted(1, INVALID), [("b", "invalid_user_id")]),
        (accepted(0, INVALID), [("b", "invalid_user_id")]),
        (accepted(5, INVALID), [("b", "invalid_user_id")]),
        (accepted(1, {"x": reasons.INVALID_USER_ID}), [("b", "refused_by_iterable")]),
        (refused(), [("b", "bad_json_body")]),
        (refused(0), [("b", "bad_json_body")]),
        (refused(7), [("b", "bad_json_body")]),
    ],
)
def test_a_record_alone_is_settled_at_once(
    new_track: NewItem, answer: Accepted | Refused, expected: list[tuple[str, str]]
) -> None:
    """There is nothing to narrow down in a batch of one, whatever the answer's numbers."""
    attribution = user_ids(attribute(batch_of(new_track("b")), answer))

    assert {"delivered": [] if expected else ["b"], "refused": expected, "again": []} == attribution


@pytest.mark.parametrize(
    ("item", "users", "expected"),
    [
        ({"user_id": "u", "email": "Ada@Example.com"}, {"ada@example.com": "conflict"}, "conflict"),
        ({"user_id": "u", "email": "Ada@Example.com"}, {"u": "conflict"}, "conflict"),
        ({"user_id": "", "email": "Ada@Example.com"}, {"ada@example.com": "conflict"}, "conflict"),
        ({"user_id": "U"}, {"u": "conflict"}, reasons.REFUSED_BY_ITERABLE),
    ],
)
def test_a_listed_user_is_found_by_either_id(
    new_update: NewItem, item: dict[str, str], users: dict[str, Reason], expected: Reason
) -> None:
    """Emails compare in lower case, userIds exactly; either id of an update may be the one that is listed."""
    attribution = attribute(batch_of(new_update(**item)), accepted(1, users))

    assert [expected] == [reason for _, reason in attribution.refused]


def test_any_update_of_a_coalesced_record_may_be_the_listed_one(new_update: NewItem) -> None:
    """A record stands for all the updates in it, and one of them may have brought the id that is refused."""
    updates = (new_update("u"), new_update("u", email="ada@example.com"))
    record = Record(tuple(Pending(update, 0.0) for update in updates), updates[1].body)

    attribution = attribute(resend(USER, [record]), accepted(1, {"ada@example.com": reasons.IDENTITY_CONFLICT}))

    assert [(record, reasons.IDENTITY_CONFLICT)] == attribution.refused


@pytest.mark.parametrize(("odd", "first"), [(1, ["b", "c", "d", "e"]), (4, ["a", "b", "c", "d"])])
def test_the_many_decide_the_type_of_a_new_field(new_track: NewItem, odd: int, first: list[str]) -> None:
    """Iterable keeps the type of the first value it takes: were the odd one first, all others would be bad."""
    names = "abcde"
    values = [5 if (index < odd) == (odd == 1) else "text" for index in range(len(names))]
    batch = batch_of(*(new_track(name, dataFields={"new": value}) for name, value in zip(names, values, strict=True)))

    attribution = attribute(batch, Refused("", reason=reasons.FIELD_TYPE_MISMATCH, clashes={"new": 5}))

    assert user_ids(attribution)["again"][0] == first


@pytest.mark.parametrize(
    ("suspects", "expected_refused", "expected_again"),
    [
        ((), "", [["a", "b", "c"], ["d", "e"]]),
        ((1,), "", [["b"], ["a", "c", "d", "e"]]),
        ((1, 3), "", [["b", "d"], ["a", "c", "e"]]),
        ((1, 9), "", [["b"], ["a", "c", "d", "e"]]),
        ((9,), "", [["a", "b", "c"], ["d", "e"]]),
        ((0, 1, 2, 3, 4), "abcde", []),
    ],
    ids=["no clue", "one", "two", "one of two out of range", "out of range", "all"],
)
def test_a_refused_batch_is_narrowed_down(
    new_track: NewItem, suspects: tuple[int, ...], expected_refused: str, expected_again: list[list[str]]
) -> None:
    """Named records go apart from the rest, to fail by themselves; without a usable name the batch is halved."""
    attribution = user_ids(attribute(batch_of(*map(new_track, "abcde")), refused(*suspects)))

    assert {
        "delivered": [],
        "refused": [(user_id, "bad_json_body") for user_id in expected_refused],
        "again": expected_again,
    } == attribution


def test_positions_are_believed_once(new_track: NewItem) -> None:
    """An answer that names the wrong record each time would cost a request for each record: then halves are cheaper."""
    expected = [["b", "c"], ["d", "e"]]

    first = attribute(batch_of(*map(new_track, "abcde")), refused(0))
    second = attribute(again(first)[1], refused(0))

    assert expected == user_ids(second)["again"]


POISONOUS = st.integers(1, 300).flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1))))
NAMINGS: dict[str, Callable[[list[int], int], Sequence[int]]] = {
    "nothing": lambda bad, size: [],
    "all of them": lambda bad, size: bad,
    "the first": lambda bad, size: bad[:1],
    "the one after": lambda bad, size: [bad[0] + 1],
    "out of range": lambda bad, size: [size + 7],
    "a good one": lambda bad, size: [index for index in range(size) if index not in bad][:1],
    "all but one": lambda bad, size: [index for index in range(size) if index != bad[0]],
}


@pytest.mark.parametrize("naming", NAMINGS)
@settings(deadline=None)
@given(poisonous=POISONOUS)
def test_poison_is_found_in_a_bounded_number_of_requests(
    new_track: NewItem, naming: str, poisonous: tuple[int, set[int]]
) -> None:
    """Whatever a server names, exactly the bad records are refused, for at most 2·⌈log2 n⌉ + 2 requests each."""
    size, poison = poisonous
    items = [new_track("u") for _ in range(size)]
    bad_items = {id(items[index]) for index in poison}
    delivered: list[int] = []
    refused_items: list[int] = []
    waiting, requests = [batch_of(*items)], 0
    while waiting:
        batch = waiting.pop()
        requests += 1
        bad = [index for index, record in enumerate(batch.records) if id(record.item) in bad_items]
        answer = refused(*NAMINGS[naming](bad, len(batch.records))) if bad else accepted(0)
        attribution = attribute(batch, answer)
        delivered += [id(record.item) for record in attribution.delivered]
        refused_items += [id(record.item) for record, _ in attribution.refused]
        waiting += again(attribution)

    assert sorted(bad_items) == sorted(refused_items)
    assert sorted({id(item) for item in items} - bad_items) == sorted(delivered)
    assert requests <= 1 + len(poison) * (2 * math.ceil(math.log2(size)) + 2)


@settings(deadline=None)
@given(poisonous=POISONOUS)
def test_unlisted_failures_are_found_in_a_bounded_number_of_requests(
    new_track: NewItem, poisonous: tuple[int, set[int]]
) -> None:
    """Where a 200 counts failures that it does not list, the records at fault are found as fast as in a refusal."""
    size, poison = poisonous
    items = [new_track("u") for _ in range(size)]
    bad_items = {id(items[index]) for index in poison}
    refused_items: list[int] = []
    waiting, requests = [batch_of(*items)], 0
    while waiting:
        batch = waiting.pop()
        requests += 1
        bad = sum(id(record.item) in bad_items for record in batch.records)
        attribution = attribute(batch, accepted(bad))
        refused_items += [id(record.item) for record, _ in attribution.refused]
        waiting += again(attribution)

    assert sorted(bad_items) == sorted(refused_items)
    assert requests <= 1 + len(poison) * (2 * math.ceil(math.log2(size)) + 2)


def test_halving_ends(new_track: NewItem) -> None:
    """Every answer to a refused batch makes smaller batches, so narrowing down cannot go on for ever."""
    for size, suspects in itertools.product(range(2, 6), itertools.chain.from_iterable(_subsets(5))):
        attribution = attribute(batch_of(*(new_track("u") for _ in range(size))), refused(*suspects))

        assert all(0 < len(records) < size for records in attribution.again)


def _subsets(size: int) -> list[list[tuple[int, ...]]]:
    return [list(itertools.combinations(range(size), count)) for count in range(size + 1)]


def clash(value: Any) -> Refused:
    return Refused(
        "HTTP 400 RequestFieldsTypesMismatched", reason=reasons.FIELD_TYPE_MISMATCH, clashes={"total": value}
    )


@pytest.mark.parametrize(("values", "most"), [(["n/a"], 3), (["n/a", "none", "?", "-"], 24)], ids=["one", "several"])
def test_a_named_field_costs_a_handful_of_requests(new_track: NewItem, values: list[str], most: int) -> None:
    """Among a thousand events, ten texts in a field of numbers: apart, the named value refused, the others halved."""
    texts = itertools.cycle(values)
    fields = [{"total": next(texts)} if number % 100 == 7 else {"total": 12} for number in range(1000)]
    waiting, requests = [batch_of(*(new_track("u", dataFields=one) for one in fields))], 0
    delivered: list[Record] = []
    refused_records: list[Record] = []
    while waiting:
        batch = waiting.pop()
        requests += 1
        totals = (orjson.loads(record.body)["dataFields"]["total"] for record in batch.records)
        bad = next((total for total in totals if isinstance(total, str)), None)
        attribution = attribute(batch, clash(bad) if bad else accepted(0))
        delivered += attribution.delivered
        refused_records += [record for record, reason in attribution.refused if reason == reasons.FIELD_TYPE_MISMATCH]
        waiting += again(attribution)

    assert (len(delivered), len(refused_records)) == (990, 10)
    assert all(b'"total":12' in record.body for record in delivered)
    assert requests <= most


def test_a_value_that_can_be_coerced_is_not_refused_with_its_type(new_track: NewItem) -> None:
    """Iterable may take some texts in a field of numbers: only the one that it names is at fault for sure."""
    batch = batch_of(*(new_track(user, dataFields={"total": total}) for user, total in (("a", "12"), ("b", "n/a"))))

    attribution = user_ids(attribute(batch, clash("n/a")))

    assert {"delivered": [], "refused": [("b", "field_type_mismatch")], "again": [["a"]]} == attribution


def test_a_fields_type_holds_for_one_event_name(new_track: NewItem) -> None:
    """A text in another event's field of that name is no fault: each name has to fail by itself."""
    batch = batch_of(
        new_track("a", name="Order", dataFields={"total": "n/a"}),
        new_track("b", name="Song", dataFields={"total": "long"}),
        new_track("c", name="Order", dataFields={"total": "none"}),
    )

    attribution = attribute(batch, clash("n/a"))
    of_one_name = attribute(resend(TRACK, attribution.again[0]), clash("n/a"))

    assert {"delivered": [], "refused": [], "again": [["a", "c"], ["b"]]} == user_ids(attribution)
    assert {"delivered": [], "refused": [("a", "field_type_mismatch")], "again": [["c"]]} == user_ids(of_one_name)
