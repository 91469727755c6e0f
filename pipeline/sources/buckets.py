# SPDX-License-Identifier: Apache-2.0
"""Cloud Storage: one object as a stream, and whether a bucket is there. Knows no line of an object."""

import errno
import io
from functools import cache
from typing import IO, TYPE_CHECKING

from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound
from google.auth.exceptions import GoogleAuthError

from transforms.dead_letters.pubsub_errors import NO_CREDENTIALS, first_line
from transforms.model.errors import FatalError

if TYPE_CHECKING:
    from google.cloud import storage

BUCKETS = "gs://"
CALL_SECONDS = 30.0


@cache
def storage_client() -> "storage.Client":
    """Raises GoogleAuthError if there are no credentials."""
    from google.cloud import storage  # a quarter of a second to import, and few runs need it

    return storage.Client()


def open_stored(path: str) -> IO[bytes]:
    """A small file of this machine, or gs://bucket/name. Raises OSError for both alike."""
    if not path.startswith(BUCKETS):
        return open(path, "rb")
    bucket, _, name = path.removeprefix(BUCKETS).partition("/")
    try:
        return io.BytesIO(storage_client().bucket(bucket).blob(name).download_as_bytes(timeout=CALL_SECONDS))
    except NotFound:
        raise FileNotFoundError(errno.ENOENT, "there is no such object", path) from None
    except GoogleAuthError as error:
        raise OSError(errno.EACCES, NO_CREDENTIALS, path) from error
    except (GoogleAPICallError, ValueError) as error:  # ValueError: gs:// without a name
        raise OSError(errno.EIO, first_line(error), path) from error


def refuse_missing_bucket(place: str) -> None:
    """Raises FatalError if the bucket of gs://bucket/folder is not there, or nobody may look."""
    bucket = place.removeprefix(BUCKETS).partition("/")[0]
    try:
        storage_client().get_bucket(bucket, timeout=CALL_SECONDS)
    except NotFound:
        raise FatalError(f"there is no bucket {BUCKETS}{bucket}; `gcloud storage buckets create` makes it") from None
    except Forbidden:
        raise FatalError(
            f"the bucket {BUCKETS}{bucket} may not be looked at: see the roles in docs/dataflow.md"
        ) from None
    except GoogleAuthError as error:
        raise FatalError(f"{place} cannot be reached: {NO_CREDENTIALS}") from error
    except (GoogleAPICallError, ValueError) as error:
        raise FatalError(f"{place} cannot be reached: {first_line(error)}") from error
