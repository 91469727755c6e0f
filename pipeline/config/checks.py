# SPDX-License-Identifier: Apache-2.0
"""What must agree between keys that live apart. Knows no YAML.

The checks of problems read what they can of the document itself: a mistake in one key must not hide one in another.
"""

from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError

from pipeline.config.call_checks import call_problems
from pipeline.config.document import Document
from pipeline.config.model import Mappings
from pipeline.config.problems import Keys, Problem
from pipeline.config.properties import PropertyRow, PropertyRowOrName
from transforms.iterable.reserved_fields import RESERVED_FIELDS
from transforms.mapping.identity import IDENTIFIED_BY
from transforms.model.user_keys import EMAIL, USER_ID

_PROPERTY: TypeAdapter[PropertyRow] = TypeAdapter(PropertyRowOrName)
_LISTS = "event_properties", "user_properties"
_MAPPINGS = {EMAIL: "email", USER_ID: "user_id"}  # the key of `mappings` that each id of Iterable's comes from


def problems_between_keys(document: Document) -> Iterator[Problem]:
    """What no key shows alone."""
    yield from _missing_identity(document)
    yield from call_problems(document)
    for section in ("create_and_update_users", "send_events"):
        for keys in [(section,), *_event_rows(document, section)]:
            rows = [row for name in _LISTS for row in _rows(document, (*keys, name))]
            if section == "create_and_update_users":
                yield from _unwritable_targets(document, rows)
            yield from _targets_twice(document, rows)


def _event_rows(document: Document, section: str) -> Iterator[Keys]:
    """Of two rows that fill one field, one of the section and one of such a row, the latter goes: both may be there."""
    rows = document.at((section, "events"))
    return ((section, "events", i) for i in range(len(rows) if isinstance(rows, list) else 0))


def _missing_identity(document: Document) -> Iterator[Problem]:
    mappings = document.at(("mappings",))
    project_type = document.at(("destination", "project_type"))
    if not isinstance(mappings, dict) or project_type not in list(IDENTIFIED_BY):  # it may be a list, too
        return
    usable = [_MAPPINGS[field] for field in IDENTIFIED_BY[project_type]]
    if all(mappings.get(key, "") is None and ("mappings", key) not in document.refused for key in usable):
        rule = f"must not be null in a project of type {project_type}: its users are known by {' or '.join(usable)}"
        remedy = f"Use {getattr(Mappings(), usable[0]).source}, or the property that holds it"
        yield document.problem_with_value(("mappings", usable[0]), rule, remedy)


def _rows(document: Document, keys: Keys) -> Iterator[tuple[Keys, PropertyRow]]:
    """The rows at `keys` that are well-formed: the schema tells of the others."""
    rows = document.at(keys)
    for i, row in enumerate(rows if isinstance(rows, list) else []):
        well_formed = _read_row(row)
        if well_formed and not well_formed.is_everything:
            yield (*keys, i), well_formed


def _read_row(row: object) -> PropertyRow | None:
    try:
        return _PROPERTY.validate_python(row)
    except ValidationError:
        return None


def _unwritable_targets(document: Document, rows: list[tuple[Keys, PropertyRow]]) -> Iterator[Problem]:
    for keys, row in rows:
        if row.target in RESERVED_FIELDS:
            rule = f"must not become the field {row.target}: Iterable manages it"
            yield document.problem_with_value((*keys, "as"), rule, "Give it another name with as")
        elif row.target in _MAPPINGS:
            mapping = f"mappings.{_MAPPINGS[row.target]}"
            rule = f"must not become the field {row.target}: {mapping} writes it"
            remedy = f"Set {mapping}, or give it another name with as"
            yield document.problem_with_value((*keys, "as"), rule, remedy)


def _targets_twice(document: Document, rows: list[tuple[Keys, PropertyRow]]) -> Iterator[Problem]:
    """Of one field, and of a field beside those inside of it."""
    first: dict[tuple[str, ...], Keys] = {}
    inside: dict[tuple[str, ...], Keys] = {}  # the objects that the rows make
    for keys, row in rows:
        holders = [row.keys[:end] for end in range(1, len(row.keys))]
        taken = next((holder for holder in holders if holder in first), None)
        rule = ""
        if row.keys in first:
            rule = f"must not become the field {_told(row.keys)} too: line {document.lines[first[row.keys]]} does"
        elif taken:
            rule = f"must not go into the field {_told(taken)}: line {document.lines[first[taken]]} is its value"
        elif row.keys in inside:
            rule = f"must not become the field {_told(row.keys)}: line {document.lines[inside[row.keys]]} goes into it"
        if rule:
            yield document.problem_with_value((*keys, "as"), rule, "Give one of them another name with as")
        first.setdefault(row.keys, keys)
        inside |= {holder: keys for holder in holders if holder not in inside}
        yield from _targets_twice(document, list(_rows(document, (*keys, "each"))))


def _told(keys: tuple[str, ...]) -> str:
    return ".".join(keys)
