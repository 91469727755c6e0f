"""What a valid config most likely does not mean: what never matches, and what surprises. Knows no YAML."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from pipeline.config.document import Document
from pipeline.config.events import Clause, EventRow
from pipeline.config.model import Config
from pipeline.config.problems import Keys, Problem, show_value
from pipeline.config.properties import PropertyList, PropertyRow
from pipeline.config.sources import SourceSpec
from transforms.amplitude.event_keys import EVENT_KEYS, TEXT_KEYS
from transforms.amplitude.paths import SCOPES, Path
from transforms.amplitude.reserved_events import RESERVED_EVENTS, name_in_data
from transforms.mapping.filters import EVERYTHING
from transforms.mapping.operators import BY_NAME, NO_VALUE, Operand, Scalar, is_negation
from transforms.mapping.sources import ITEM

_ALL_ON_THE_SCREEN = "All Events"  # Amplitude's word for "*"
_POSITION = re.compile(r"\[\]|(?<!\d)\.(\d+)(?:\.|$)")  # but for "version 1.2"


def warnings_of(config: Config, document: Document) -> list[str]:
    """What a valid config most likely does not mean, in the order of the file."""
    warnings = [
        *document.warnings,
        *_idle_toggles(config, document),
        *_names_of_many(config, document),
        *_unreachable_rows(config, document),
        *_contradictions(config, document),
        *_unfit_operators(config, document),
        *_unknown_event_keys(config, document),
        *_positions_in_lists(config, document),
        *_absent_from_identifies(config, document),
        *_paths_as_names(config, document),
        *_dotted_fields(config, document),
        *_replaced_objects(config, document),
        *_one_user_for_all(config, document),
        *_short_backoff(config, document),
    ]
    return [str(warning) for warning in sorted(warnings, key=lambda warning: warning.line)]


def _idle_toggles(config: Config, document: Document) -> Iterator[Problem]:
    users, events = config.create_and_update_users, config.send_events
    if not users.enabled and not events.enabled:
        rule = "create_and_update_users and send_events are both disabled: nothing is sent"
        yield document.problem((), rule, "Enable one of them")
    if users.enabled and not users.user_properties.brings_all and not users.user_properties.rows:
        keys = "create_and_update_users", "user_properties"
        rule = "none are listed: users are created without properties"
        yield document.problem(keys, rule, 'List them, or write "*" for all')
    if events.enabled and not events.events:
        yield document.problem(("send_events", "events"), "none are listed: none are sent", 'List them, or write ["*"]')


def _names_of_many(config: Config, document: Document) -> Iterator[Problem]:
    """Where one name is meant as several, or several become one."""
    for i, row in enumerate(config.send_events.events):
        keys: Keys = ("send_events", "events", i)
        if row.event == EVERYTHING and row.rename:
            rule = f"every event becomes {show_value(row.rename)} in Iterable"
            yield document.problem((*keys, "as"), rule, "Remove as, unless that is meant")
        elif row.event == _ALL_ON_THE_SCREEN:
            yield document.problem(keys, f"{row.event} is read as the name of one event", 'Write "*" for every event')
        elif row.event != EVERYTHING and (problem := _odd_name(row.event)):
            yield document.problem(keys, *problem)
    for keys, _, property_row in _property_rows(config):
        for name in property_row.names or ():
            if problem := _odd_name(name):
                yield document.problem(keys, *problem)


def _odd_name(name: str) -> tuple[str, str] | None:
    """The rule and the remedy."""
    if EVERYTHING in name:
        return f"{show_value(name)} is read as a whole name, * included", "List each name; only * alone means all"
    if name != name.strip():
        return f"{show_value(name)} begins or ends with a blank", "Remove it, unless the name in Amplitude has it, too"
    return None


def _unreachable_rows(config: Config, document: Document) -> Iterator[Problem]:
    """Whatever fits such a row fits an earlier one: that has the same name, or "*", and no clause besides."""
    earlier: list[tuple[Keys, EventRow]] = []
    for i, row in enumerate(config.send_events.events):
        keys = "send_events", "events", i
        name = name_in_data(row.event)
        names = {name} if name in RESERVED_EVENTS else {name, EVERYTHING}
        same = [(at, one) for at, one in earlier if name_in_data(one.event) in names]
        by = [at for at, one in same if all(clause in row.where for clause in one.where)]
        if by:
            rule = f"never matches: line {document.lines[by[0]]} takes these events first"
            yield document.problem(keys, rule, "Remove it, or put it before that line")
        else:
            earlier.append((keys, row))


def _contradictions(config: Config, document: Document) -> Iterator[Problem]:
    for i, row in enumerate(config.send_events.events):
        for path in dict.fromkeys(clause.path for clause in row.where):
            clauses = [clause for clause in row.where if clause.path == path]
            if len(clauses) > 1 and not _may_hold(clauses):
                rule = f"never matches: no value of {path} fits all its clauses, and all of them must hold"
                remedy = "Correct them; values of one clause are alternatives"
                yield document.problem(("send_events", "events", i, "where"), rule, remedy)


def _may_hold(clauses: list[Clause]) -> bool:
    """Whether some value fits all clauses on one path; True where that cannot be told by trying a few."""
    conditions = [clause.condition for clause in clauses]
    listed = next((clause.values for clause in clauses if clause.operator == "is"), None)
    if listed is not None:
        return any(all(one.holds(_row_with(one.path, value)) for one in conditions) for value in listed)
    bounds = sorted({bound for clause in clauses if _operand(clause) is Operand.NUMBER for bound in clause.values})
    if not bounds:
        return True
    between = [(low + high) / 2 for low, high in pairwise(bounds)]  # type: ignore[operator]
    tried = [bounds[0] - 1, *bounds, *between, bounds[-1] + 1]  # type: ignore[operator]
    of_numbers = [one for one in conditions if one.operator != "is not"]  # which leaves others out of any interval
    return any(all(one.holds(_row_with(one.path, number)) for one in of_numbers) for number in tried)


def _operand(clause: Clause) -> Operand:
    return BY_NAME[clause.operator].operand


def _row_with(path: Path, value: Scalar) -> dict[str, Any]:
    holder = {} if value == NO_VALUE else {path.name: value}
    return {path.scope: holder} if path.scope else holder


def _unfit_operators(config: Config, document: Document) -> Iterator[Problem]:
    """What holds text, or lists, in every event is compared as something else."""
    for i, row in enumerate(config.send_events.events):
        for j, clause in enumerate(row.where):
            values = [value for value in clause.values if value != NO_VALUE]
            holds, remedy = _unfit(clause, values) if values else ("", "")
            if holds:
                outcome = "holds for every event" if is_negation(clause.operator) else "never holds"
                keys = "send_events", "events", i, "where", j
                yield document.problem(keys, f"{outcome}: Amplitude writes {clause.path} as {holds}", remedy)


def _unfit(clause: Clause, values: list[Scalar]) -> tuple[str, str]:
    """What is there instead, and the remedy; empty if the operator fits."""
    path, operand = clause.path, _operand(clause)
    if path.scope == "groups" and operand is not Operand.LIST:
        return "a list of names", 'Use "set contains" or "set does not contain"'
    if path.scope or path.name not in TEXT_KEYS:
        return "", ""
    if operand in (Operand.LIST, Operand.NUMBER):
        return "text", 'Use "is", "starts with" or "glob match"'
    return ("", "") if any(isinstance(value, str) for value in values) else ("text", "Put the value in quotes")


def _unknown_event_keys(config: Config, document: Document) -> Iterator[Problem]:
    for keys, path in _paths(config):
        if not path.scope and path.name not in EVENT_KEYS and path.name.split(".")[0] not in EVENT_KEYS:
            rule = f"{path} is no key of an event that Amplitude documents: most likely nothing is found there"
            yield document.problem(keys, rule, f"Did you mean {_likely_scope(keys)}.{path}?")


def _likely_scope(keys: Keys) -> str:
    return "event_properties" if keys[0] == "send_events" else "user_properties"


def _paths(config: Config) -> Iterator[tuple[Keys, Path]]:
    for name in type(config.mappings).model_fields:
        if spec := getattr(config.mappings, name):
            yield from _paths_of(("mappings", name), spec)
    for keys, scope, row in _property_rows(config):
        yield from (one for one in _paths_of(keys, row) if scope != ITEM or one[1].scope)
    for i, event in enumerate(config.send_events.events):
        for j, clause in enumerate(event.where):
            yield ("send_events", "events", i, "where", j, "property"), clause.path


def _paths_of(keys: Keys, row: SourceSpec | PropertyRow) -> Iterator[tuple[Keys, Path]]:
    yield from (((*keys, "path", i), path) for i, path in enumerate(row.path or ()))
    yield from (((*keys, "template"), path) for path in (row.template.paths if row.template else ()))


def _positions_in_lists(config: Config, document: Document) -> Iterator[Problem]:
    """`products.0.name`: a path that is never walked so; a name may hold such a thing, but hardly does."""
    places = list(_paths(config))
    for keys, scope, row in _property_rows(config):
        places += [((*keys, "property", i), path) for i, path in enumerate(row.paths(scope) if row.names else ())]
    for keys, path in places:
        if position := _POSITION.search(path.name):
            rule = f"{path.name} is most likely never found: dots walk into objects, and [N] into lists"
            list_name, rest = path.name[: position.start()], path.name[position.end() :]
            remedy = f"Write {list_name}[{position[1]}]{'.' if rest else ''}{rest}"
            yield document.problem(keys, rule, remedy if position[1] else f"Map the items of {list_name} with each")


def _absent_from_identifies(config: Config, document: Document) -> Iterator[Problem]:
    users, mappings = config.create_and_update_users, config.mappings
    if not users.enabled or "property_changes" in users.on:
        return
    rule = "is never there: an identify has no event properties, and nothing else updates users here"
    remedy = "Use a user property, or add property_changes to create_and_update_users.on"
    for keys, _, row in _property_rows(config):
        if keys[0] == "create_and_update_users" and (path := _of_events_alone(row.path or (), row)):
            yield document.problem((*keys, "path"), f"{path} {rule}", remedy)
    for name in ("email", "user_id"):
        spec = getattr(mappings, name)
        if spec and (path := _of_events_alone(spec.paths, spec)):
            yield document.problem(("mappings", name), f"for user updates, {path} {rule}", remedy)


def _of_events_alone(paths: Sequence[Path], row: SourceSpec | PropertyRow) -> Path | None:
    """The first of `paths`, if all are of events, and nothing stands in for them."""
    alone = paths and row.default is None and all(path.scope == "event_properties" for path in paths)
    return paths[0] if alone else None


def _dotted_fields(config: Config, document: Document) -> Iterator[Problem]:
    for keys, _, row in _property_rows(config):
        inner = row.target.strip(".")
        if "." in inner and not row.rename and not _is_path_as_name(row) and not _POSITION.search(row.target):
            rule = f"becomes one field called {show_value(row.target)}, dots included, and no field of an object"
            field = inner.replace(".", "_")
            yield document.problem(keys, rule, f"Give it a name with as, such as {field}; its dots make objects")


def _replaced_objects(config: Config, document: Document) -> Iterator[Problem]:
    if config.destination.merge_nested_objects:
        return
    for keys, scope, row in _property_rows(config):
        if keys[0] == "create_and_update_users" and scope != ITEM and len(row.keys) > 1:
            rule = f"an update replaces all of {show_value(row.target)} in a profile, and not {row.keys[-1]} alone"
            yield document.problem((*keys, "as"), rule, "Set destination.merge_nested_objects: true")


def _one_user_for_all(config: Config, document: Document) -> Iterator[Problem]:
    for name in ("email", "user_id"):
        spec = getattr(config.mappings, name)
        for key in ("value", "default"):
            if spec and getattr(spec, key) is not None:
                rule = "makes one user of many: a constant is the same in every row"
                yield document.problem(("mappings", name, key), rule, "Use paths that tell users apart")


def _short_backoff(config: Config, document: Document) -> Iterator[Problem]:
    retry = config.delivery.retry
    if retry.first_backoff > retry.max_backoff:
        rule = "is longer than max_backoff, which is the longest there is"
        yield document.problem(("delivery", "retry", "first_backoff"), rule, "Make it shorter, or max_backoff longer")


def _paths_as_names(config: Config, document: Document) -> Iterator[Problem]:
    for keys, _, row in _property_rows(config):
        if _is_path_as_name(row):
            name = (row.names or ("",))[0]
            yield document.problem(
                keys, f"{name} is read as the whole name of a property", f"Write {{path: {name}}} if it is a path"
            )


def _is_path_as_name(row: PropertyRow) -> bool:
    scope, dot, _ = (row.names or ("",))[0].partition(".")
    return scope in SCOPES and bool(dot)


def _property_rows(config: Config) -> Iterator[tuple[Keys, str, PropertyRow]]:
    """With the scope of its bare names; those of an `each`, too."""
    lists: dict[Keys, PropertyList] = {
        ("create_and_update_users", "user_properties"): config.create_and_update_users.user_properties,
        ("send_events", "event_properties"): config.send_events.event_properties,
        ("send_events", "user_properties"): config.send_events.user_properties,
    }
    for keys, selection in lists.items():
        yield from _rows_of(keys, str(keys[1]), selection)


def _rows_of(keys: Keys, scope: str, selection: PropertyList) -> Iterator[tuple[Keys, str, PropertyRow]]:
    for i, row in selection.listed:
        yield (*keys, i), scope, row
        if row.each:
            yield from _rows_of((*keys, i, "each"), ITEM, row.each)
