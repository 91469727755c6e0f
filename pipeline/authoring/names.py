# SPDX-License-Identifier: Apache-2.0
"""Names that others gave, in a YAML file: whatever they hold, it stays YAML. Knows no key of the config."""

import re

from pipeline.reports.redaction import is_personal

MAX_CHARACTERS = 160  # whatever there is, the file must stay below the size that the config's loader reads

_PLAIN = re.compile(r"[A-Za-z_](?:(?:[A-Za-z0-9_. -]|:(?=[A-Za-z0-9_]))*[A-Za-z0-9_])?")
_OTHER_MEANINGS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))  # in one YAML or another
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def scalar(text: str) -> str:
    """As YAML, in quotes where it needs them; it can stand inside brackets, too."""
    if _PLAIN.fullmatch(text) and text.lower() not in _OTHER_MEANINGS:
        return text
    return f'"{"".join(map(_escaped, text))}"'


def objection(name: str) -> str:
    """Why a proposed config does not hold it; "" if it may."""
    if is_personal(name):
        return "a name that holds an address or a phone number is not written here"
    if len(name) > MAX_CHARACTERS:
        return f"a name of {len(name):,} characters is not written here"
    return "" if name else "an empty name, which no config can select"


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
