# SPDX-License-Identifier: Apache-2.0
import ast
import copy
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from transforms.branch import BranchEvents
from transforms.calls import CallOperations
from transforms.identify import IdentifyUsers
from transforms.model import reasons
from transforms.model.errors import DroppedError, RejectedError
from transforms.model.outcomes import DEAD_LETTERED, DROPPED, NOTED
from transforms.model.reasons import REASONS, Reason, not_expressible, of_kind
from transforms.parse import ParseMessages
from transforms.track import TrackEvents

ROOT = Path(__file__).parents[3]
ROOMS = ("transforms", "pipeline")
FILES = [
    file
    for room in ROOMS
    for file in (ROOT / room).rglob("*.py")
    if "sandbox" not in file.parts and not file.name.endswith("reasons.py")
]
TREES = {file: ast.parse(file.read_bytes()) for file in FILES}

# The rules that a step applies, and the step.
STEPS = {
    "parse": (("parse_event",), ParseMessages),
    "branch": (("parts_of",), BranchEvents),
    "identify": (("filter_identify", "map_identify"), IdentifyUsers),
    "track": (("filter_track", "map_track"), TrackEvents),
    "calls": (("filter_call", "map_call"), CallOperations),
}
NEVER_GIVEN = {  # by what they share with identify: they reserve no field
    "track": {reasons.RESERVED_FIELD},
    "calls": {reasons.RESERVED_FIELD},
}
TITLES = {"Drops": DROPPED, "Rejects": DEAD_LETTERED, "Notes": NOTED}
GIVEN_AS = {"DroppedError": DROPPED, "RejectedError": DEAD_LETTERED, "note": NOTED}


def names_in(tree: ast.AST) -> Iterator[str]:
    """Of what is used, by its last name: functions, methods, attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def reasons_in(tree: ast.AST) -> set[Reason]:
    """Those that stand there as `reasons.NAME`, and the family of `reasons.not_expressible(…)`."""
    found = {
        getattr(reasons, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "reasons"
        if hasattr(reasons, node.attr)
    }
    return {reasons.NOT_EXPRESSIBLE if each is not_expressible else each for each in found}


def reasons_reached_from(*names: str) -> set[Reason]:
    """Of the functions, methods and tables of these names, and of all that they name in turn, in no room above."""
    functions: dict[str, list[tuple[str, ast.AST]]] = {}
    for file, tree in TREES.items():
        if file.parent.name in ("amplitude", "mapping"):
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    functions.setdefault(node.name, []).append((file.parent.name, node))
            for node in tree.body:
                for target in node.targets if isinstance(node, ast.Assign) else ():
                    functions.setdefault(ast.unparse(target), []).append((file.parent.name, node))
    ahead = [each for name in names for each in functions[name]]
    seen: list[ast.AST] = []
    while ahead:
        room, function = ahead.pop()
        seen.append(function)
        named = [each for name in set(names_in(function)) for each in functions.get(name, [])]
        ahead += [each for each in named if each[1] not in seen and (room == "mapping" or each[0] == room)]
    return set().union(*map(reasons_in, seen))


def told_in(docstring: str) -> dict[str, set[str]]:
    """What stands behind `Drops:`, `Rejects:` and `Notes:`, by the kind; each up to the next full stop."""
    return {
        kind: set(re.findall(r"[a-z]+(?:_[a-z]+)+(?:_<operator>)?", listed[1]))
        for title, kind in TITLES.items()
        if (listed := re.search(rf"{title}: ([^.]*)\.", docstring))
    }


def test_a_constant_is_called_like_its_code() -> None:
    """So whoever reads a counter finds the reason; no two have one code."""
    names = {name: value for name, value in vars(reasons).items() if isinstance(value, Reason)}

    assert {name.lower() for name in names} - {"not_expressible"} == {
        reason.code for reason in REASONS if reason is not reasons.NOT_EXPRESSIBLE
    }
    assert all(value.code.startswith(name.lower()) for name, value in names.items())
    assert len({reason.code for reason in REASONS}) == len(REASONS)


def test_no_reason_is_unused() -> None:
    """Each stands somewhere in the program, by its name or by its code."""
    used = set().union(*map(reasons_in, TREES.values()))
    texts = {node.value for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.Constant)}

    assert [reason for reason in REASONS if reason not in used and reason.code not in texts] == []


def test_what_an_outcome_is_given_as_a_reason_is_one() -> None:
    """A raised reason must be one by its type; an outcome's is a text."""
    texts = {
        node.args[2].value
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Outcome"
        if isinstance(node.args[2], ast.Constant)
    }

    assert texts - {reason.code for reason in REASONS} <= {""}


