# SPDX-License-Identifier: Apache-2.0
"""The config of a sync, from its YAML file: all problems in one message. Knows no Beam and no HTTP."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.config.checks import problems_between_keys
from pipeline.config.document import Document, Opener, open_local, read_document
from pipeline.config.hints import warnings_of
from pipeline.config.model import Config
from pipeline.config.problems import ConfigError, Keys, Problem
from pipeline.config.sources import SOURCES
from pipeline.config.suggestions import closest
from pipeline.config.value_types import BROKEN_RULE

__all__ = ["Config", "ConfigError", "LoadedConfig", "Problem", "config_schema", "load_config"]

_API_KEY = ("destination", "api_key")
_REMEDIES_FOR_MISSING = {
    "name": "Add name: Amplitude to Iterable",
    "status": "Add status: enabled, or status: disabled",
    "destination": "Add destination: with api_key and project_type",
    "api_key": "Add api_key: env:NAME, file:PATH or secret:projects/P/secrets/S/versions/V",
    "project_type": "Add project_type: email, user_id or hybrid",
    "enabled": "Add enabled: true, or enabled: false",
    "event": "Add event: NAME",
    "template": 'Add template: "{event_properties.name} page"',
    "property": "Add property: PATH, such as event_properties.total",
    "operator": "Add operator: is, or another",
    "value": "Add value: and what to compare with",
    "call": "Add call: users/updateEmail, or another of docs/operations.md",
}


_ID = "An event's id is a function of the event alone, so that a resend is never a second event"
_TIME = "createdAt is the event's own time, by which updates are ordered"
_NEVER_MAPPED = {  # docs/language.md, letter R
    **dict.fromkeys(("id", "event_id", "eventId", "insert_id"), _ID),
    **dict.fromkeys(("created_at", "createdAt", "event_time", "time"), _TIME),
}


@dataclass(frozen=True)
class LoadedConfig:
    """A valid config, with what to tell its author."""

    path: str
    config: Config
    warnings: list[str]
    hash: str  # 12 hex digits of all it says, api_key apart: equal for two files that do the same
    lines: Mapping[Keys, int]  # on which line of the file a key is


def load_config(path: str, open_file: Opener = open_local) -> LoadedConfig:
    """Read and validate the file at `path`; `open_file`: for more than this machine's, see read_document.

    Raises:
      ConfigError: with every problem of the file.
    """
    document = read_document(path, _API_KEY, open_file)
    problems = [*document.problems, *problems_between_keys(document)]
    try:
        config = Config.model_validate(document.value)
    except ValidationError as error:
        raise ConfigError([*problems, *_schema_problems(error, document)]) from None
    if problems:
        raise ConfigError(problems)
    return LoadedConfig(path, config, warnings_of(config, document), _hash(config), document.lines)


def config_schema() -> dict[str, Any]:
    """The JSON Schema of the YAML file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
    _tell_defaults(schema)
    return schema


def _hash(config: Config) -> str:
    content = config.model_dump(mode="json", by_alias=True, exclude={"destination": {"api_key"}})
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _schema_problems(error: ValidationError, document: Document) -> list[Problem]:
    errors = error.errors(include_url=False, include_input=False)
    misspelt = {(*one["loc"][:-1], _meant(one["loc"])) for one in errors if one["type"] == "extra_forbidden"}
    return [
        _schema_problem(one, document)
        for one in errors
        # Too short is said of a list only beside its wrong elements, which pydantic does not count: Rule says the rest.
        if one["type"] != "too_short"
        and not (one["type"] == "missing" and one["loc"] in misspelt)
        and not _is_told(one["loc"], document)
    ]


def _meant(keys: Keys) -> str:
    """The known key that one of no known name most likely is; or ""."""
    return closest(str(keys[-1]), _known_keys(keys[:-1]))


def _is_told(keys: Keys, document: Document) -> bool:
    """Whether the value there was refused when it was read; or the source, for want of which a row has none."""
    existing = document.existing(keys)
    told = {existing} if existing == keys else {existing, *((*existing, source) for source in SOURCES)}
    return not told.isdisjoint(document.refused)


def _schema_problem(error: ErrorDetails, document: Document) -> Problem:
    keys = error["loc"]
    if error["type"] == BROKEN_RULE:
        return document.problem_with_value(keys, error["ctx"]["rule"], error["ctx"]["remedy"])
    if error["type"] == "missing":
        keys = (*document.existing(keys[:-1]), keys[-1])
        return document.problem(keys, "is missing", _REMEDIES_FOR_MISSING[str(keys[-1])])
    if error["type"] == "extra_forbidden":
        if keys[:-1] == ("mappings",) and keys[-1] in _NEVER_MAPPED:
            return document.problem(keys, "is not mapped, on purpose", _NEVER_MAPPED[str(keys[-1])])
        close = _meant(keys)
        remedy = f"Did you mean '{close}'?" if close else f"Known keys: {', '.join(_known_keys(keys[:-1]))}"
        return document.problem(document.existing(keys), "is not a known key", remedy)
    rule, remedy = "must be a mapping of keys", f"Its keys: {', '.join(_known_keys(keys))}"
    return document.problem_with_value(keys, rule, remedy) if keys else document.problem((), rule, remedy)


def _known_keys(keys: Keys) -> list[str]:
    """The keys of the mapping at `keys`."""
    model: type[BaseModel] = Config
    for key in keys:
        for name, field in model.model_fields.items():
            if key == (field.alias or name):
                model = _model_in(field.annotation) or model
                break
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := _model_in(argument))), None)


def _tell_defaults(schema: Any) -> None:
    """Editors show a key's description; not all show its default."""
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []:
        _tell_defaults(part)
        if isinstance(part, dict) and "description" in part and part.get("default") is not None:
            part["description"] += f" Default: {json.dumps(part['default'])}."
