# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a file or a bucket that is read, in one line. Knows no line of it."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError

from transforms.dead_letters.pubsub_errors import NO_CREDENTIALS, first_line
from transforms.model.errors import FatalError


@contextmanager
def told(path: str) -> Iterator[None]:
    """Raises FatalError for whatever is raised inside by reading `path`."""
    try:
        yield
    except GoogleAuthError as error:
        raise FatalError(f"{path} cannot be read: {NO_CREDENTIALS}") from error
    except GoogleAPICallError as error:
        raise FatalError(f"{path} cannot be read: {first_line(error)}") from error
    except UnicodeEncodeError as error:
        raise FatalError(f"{path!a} cannot be read: its name is no UTF-8; rename it") from error
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:
        raise FatalError(f"{path} cannot be read: {_cause_of(error)}") from error


def _cause_of(error: Exception) -> str:
    if isinstance(error, NotImplementedError):
        return "it is compressed in a way that is not supported"
    if isinstance(error, RuntimeError):  # zipfile's, for a member that is encrypted
        return "it is encrypted"
    return getattr(error, "strerror", None) or "not a whole gzip or zip file"
