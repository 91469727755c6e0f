import ast
import re
from pathlib import Path

import pytest

from pipeline.runs.chunk_loop import PROCESSING_FAILED
from transforms.iterable import responses
from transforms.model.outcomes import UNKNOWN_USER
from transforms.model.reasons import REMEDIES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "dead_letters.md").read_text()


def reasons_of_rules() -> set[str]:
    """First argument of every RejectedError that a rule raises, and the two that a rule chooses between."""
    reasons = {"invalid_campaign_id", "invalid_template_id"}
    for file in (ROOT / "transforms").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "RejectedError":
                reasons |= {str(reason.value) for reason in node.args[:1] if isinstance(reason, ast.Constant)}
    return reasons


def reasons_of_iterable() -> set[str]:
    codes, lists = set(responses._CODES.values()), set(responses._LISTS.values())
    return codes | lists | {responses.REFUSED, responses.DISALLOWED, UNKNOWN_USER, "expired"}


def test_every_reason_has_a_remedy() -> None:
    """And there is none for a reason that does not exist."""
    assert reasons_of_rules() | reasons_of_iterable() | {PROCESSING_FAILED} == REMEDIES.keys()


@pytest.mark.parametrize("reason", REMEDIES)
def test_every_reason_is_on_the_operators_page(reason: str) -> None:
    """With what it means."""
    assert re.search(rf"^\| `{reason}` \|", PAGE, re.MULTILINE)


def test_the_page_names_no_other_reason() -> None:
    """A reason that is gone leaves no line behind."""
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == REMEDIES.keys()


@pytest.mark.parametrize("reason", REMEDIES)
def test_a_remedy_is_a_sentence_or_two(reason: str) -> None:
    """What it means and what to do, for a person who does not know the code."""
    meaning, remedy = REMEDIES[reason]

    assert meaning[0].isupper()
    assert meaning.endswith(".")
    assert remedy.endswith(".")
