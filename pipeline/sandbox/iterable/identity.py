# SPDX-License-Identifier: Apache-2.0
"""What Iterable takes for an email, a userId and an event id. Knows no project and no user.

Written apart from the pipeline's own check, so that each can show the other wrong.
"""

import re
from functools import lru_cache

# The grammar of Apache Commons EmailValidator, which Iterable names, less its list of top-level domains.
_WORD = r"""(?:[^\s\x00-\x1f\x7f()<>@,;:\\".\[\]]+|"(?:\\.|[^"\\])*")"""
_LABEL = r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?"
_EMAIL = re.compile(
    rf"(?P<local>{_WORD}(?:\.{_WORD})*)@(?P<domain>(?:{_LABEL}\.)+[^\W\d_](?:[^\W_]|-){{0,61}}[^\W_]|\[[\d.]+\])"
)
_EVENT_ID = re.compile(r"[A-Za-z0-9-]{1,512}")  # one byte each, so 512 bytes
MAX_LOCAL = 64
MAX_DOMAIN = 253
MAX_USER_ID = 52


@lru_cache(maxsize=65_536)
def is_email(text: str) -> bool:
    """Judged as sent: case does not matter, blanks around it do."""
    match = _EMAIL.fullmatch(text)
    return match is not None and len(match["local"]) <= MAX_LOCAL and len(match["domain"]) <= MAX_DOMAIN


def is_user_id(text: str) -> bool:
    """1 to 52 printable ASCII characters, the last no blank."""
    return 0 < len(text) <= MAX_USER_ID and text.isascii() and text.isprintable() and not text.endswith(" ")


def is_event_id(text: str) -> bool:
    """1 to 512 letters, digits and hyphens."""
    return _EVENT_ID.fullmatch(text) is not None
