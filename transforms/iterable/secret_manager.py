# SPDX-License-Identifier: Apache-2.0
"""Reads a secret from Google's Secret Manager. Knows no Iterable, and keeps nothing."""

import os

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.api_core import exceptions
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError

from transforms.model.errors import FatalError

ANSWER_SECONDS = 10.0  # for one secret, with all retries
ROLE = "roles/secretmanager.secretAccessor"

_LOGIN = "`gcloud auth application-default login` makes some; on Google Cloud, give the machine a service account."
_NO_CREDENTIALS = "Getting metadata from plugin failed"  # gRPC's words where a token cannot be had


def read_secret(version: str) -> str:
    """The text of `projects/P/secrets/S/versions/V`; `latest` is a V.

    Raises:
      FatalError: with what to do; the text never holds the secret.
    """
    try:
        return _access(version).decode()
    except ImportError:
        problem = "cannot be read without google-cloud-secret-manager. `pip install google-cloud-secret-manager`."
    except UnicodeDecodeError:
        problem = "is no text. Add a version that holds Iterable's server-side API key."
    except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
        problem = _explain(error, version)
    raise FatalError(f"the secret {version} {problem}")


def _access(version: str) -> bytes:
    # Half a second to import, and most runs need it not.
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
        SecretManagerServiceGrpcTransport,
    )

    emulator = os.environ.get("SECRET_MANAGER_EMULATOR_HOST")
    transport = SecretManagerServiceGrpcTransport(channel=grpc.insecure_channel(emulator)) if emulator else None
    with SecretManagerServiceClient(transport=transport) as client:
        retry = Retry(predicate=_is_passing, initial=0.5, maximum=2.0, timeout=ANSWER_SECONDS)
        answer = client.access_secret_version(name=version, retry=retry, timeout=ANSWER_SECONDS)
        return bytes(answer.payload.data)


def _is_passing(error: BaseException) -> bool:
    passing = exceptions.ServiceUnavailable | exceptions.InternalServerError | exceptions.ResourceExhausted
    return isinstance(error, passing) and _NO_CREDENTIALS not in str(error)


def _explain(error: Exception, version: str) -> str:
    """What is wrong with the secret, and the remedy, as the rest of a sentence."""
    _, project, _, name, _, number = version.split("/")
    match error:
        case GoogleAuthError() | exceptions.Unauthenticated():
            return f"cannot be read without Google Cloud credentials ({type(error).__name__}). {_LOGIN}"
        case exceptions.ServiceUnavailable() if _NO_CREDENTIALS in str(error):
            return f"cannot be read: the Google Cloud credentials are no longer good. {_LOGIN}"
        case exceptions.NotFound():
            return f"is not there. `gcloud secrets versions list {name} --project={project}` shows those that are."
        case exceptions.PermissionDenied() if error.reason == "SERVICE_DISABLED":
            enable = f"`gcloud services enable secretmanager.googleapis.com --project={project}`"
            return f"cannot be read: Secret Manager is off in its project. {enable} turns it on."
        case exceptions.PermissionDenied():
            remedy = f"Grant {ROLE} on projects/{project}/secrets/{name} to the account that runs this."
            return f"may not be read, or is not there. {remedy}"
        case exceptions.FailedPrecondition():
            enable = f"`gcloud secrets versions enable {number} --secret={name} --project={project}`"
            return f"is disabled or destroyed. Name a version that is enabled, add one, or {enable}."
        case exceptions.InvalidArgument():
            return "is no name of a secret's version. After versions/ comes a number, latest or an alias."
        case exceptions.ServiceUnavailable() | exceptions.DeadlineExceeded() | RetryError():
            remedy = "Look at the way to secretmanager.googleapis.com: without a public address it needs a private one."
            return f"cannot be read: Secret Manager did not give it within {ANSWER_SECONDS:.0f} s. {remedy}"
        case _:
            return f"cannot be read: Secret Manager answers {type(error).__name__}."
