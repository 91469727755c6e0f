# SPDX-License-Identifier: Apache-2.0
"""What a valid config most likely does not mean with its paths, names and fields. Knows no YAML and no event's row."""

import re
from collections.abc import Iterator, Sequence

from pipeline.config.calls import CallRow
from pipeline.config.document import Document
from pipeline.config.model import Config
from pipeline.config.places import clauses, clauses_in, property_rows, sources
from pipeline.config.problems import Keys, Problem, show_value
from pipeline.config.properties import PropertyRow
from pipeline.config.sources import SourceSpec
from pipeline.config.suggestions import closest
from transforms.amplitude.event_keys import EVENT_KEYS
from transforms.amplitude.parse import IDENTIFY
from transforms.amplitude.paths import SCOPES, Path
from transforms.mapping.filters import EVERYTHING
from transforms.mapping.sources import AS_USUAL, ITEM, Source

_LIKENESS = 0.75  # userId is like user_id, and currency not like country
_POSITION = re.compile(r"\[\]|(?<!\d)\.(\d+)(?:\.|$)")  # but for "version 1.2"


def value_hints(config: Config, document: Document) -> Iterator[Problem]:
    """In no order."""
    yield from _odd_names(config, document)
    yield from _unknown_event_keys(config, document)
    yield from _positions_in_lists(config, document)
    yield from _absent_from_identifies(config, document)
    yield from _paths_as_names(config, document)
    yield from _dotted_fields(config, document)
    yield from _replaced_objects(config, document)
    yield from _one_user_for_all(config, document)


def _odd_names(config: Config, document: Document) -> Iterator[Problem]:
    for keys, _, row in property_rows(config):
        for name in row.names or ():
            if problem := odd_name(name):
                yield document.problem(keys, *problem)


def is_doubtful_property(name: str) -> bool:
    """Whether a bare name is warned of; but for dots, which another name in Iterable takes away."""
    return bool(odd_name(name) or _POSITION.search(name)) or _is_path_as_name(name)


def odd_name(name: str) -> tuple[str, str] | None:
    """The rule and the remedy."""
    if EVERYTHING in name:
        return f"{show_value(name)} is read as a whole name, * included", "List each name; only * alone means all"
    if name != name.strip():
        return f"{show_value(name)} begins or ends with a blank", "Remove it, unless the name in Amplitude has it, too"
    return None


def _unknown_event_keys(config: Config, document: Document) -> Iterator[Problem]:
    for keys, path in _paths(config):
        if not path.scope and path.name not in EVENT_KEYS and path.name.split(".")[0] not in EVENT_KEYS:
            rule = f"{path} is no key of an event that Amplitude documents: most likely nothing is found there"
            likely = filter(None, [closest(path.name, EVENT_KEYS, _LIKENESS), f"{_likely_scope(keys)}.{path}"])
            yield document.problem(document.existing(keys), rule, f"Did you mean {', or '.join(likely)}?")


def _likely_scope(keys: Keys) -> str:
    return "event_properties" if keys[0] in ("send_events", "calls") else "user_properties"


def _paths(config: Config) -> Iterator[tuple[Keys, Path]]:
    for keys, spec in sources(config):
        yield from _with_keys(keys, spec, spec.source)
    for keys, scope, row in property_rows(config):
        yield from _with_keys(keys, row, row.source(scope, AS_USUAL))
    for keys, clause in clauses(config):
        yield (*keys, "property"), clause.path


def _with_keys(keys: Keys, row: SourceSpec | PropertyRow, source: Source) -> Iterator[tuple[Keys, Path]]:
    key = "template" if row.template else "path" if row.path else "property"
    return (((*keys, key, i), path) for i, path in enumerate(source.all_paths))


def _positions_in_lists(config: Config, document: Document) -> Iterator[Problem]:
    """`products.0.name`: a path that is never walked so; a name may hold such a thing, but hardly does."""
    for keys, path in _paths(config):
        if position := _POSITION.search(path.name):
            rule = f"{path.name} is most likely never found: dots walk into objects, and [N] into lists"
            list_name, rest = path.name[: position.start()], path.name[position.end() :]
            remedy = f"Write {list_name}[{position[1]}]{'.' if rest else ''}{rest}"
            remedy = remedy if position[1] else f"Map the items of {list_name} with each"
            yield document.problem(document.existing(keys), rule, remedy)


