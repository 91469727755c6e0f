# SPDX-License-Identifier: Apache-2.0
"""bulkUpdate and trackBulk: items in order, then one 200 that tells their failures by id. Knows no rule on an item."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pipeline.sandbox.iterable.judging import DISALLOWED, EMAILS, USER_IDS, Failure, judge_event, judge_user
from pipeline.sandbox.iterable.responses import Response, Tally, envelope, ok
from pipeline.sandbox.iterable.schema import Fields
from pipeline.sandbox.iterable.settings import Settings
from pipeline.sandbox.iterable.simulation import Simulation, WriteCall

USER_LISTS = ("invalid", "notFound", "invalidData", "conflict", "forgotten")
EVENT_LISTS = ("invalid", "notFound", "forgotten")
NOT_IN_2022 = ("failedUpdates", "createdFields", "filteredOutFields")


@dataclass
class Results:
    """What the items of one request came to."""

    accepted: int = 0
    failed: int = 0
    duplicate_ids: int = 0
    listed: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # invalidEmails, …
    disallowed: dict[str, None] = field(default_factory=dict)
    created: dict[str, str] = field(default_factory=dict)
    filtered: dict[str, None] = field(default_factory=dict)

    def accept(self, fields: Fields) -> None:
        self.accepted += 1
        if fields.created or fields.filtered:
            self.created.update(fields.created)
            self.filtered.update(dict.fromkeys(fields.filtered))

    def fail(self, failure: Failure, settings: Settings) -> None:
        if failure.why == DISALLOWED:
            self.disallowed[failure.value] = None
            self.accepted += not settings.disallowed_counts_as_fail
            self.failed += settings.disallowed_counts_as_fail
            return
        self.failed += 1
        if failure.ids:
            lower = failure.ids == EMAILS and settings.echo_email_case == "lower"
            self.listed[failure.why + failure.ids].append(failure.value.lower() if lower else failure.value)

    @property
    def tally(self) -> Tally:
        return Tally(self.accepted, self.failed, self.duplicate_ids)


def bulk_update(simulation: Simulation, call: WriteCall) -> Response:
    """users/bulkUpdate."""
    settings = simulation.settings
    if not call.items and settings.empty_users == "legacy_400":
        return envelope(400, "InvalidEmailAddressError", "Emails invalid: ")
    results, update_only = Results(), bool(call.json.get("updateOnly"))
    for item, fields in zip(call.items, call.fields, strict=True):
        update = judge_user(simulation, item, fields, update_only)
        if isinstance(update, Failure):
            results.fail(update, settings)
            continue
        simulation.write_user(update, fields)
        results.accept(fields)
    return answer_of_users(results, settings)


def answer_of_users(results: Results, settings: Settings) -> Response:
    """UserBulkUpdateListResponse."""
    failures = _failure_lists(results, USER_LISTS, settings)
    return _answer(
        results,
        settings,
        invalidEmails=failures["invalidEmails"],
        invalidUserIds=failures["invalidUserIds"],
        noOpEmails=[],
        noOpUserIds=[],
        failedUpdates=failures,
    )


def track_bulk(simulation: Simulation, call: WriteCall) -> Response:
    """events/trackBulk."""
    settings, results = simulation.settings, Results()
    now, delay = simulation.clock(), settings.async_delay.events
    for item, fields in zip(call.items, call.fields, strict=True):
        event = judge_event(simulation, item, fields)
        if isinstance(event, Failure):
            results.fail(event, settings)
            continue
        results.duplicate_ids += simulation.store.accept_event(event, fields.created, now, delay)
        results.accept(fields)
    failures = _failure_lists(results, EVENT_LISTS, settings)
    return _answer(
        results,
        settings,
        invalidEmails=failures["invalidEmails"],
        invalidUserIds=failures["invalidUserIds"] + failures["notFoundUserIds"],  # as the Swagger has it
        disallowedEventNames=list(results.disallowed),
        failedUpdates=failures,
    )


def _failure_lists(results: Results, reasons: Iterable[str], settings: Settings) -> dict[str, list[str]]:
    lists = {why + ids: results.listed[why + ids] for why in reasons for ids in (EMAILS, USER_IDS)}
    if settings.dedupe_failure_lists:
        return {name: list(dict.fromkeys(values)) for name, values in lists.items()}
    return lists


def _answer(results: Results, settings: Settings, **lists: Any) -> Response:
    payload = {
        "successCount": results.accepted,
        "failCount": results.failed,
        **lists,
        "createdFields": list(results.created),
        "filteredOutFields": list(results.filtered),
        **settings.extra_response_fields,
    }
    if not settings.failed_updates:
        payload = {name: value for name, value in payload.items() if name not in NOT_IN_2022}
    return ok(payload, results.tally)