def test_a_reason_is_given_as_its_kind() -> None:
    """A drop is dropped, a rejection is dead-lettered, a note is noted."""
    given = [
        (file.name, reason.code, reason.kind, GIVEN_AS[node.func.id])
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in GIVEN_AS
        for reason in reasons_in(node.args[0])
    ]

    assert len(given) > 30
    assert [each for each in given if each[2] != each[3]] == []


@pytest.mark.parametrize("step", STEPS)
def test_a_step_gives_the_reasons_that_the_registry_and_its_docstring_say(step: str) -> None:
    """What its rules can reach in the code, by the names they use."""
    rules, transform = STEPS[step]
    reached = reasons_reached_from(*rules) - NEVER_GIVEN.get(step, set())
    expected = {kind: {reason.code for reason in reached if reason.kind == kind} for kind in TITLES.values()}

    assert {reason.code for reason in REASONS if step in reason.stages} == {reason.code for reason in reached}
    assert told_in(str(transform.__doc__)) == {kind: codes for kind, codes in expected.items() if codes}


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_a_reason_is_a_sentence_or_two(reason: Reason) -> None:
    """What it means and what to do, for a person who does not know the code; of a dead letter always both."""
    assert reason.stages
    assert reason.meaning[0].isupper()
    assert reason.meaning.endswith(".")
    assert reason.remedy.endswith(".") or (not reason.remedy and reason.kind != DEAD_LETTERED)


@pytest.mark.parametrize("reason", of_kind(DEAD_LETTERED).values(), ids=str)
def test_a_remedy_speaks_of_a_replay_where_one_may_help(reason: Reason) -> None:
    """A report counts as replayable what the registry does not call final."""
    assert reason.is_final != bool(re.search(r"\breplay (them|one letter)", reason.remedy))


def test_the_codes_are_interfaces() -> None:
    """Names of counters, of `dl_reason` and in state: one that goes or changes is a changelog line."""
    expected = {
        DEAD_LETTERED: "line_too_long too_many_values not_json not_an_object wrong_type missing_event_type"
        " missing_event_time bad_event_time invalid_email invalid_user_id invalid_campaign_id invalid_template_id"
        " missing_event_name unconvertible_property item_too_large invalid_item invalid_call_field not_encodable"
        " bad_json_body field_type_mismatch field_limit_exceeded invalid_data identity_conflict"
        " identity_change_refused forgotten_user disallowed_event_name unknown_user refused_by_iterable expired"
        " unanswered processing_failed",
        DROPPED: "group_identify merged_ids other_sync outside_time_range events_only identify_not_selected"
        " part_not_selected users_disabled user_where_not_met nothing_to_send events_disabled event_not_selected"
        " reserved_event where_not_met no_value_to_send same_user not_replayed no_identity",
        NOTED: "lone_surrogate not_expressible_<operator> reserved_field left_out_value future_event_time"
        " shadowed_user_property created_field filtered_out_field waiting_full",
    }

    assert {kind: " ".join(of_kind(kind)) for kind in (DEAD_LETTERED, DROPPED, NOTED)} == expected


def test_an_operator_that_cannot_be_expressed_has_a_code_of_its_own() -> None:
    """The dollar sign is none of the counter's."""
    assert not_expressible("$setOnce").code == "not_expressible_setOnce"


@pytest.mark.parametrize(
    "error",
    [DroppedError(reasons.NO_IDENTITY), RejectedError(reasons.INVALID_EMAIL, "user_properties.email")],
    ids=repr,
)
def test_an_error_survives_the_way_to_another_process(error: DroppedError | RejectedError) -> None:
    """With the code that its outcome gets."""
    again = pickle.loads(pickle.dumps(copy.copy(error)))

    assert (type(again), again.reason, vars(again)) == (type(error), error.reason, vars(error))