def _absent_from_identifies(config: Config, document: Document) -> Iterator[Problem]:
    users, mappings = config.create_and_update_users, config.mappings
    for i, call in enumerate(config.calls):
        if call.event == IDENTIFY:
            yield from _absent_from_call(("calls", i), call, document)
    if not users.enabled or users.events or "property_changes" in users.on:
        return
    rule = "is never there: an identify has no event properties, and nothing else updates users here"
    remedy = "Use a user property, or add property_changes to create_and_update_users.on"
    for keys, clause in clauses_in(("create_and_update_users", "where"), users.where):
        if clause.path.scope == "event_properties":
            yield document.problem((*keys, "property"), f"{clause.path} {rule}", remedy)
    for keys, _, row in property_rows(config):
        if keys[0] == "create_and_update_users" and (path := _of_events_alone(row.path or (), row)):
            yield document.problem((*keys, "path"), f"{path} {rule}", remedy)
    for name in ("email", "user_id"):
        spec = getattr(mappings, name)
        if spec and (path := _of_events_alone(spec.paths, spec)):
            yield document.problem(("mappings", name), f"for user updates, {path} {rule}", remedy)


def _absent_from_call(keys: Keys, call: CallRow, document: Document) -> Iterator[Problem]:
    rule, remedy = "is never there: an identify has no event properties", "Use a user property"
    for at, clause in clauses_in((*keys, "where"), call.where):
        if clause.path.scope == "event_properties":
            yield document.problem((*at, "property"), f"{clause.path} {rule}", remedy)
    for name, spec in call.fields.items():
        if path := _of_events_alone(spec.paths, spec):
            yield document.problem((*keys, "fields", name), f"{path} {rule}", remedy)


def _of_events_alone(paths: Sequence[Path], row: SourceSpec | PropertyRow) -> Path | None:
    """The first of `paths`, if all are of events, and nothing stands in for them."""
    scopes = {path.scope or path.name for path in paths}
    alone = row.default is None and scopes == {"event_properties"}
    return paths[0] if alone else None


def _dotted_fields(config: Config, document: Document) -> Iterator[Problem]:
    for keys, _, row in property_rows(config):
        inner = row.target.strip(".")
        if (
            keys[-1] != "items"
            and "." in inner
            and not row.rename
            and not _is_path_as_name((row.names or ("",))[0])
            and not _POSITION.search(row.target)
        ):
            rule = f"becomes one field called {show_value(row.target)}, dots included, and no field of an object"
            field = inner.replace(".", "_")
            yield document.problem(keys, rule, f"Give it a name with as, such as {field}; its dots make objects")


def _replaced_objects(config: Config, document: Document) -> Iterator[Problem]:
    if config.destination.merge_nested_objects:
        return
    for keys, scope, row in property_rows(config):
        if keys[0] == "create_and_update_users" and scope != ITEM and len(row.keys) > 1:
            rule = f"an update replaces all of {show_value(row.target)} in a profile, and not {row.keys[-1]} alone"
            yield document.problem((*keys, "as"), rule, "Set destination.merge_nested_objects: true")


def _one_user_for_all(config: Config, document: Document) -> Iterator[Problem]:
    of_users: set[Keys] = {("mappings", "email"), ("mappings", "user_id")}
    for i, row in enumerate(config.calls):
        of_users.update(("calls", i, "fields", name) for name in row.operation.also_about)
    for keys, spec in sources(config):
        for key in ("value", "default") if keys in of_users else ():
            if getattr(spec, key) is not None:
                rule = "makes one user of many: a constant is the same in every row"
                yield document.problem((*keys, key), rule, "Use paths that tell users apart")


def _paths_as_names(config: Config, document: Document) -> Iterator[Problem]:
    for keys, _, row in property_rows(config):
        name = (row.names or ("",))[0]
        if _is_path_as_name(name):
            yield document.problem(
                keys, f"{name} is read as the whole name of a property", f"Write {{path: {name}}} if it is a path"
            )


def _is_path_as_name(name: str) -> bool:
    scope, dot, _ = name.partition(".")
    return scope in SCOPES and bool(dot)
