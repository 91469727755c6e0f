# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the whole suite."""

import itertools
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import hypothesis
import orjson
import pytest
from apache_beam.testing.test_pipeline import TestPipeline as Pipeline
from apache_beam.testing.util import assert_that, equal_to
from gcp_storage_emulator.server import create_server  # type: ignore[import-untyped]  # publishes no types
from google.cloud import storage

from pipeline.sandbox.dataflow.secret_manager import FakeSecretManager
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import AsyncDelay, Settings
from pipeline.sandbox.pubsub.emulator import EmulatorNotFoundError, PubsubEmulator, find_emulator
from pipeline.sandbox.stage import Ended
from pipeline.sources.buckets import storage_client
from tests.log_times import without_start
from transforms.elements import Records
from transforms.mapping.identity import Identity
from transforms.model.items import TRACK, USER, Item, Message, Resumed
from transforms.model.user_keys import EMAIL, USER_ID

# CI must not fail by chance for what a change did not touch; on a person's machine every run looks somewhere new.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests and the processes they start leave in it goes with pytest's other folders."""
    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("tmp"))
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(autouse=True)
def state_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test finds what another one left; where it lies is what --state-dir is by default."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("A2I_STATE_DIR", str(folder))
    return folder


@pytest.fixture
def types(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[..., Ended]:
    """Calls a command's `main` in this process, for Beam takes seconds to import; all it said, without its start.

    What is logged comes last and unredacted: what a log shows, and what a signal does, is for processes to tell.
    """

    def call(main: Callable[[list[str]], int], *arguments: object) -> Ended:
        capsys.readouterr()
        caplog.clear()
        code = main([*map(str, arguments)])
        out, err = capsys.readouterr()
        return Ended(code, out, without_start(err) + "".join(f"{message}\n" for message in caplog.messages))

    return call


@pytest.fixture(scope="session")
def pubsub_emulator() -> Iterator[PubsubEmulator]:
    """One running emulator for the session: each test makes topics and subscriptions with names of its own."""
    try:
        find_emulator()
    except EmulatorNotFoundError as error:
        pytest.skip(str(error))
    with PubsubEmulator() as emulator:
        yield emulator


@pytest.fixture
def iterable_settings() -> Settings:
    """Of `iterable`: it applies at once what it takes. A file that needs another one has its own."""
    return Settings(async_delay=AsyncDelay(0, 0))


@pytest.fixture
def iterable_clock() -> Callable[[], float]:
    """What `iterable` goes by: the wall clock, unless a file has its own."""
    return time.time


@pytest.fixture
def iterable(iterable_settings: Settings, iterable_clock: Callable[[], float]) -> Iterator[SimulatedIterable]:
    """A simulated one, empty."""
    with SimulatedIterable(iterable_settings, clock=iterable_clock) as running:
        yield running


@pytest.fixture
def secret_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSecretManager]:
    """Instead of Google's, for this process and for those that it starts."""
    with FakeSecretManager() as fake:
        monkeypatch.setenv("SECRET_MANAGER_EMULATOR_HOST", fake.host)
        yield fake


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[storage.Bucket]:
    """A new bucket in an emulated Cloud Storage."""
    server = create_server("127.0.0.1", 0, in_memory=True)
    server.start()
    try:
        host, port = server._api._httpd.socket.getsockname()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{host}:{port}")
        storage_client.cache_clear()
        yield storage.Client().create_bucket(f"bucket-{uuid.uuid4().hex[:8]}")
    finally:
        storage_client.cache_clear()
        server.stop()


@pytest.fixture(scope="session")
def check_step() -> Callable[..., None]:
    """Applies a step to lists of records in a small pipeline; each output, by its name, holds these, in any order."""

    def check(step: "beam.PTransform[Any, Any]", lists: list[list[Any]], **outputs: list[Any]) -> None:
        with Pipeline(runner="FnApiRunner") as pipeline:  # type: ignore[no-untyped-call]  # Beam has no types
            create = beam.Create(lists).with_output_types(Records)  # type: ignore[no-untyped-call]
            applied: Any = pipeline | create | step
            for name, expected in outputs.items():
                output = getattr(applied, name)
                one = (output if isinstance(output, tuple) else (output,)) | f"All {name}" >> beam.Flatten()  # type: ignore[no-untyped-call]
                each = one | f"Each of {name}" >> beam.FlatMap(list)  # type: ignore[no-untyped-call]
                assert_that(each, equal_to(expected), label=name)  # type: ignore[no-untyped-call]

    return check


@pytest.fixture(scope="session")
def new_update() -> Callable[..., Item]:
    """A builder of user updates, each in a message of its own."""
    numbers = itertools.count()

    def build(
        user_id: str = "u1", fields: dict[str, Any] | None = None, time: float = 0.0, email: str = "", **extra: Any
    ) -> Item:
        ids = {"userId": user_id} if user_id else {"email": email}
        body = orjson.dumps({**ids, "dataFields": fields or {}, **extra})
        message = Message(b"{}", {}, f"update-{next(numbers)}", time)
        identity = Identity(USER_ID if user_id else EMAIL, email, user_id)
        return Item(message, USER, identity.key, email, user_id, "", time, body)

    return build


@pytest.fixture(scope="session")
def new_track() -> Callable[..., Item]:
    """A builder of track events, each in a message of its own and with that message's id."""
    numbers = itertools.count()

    def build(
        user_id: str = "u1",
        name: str = "Order",
        time: float = 0.0,
        email: str = "",
        resumed: Resumed | None = None,
        **extra: Any,
    ) -> Item:
        message = Message(b"{}", {}, f"track-{next(numbers)}", time, resumed)
        ids = {"userId": user_id} if user_id else {"email": email}
        body = orjson.dumps({**ids, "eventName": name, "id": message.message_id, **extra})
        identity = Identity(USER_ID if user_id else EMAIL, email, user_id)
        return Item(message, TRACK, identity.key, email, user_id, name, time, body)

    return build
