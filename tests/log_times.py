"""What a command says on a stderr that is no terminal, without the times of its log."""

import re

_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", re.MULTILINE)


def without_times(said: str) -> str:
    return _TIME.sub("", said)
