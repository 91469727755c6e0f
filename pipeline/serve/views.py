# SPDX-License-Identifier: Apache-2.0
"""What the page shows, as JSON: the sample, the config with its problems, one row's way. Knows no HTTP, no rule."""

import re
from typing import Any

import orjson

from pipeline.preview.way import PartWay, Way, way_of
from pipeline.preview.way_text import as_json, explanation, headline, time_text
from pipeline.serve.sample import Sample
from pipeline.serve.watched import ConfigState
from transforms.amplitude.row_json import read_json
from transforms.model.items import Message
from transforms.model.json_bounds import has_too_many_values

MAX_EVENT_CHARACTERS = 200_000
MAX_VALUE_CHARACTERS = 300
_DISABLED = "status is disabled, so a run reads nothing; this is what it would send."

View = dict[str, Any]


def sample_view(sample: Sample) -> View:
    return {"rows": len(sample.messages), "is_all": sample.is_all, "event_types": sample.event_types()}


def config_view(state: ConfigState, path: str) -> View:
    """`notes`: problems and warnings, each at its line; 0 is the file as a whole."""
    warnings = state.loaded.warnings if state.loaded else []
    notes = [_note(str(problem), path, "problem") for problem in state.problems]
    notes += [_note(warning, path, "warning") for warning in warnings]
    if state.loaded and state.loaded.config.status == "disabled":
        notes.append({"kind": "warning", "line": state.loaded.lines.get(("status",), 0), "text": _DISABLED})
    return {
        "version": state.version,
        "path": path,
        "lines": state.lines,
        "notes": notes,
        "is_valid": state.loaded is not None,
    }


def row_view(message: Message, state: ConfigState) -> View:
    """`way` is of the last valid config, if this one is none; None if there was none yet."""
    loaded = state.loaded or state.last_valid
    event, left_out = _event_text(message.data)
    return {
        "version": state.version,
        "place": message.message_id,
        "event": event,
        "left_out": left_out,
        "is_old": state.loaded is None,
        "way": _way(way_of(message, loaded)) if loaded else None,
    }


def _way(way: Way) -> View:
    told = _with_texts(as_json(way))
    parts = [{**one, **_beside(part)} for one, part in zip(told["parts"], way.parts, strict=True)]
    return {**told, "time": time_text(way.event_time), "parts": parts}


def _beside(part: PartWay) -> View:
    """How a person is told of it, and its request to read and to copy."""
    request = part.request
    texts = {"pretty": request.pretty, "curl": request.curl} if request else {}
    return {"headline": headline(part), "explanation": explanation(part), **texts}


def _with_texts(value: Any) -> Any:
    """Values as JSON writes them: a script would read 10.0 as 10."""
    if isinstance(value, list):
        return [_with_texts(one) for one in value]
    if not isinstance(value, dict):
        return value
    as_texts = {key: _value(one) for key, one in value.items() if key in ("found", "sent")}
    as_texts |= {key: list(map(_value, one)) for key, one in value.items() if key == "values"}
    return {key: as_texts[key] if key in as_texts else _with_texts(one) for key, one in value.items()}


def _value(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[: MAX_VALUE_CHARACTERS - 1]}…"


def _note(text: str, path: str, kind: str) -> View:
    match = re.fullmatch(rf"{re.escape(path)}(?::(\d+))?(?::(\d+))?: (.*)", text, re.DOTALL)
    line, column, rest = match.groups() if match else (0, None, text)
    return {"kind": kind, "line": int(line or 0), "text": f"column {column}: {rest}" if column else rest}


def _event_text(data: bytes) -> tuple[str, int]:
    """Indented, and how many of its keys are left out, for they hold nothing."""
    try:
        row = None if has_too_many_values(data) else read_json(data)
    except orjson.JSONDecodeError:
        row = None
    if not isinstance(row, dict):
        return data.decode(errors="replace")[:MAX_EVENT_CHARACTERS], 0
    held = {key: value for key, value in row.items() if value not in (None, {}, [])}
    text = orjson.dumps(held, option=orjson.OPT_INDENT_2).decode()
    return text[:MAX_EVENT_CHARACTERS], len(row) - len(held)
