"""What must agree between keys that live apart. Knows no YAML.

The checks of problems read what they can of the document itself: a mistake in one key must not hide one in another.
"""

from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError

from pipeline.config_model import Config, ProjectType
from pipeline.config_problems import Keys, Problem
from pipeline.config_properties import PropertyRow, PropertyRowOrName, PropertySelection
from pipeline.config_types import EVERYTHING
from pipeline.config_yaml import Document
from transforms.event_keys import EVENT_KEYS
from transforms.paths import SCOPES, Path
from transforms.reserved_events import RESERVED_EVENTS, name_in_data
from transforms.reserved_fields import RESERVED_FIELDS

_PROPERTY: TypeAdapter[PropertyRow] = TypeAdapter(PropertyRowOrName)
_IDENTITY_FIELDS = {"email": "mappings.email", "userId": "mappings.user_id"}
_IDENTITY_MAPPINGS: dict[ProjectType, tuple[str, ...]] = {
    "email": ("email",),
    "user_id": ("user_id",),
    "hybrid": ("user_id", "email"),
}
_IDENTITY_REMEDIES = {"email": "user_properties.email", "user_id": "user_id"}


def problems_between_keys(document: Document) -> Iterator[Problem]:
    """What no key shows alone."""
    yield from _missing_identity(document)
    users = list(_rows(document, ("create_and_update_users", "user_properties")))
    yield from _unwritable_targets(document, users)
    yield from _targets_twice(document, users)
    events = ("send_events", "event_properties"), ("send_events", "user_properties")
    yield from _targets_twice(document, [row for keys in events for row in _rows(document, keys)])


def warnings_of(config: Config, document: Document) -> list[str]:
    """What a valid config most likely does not mean, in the order of the file."""
    warnings = [
        *_idle_toggles(config, document),
        *_unreachable_rows(config, document),
        *_unknown_event_keys(config, document),
        *_paths_as_names(config, document),
    ]
    return [str(warning) for warning in sorted(warnings, key=lambda warning: warning.line)]


def _missing_identity(document: Document) -> Iterator[Problem]:
    mappings = document.at(("mappings",))
    project_type = document.at(("destination", "project_type"))
    if not isinstance(mappings, dict) or project_type not in list(_IDENTITY_MAPPINGS):  # it may be a list, too
        return
    usable = _IDENTITY_MAPPINGS[project_type]
    if all(mappings.get(key, "") is None and ("mappings", key) not in document.refused for key in usable):
        rule = f"must not be null in a project of type {project_type}: its users are known by {' or '.join(usable)}"
        remedy = f"Use {_IDENTITY_REMEDIES[usable[0]]}, or the property that holds it"
        yield document.problem_with_value(("mappings", usable[0]), rule, remedy)


def _rows(document: Document, keys: Keys) -> Iterator[tuple[Keys, PropertyRow]]:
    """The rows at `keys` that are well-formed: the schema tells of the others."""
    rows = document.at(keys)
    for i, row in enumerate(rows if isinstance(rows, list) else []):
        if well_formed := _read_row(row):
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
        elif row.target in _IDENTITY_FIELDS:
            mapping = _IDENTITY_FIELDS[row.target]
            rule = f"must not become the field {row.target}: {mapping} writes it"
            remedy = f"Set {mapping}, or give it another name with as"
            yield document.problem_with_value((*keys, "as"), rule, remedy)


def _targets_twice(document: Document, rows: list[tuple[Keys, PropertyRow]]) -> Iterator[Problem]:
    first: dict[str, Keys] = {}
    for keys, row in rows:
        if row.target in first:
            rule = f"must not become the field {row.target} too: line {document.lines[first[row.target]]} does"
            yield document.problem_with_value((*keys, "as"), rule, "Give one of them another name with as")
        first.setdefault(row.target, keys)


def _idle_toggles(config: Config, document: Document) -> Iterator[Problem]:
    users, events = config.create_and_update_users, config.send_events
    if not users.enabled and not events.enabled:
        rule = "create_and_update_users and send_events are both disabled: nothing is sent"
        yield document.problem((), rule, "Enable one of them")
    if users.enabled and not users.user_properties.everything and not users.user_properties.rows:
        keys = "create_and_update_users", "user_properties"
        rule = "none are listed: users are created without properties"
        yield document.problem(keys, rule, 'List them, or write "*" for all')
    if events.enabled and not events.events:
        yield document.problem(("send_events", "events"), "none are listed: none are sent", 'List them, or write ["*"]')


def _unreachable_rows(config: Config, document: Document) -> Iterator[Problem]:
    taken: dict[str, Keys] = {}
    for i, row in enumerate(config.send_events.events):
        keys = "send_events", "events", i
        name = name_in_data(row.event)
        by = taken.get(name) or (None if name in RESERVED_EVENTS else taken.get(EVERYTHING))
        if by:
            rule = f"never matches: line {document.lines[by]} takes these events first"
            yield document.problem(keys, rule, "Remove it, or put it before that line")
        elif not row.where:
            taken[name] = keys


def _unknown_event_keys(config: Config, document: Document) -> Iterator[Problem]:
    for keys, path in _paths(config):
        if not path.scope and path.name not in EVENT_KEYS and path.name.split(".")[0] not in EVENT_KEYS:
            rule = f"{path} is no key of an event that Amplitude documents: most likely nothing is found there"
            yield document.problem(keys, rule, f"Did you mean {_likely_scope(keys)}.{path}?")


def _likely_scope(keys: Keys) -> str:
    return "event_properties" if keys[0] == "send_events" else "user_properties"


def _paths(config: Config) -> Iterator[tuple[Keys, Path]]:
    for name in ("email", "user_id", "campaign_id", "template_id"):
        if path := getattr(config.mappings, name):
            yield ("mappings", name), path
    for keys, row in _property_rows(config):
        if row.path:
            yield (*keys, "path"), row.path
    for i, event in enumerate(config.send_events.events):
        for j, clause in enumerate(event.where):
            yield ("send_events", "events", i, "where", j, "property"), clause.path


def _paths_as_names(config: Config, document: Document) -> Iterator[Problem]:
    for keys, row in _property_rows(config):
        if row.name and row.name.partition(".")[0] in SCOPES and "." in row.name:
            rule = f"{row.name} is read as the whole name of a property"
            yield document.problem(keys, rule, f"Write {{path: {row.name}}} if it is a path")


def _property_rows(config: Config) -> Iterator[tuple[Keys, PropertyRow]]:
    lists: dict[Keys, PropertySelection] = {
        ("create_and_update_users", "user_properties"): config.create_and_update_users.user_properties,
        ("send_events", "event_properties"): config.send_events.event_properties,
        ("send_events", "user_properties"): config.send_events.user_properties,
    }
    for keys, selection in lists.items():
        for i, row in enumerate(selection.rows):
            yield (*keys, i), row
