# SPDX-License-Identifier: Apache-2.0
import sys
import time

import grpc  # type: ignore[import-untyped]  # publishes no types
import pytest

from pipeline.sandbox.dataflow.secret_manager import FakeSecretManager
from transforms.iterable.secret_manager import ANSWER_SECONDS, read_secret
from transforms.model.errors import FatalError

SECRET = "projects/p/secrets/s"
FIRST = f"{SECRET}/versions/1"
LOGIN = "`gcloud auth application-default login` makes some; on Google Cloud, give the machine a service account."
NO_TOKEN = "Getting metadata from plugin failed with error: Reauthentication is needed."


def problem_of(version: str) -> str:
    with pytest.raises(FatalError) as caught:
        read_secret(version)
    return str(caught.value)


@pytest.mark.parametrize(("version", "expected"), [("1", "old"), ("2", "new"), ("latest", "new")])
def test_a_version_of_a_secret(secret_manager: FakeSecretManager, version: str, expected: str) -> None:
    """By its number, or the latest one; each call is one read."""
    secret_manager.add_version(SECRET, b"old")
    secret_manager.add_version(SECRET, b"new")

    assert read_secret(f"{SECRET}/versions/{version}") == expected
    assert secret_manager.reads == [f"{SECRET}/versions/{version}"]


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("2", "is not there. `gcloud secrets versions list s --project=p` shows those that are."),
        ("new", "is no name of a secret's version. After versions/ comes a number, latest or an alias."),
        (
            "1",
            (
                "is disabled or destroyed. Name a version that is enabled, add one, "
                "or `gcloud secrets versions enable 1 --secret=s --project=p`."
            ),
        ),
    ],
)
def test_a_version_that_cannot_be_had(secret_manager: FakeSecretManager, version: str, problem: str) -> None:
    """One line says what is wrong with it, and what to do."""
    secret_manager.disable(secret_manager.add_version(SECRET, b"old"))

    assert problem_of(f"{SECRET}/versions/{version}") == f"the secret {SECRET}/versions/{version} {problem}"


@pytest.mark.parametrize(
    ("code", "message", "problem"),
    [
        (
            grpc.StatusCode.PERMISSION_DENIED,
            "Permission 'secretmanager.versions.access' denied for resource (or it may not exist).",
            (
                "may not be read, or is not there. "
                f"Grant roles/secretmanager.secretAccessor on {SECRET} to the account that runs this."
            ),
        ),
        (
            grpc.StatusCode.UNAUTHENTICATED,
            "Request had invalid authentication credentials.",
            f"cannot be read without Google Cloud credentials (Unauthenticated). {LOGIN}",
        ),
        (
            grpc.StatusCode.UNAVAILABLE,
            NO_TOKEN,
            f"cannot be read: the Google Cloud credentials are no longer good. {LOGIN}",
        ),
        (grpc.StatusCode.DATA_LOSS, "a value\nof two lines", "cannot be read: Secret Manager answers DataLoss."),
    ],
)
def test_what_google_refuses(
    secret_manager: FakeSecretManager, code: grpc.StatusCode, message: str, problem: str
) -> None:
    """At once, in one line of ours with the remedy."""
    secret_manager.fail(code, message)
    began = time.monotonic()

    assert problem_of(FIRST) == f"the secret {FIRST} {problem}"
    assert time.monotonic() - began < ANSWER_SECONDS
    assert len(secret_manager.reads) == 1


def test_an_api_that_is_off_is_told_apart_from_a_missing_role(secret_manager: FakeSecretManager) -> None:
    """Google says PERMISSION_DENIED of both."""
    secret_manager.turn_off()

    assert problem_of(FIRST) == (
        f"the secret {FIRST} cannot be read: Secret Manager is off in its project. "
        "`gcloud services enable secretmanager.googleapis.com --project=p` turns it on."
    )


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google itself is asked only by somebody."""
    monkeypatch.delenv("SECRET_MANAGER_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")

    expected = f"the secret {FIRST} cannot be read without Google Cloud credentials (DefaultCredentialsError). {LOGIN}"

    assert problem_of(FIRST) == expected


def test_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only a part of the requirements is installed."""
    monkeypatch.setitem(sys.modules, "google.cloud.secretmanager_v1", None)

    assert problem_of(FIRST) == (
        f"the secret {FIRST} cannot be read without google-cloud-secret-manager. "
        "`pip install google-cloud-secret-manager`."
    )


def test_what_is_no_text(secret_manager: FakeSecretManager) -> None:
    """The line does not hold it."""
    version = secret_manager.add_version(SECRET, b"\xffkey")

    assert problem_of(version) == (
        f"the secret {FIRST} is no text. Add a version that holds Iterable's server-side API key."
    )


def test_a_moment_without_an_answer_passes(secret_manager: FakeSecretManager) -> None:
    """It is asked again, until it answers."""
    version = secret_manager.add_version(SECRET, b"key")
    secret_manager.fail(grpc.StatusCode.UNAVAILABLE, times=2)

    assert read_secret(version) == "key"
    assert len(secret_manager.reads) == 3


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 30.0])
def test_no_answer_is_waited_for_so_long_and_no_longer(secret_manager: FakeSecretManager, seconds: float) -> None:
    """Whether it is away or silent."""
    secret_manager.fail(grpc.StatusCode.UNAVAILABLE)
    secret_manager.seconds = seconds
    began = time.monotonic()

    assert problem_of(FIRST) == (
        f"the secret {FIRST} cannot be read: Secret Manager did not give it within 10 s. "
        "Look at the way to secretmanager.googleapis.com: without a public address it needs a private one."
    )
    assert time.monotonic() - began < 2 * ANSWER_SECONDS
