"""Where the API key is: a reference in the config, never the key itself."""

import os
import pathlib

from transforms.model.errors import FatalError


def read_api_key(reference: str) -> str:
    """The key behind `env:NAME` or `file:PATH`.

    Raises:
      FatalError: nothing is there, or it cannot be an HTTP header; the text never holds the key.
    """
    kind, _, place = reference.partition(":")
    if kind == "env":
        key = os.environ.get(place, "")
        if not key:
            raise FatalError(f"the environment variable {place} is not set. Put Iterable's server-side API key there.")
    elif kind == "file":
        try:
            key = pathlib.Path(place).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise FatalError(f"the API key file {place} cannot be read: {type(error).__name__}.") from None
        if not key:
            raise FatalError(f"the API key file {place} is empty.")
    else:
        raise FatalError(f"reading {kind}: references is not built yet. Use env:NAME or file:PATH.")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise FatalError(f"what {kind}:{place} holds is no API key: it has blanks or characters that no key has.")
    return key
