# SPDX-License-Identifier: Apache-2.0
"""What must agree between a row of `calls` and the operation that it names. Knows no YAML.

Read from the document itself, as in checks.py: a mistake in one key must not hide one in another.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.config.document import Document
from pipeline.config.problems import Keys, Problem
from pipeline.config.suggestions import closest
from transforms.iterable.operation import Operation
from transforms.iterable.operations import BY_CALL
from transforms.mapping.call_fields import TOLD, as_field


def call_problems(document: Document) -> Iterator[Problem]:
    """Of all rows whose operation there is."""
    rows = document.at(("calls",))
    for number, row in enumerate(rows if isinstance(rows, list) else []):
        name = row.get("call") if isinstance(row, dict) else None
        if isinstance(name, str) and name in BY_CALL:
            keys: Keys = ("calls", number)
            yield from _of_project(document, keys, BY_CALL[name])
            yield from _of_confirm(document, keys, row, BY_CALL[name])
            fields = row.get("fields", {})
            if isinstance(fields, dict):
                yield from _of_fields(document, (*keys, "fields"), fields, BY_CALL[name])


def _of_project(document: Document, keys: Keys, operation: Operation) -> Iterator[Problem]:
    project_type = document.at(("destination", "project_type"))
    if project_type in ("email", "user_id", "hybrid") and project_type not in operation.project_types:
        rule = f"must not be {operation.name}: it is for projects of type {', '.join(operation.project_types)}"
        yield document.problem((*keys, "call"), rule, "Remove the row: there a user update changes the email")


def _of_confirm(document: Document, keys: Keys, row: Mapping[str, Any], operation: Operation) -> Iterator[Problem]:
    if operation.confirm and row.get("confirm") != operation.confirm:
        rule = f"must be spelled out: {operation.name} cannot be undone"
        yield document.problem((*keys, "confirm"), rule, f"Add confirm: {operation.confirm}")
    elif not operation.confirm and "confirm" in row:
        rule = f"must not be set: {operation.name} needs none"
        yield document.problem((*keys, "confirm"), rule, "Remove it")


def _of_fields(document: Document, keys: Keys, fields: Mapping[str, Any], operation: Operation) -> Iterator[Problem]:
    types = {field.name: field.type for field in operation.fields}
    for name, source in fields.items():
        if name not in types:
            close = closest(name, types)
            remedy = f"Did you mean '{close}'?" if close else f"Its fields: {', '.join(types) or 'none'}"
            yield document.problem((*keys, name), f"is no field of {operation.name}", remedy)
        elif isinstance(source, dict):
            for key in {"value", "default"} & source.keys():
                if source[key] is not None and not _fits(source[key], name, operation):
                    rule = f"must be {TOLD[types[name]]}: {name} of {operation.name} takes nothing else"
                    yield document.problem_with_value((*keys, name, key), rule, "Correct it")
    for names in operation.needs:
        if not any(name in fields for name in names):
            rule = f"must have {' or '.join(names)}: {operation.name} needs it"
            yield document.problem(keys, rule, f"Add {names[0]}: event_properties.NAME")


def _fits(constant: Any, name: str, operation: Operation) -> bool:
    """Nothing of a constant is converted: it can be written as it is meant."""
    type_name = next(field.type for field in operation.fields if field.name == name)
    try:
        made = as_field(constant, type_name)
    except ValueError:
        return False
    return bool(made == constant) and type(made) is type(constant)
