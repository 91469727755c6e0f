# SPDX-License-Identifier: Apache-2.0
"""The API key in Secret Manager: a run on this machine reads it at its start, a launch on Dataflow never does."""

import base64
import bz2
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apache_beam.portability.api import beam_runner_api_pb2

from pipeline.main import main
from pipeline.sandbox.dataflow.secret_manager import FakeSecretManager
from pipeline.sandbox.iterable.running import SimulatedIterable
from pipeline.sandbox.iterable.settings import Key, Settings
from pipeline.sandbox.stage import Ended

pytestmark = pytest.mark.timeout(120)

ROOT = Path(__file__).parents[2]
API_KEY = "key-0123456789abcdef"
SECRET = "projects/p/secrets/iterable"
REFERENCE = f"secret:{SECRET}/versions/latest"
ROW = b'{"event_type":"Song Played","user_id":"u1","event_time":"2026-01-01 00:00:00.000000","uuid":"1"}'


Types = Callable[..., Ended]


@pytest.fixture(autouse=True)
def without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a key."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
    monkeypatch.delenv("ITERABLE_API_KEY", raising=False)


def write_config(folder: Path, api_key: str) -> Path:
    destination = f"destination: {{api_key: '{api_key}', project_type: user_id}}\n"
    path = folder / "sync.yaml"
    path.write_text(f"name: x\nstatus: enabled\n{destination}send_events: {{enabled: true, events: ['*']}}\n")
    return path


def launch(types: Types, folder: Path, api_key: str) -> Ended:
    """As a template is launched: Beam writes what it would ask of Dataflow into files."""
    for name in ("staging", "temp"):
        (folder / name).mkdir()
    return types(
        main,
        f"--config={write_config(folder, api_key)}",
        "--input_subscription=projects/my-project/subscriptions/amplitude",
        "--dead_letter_topic=projects/my-project/topics/dead-letters",
        "--streaming",
        "--runner=DataflowRunner",
        "--project=my-project",
        "--region=europe-west1",
        "--sdk_container_image=europe-docker.pkg.dev/my-project/sync/job:1",
        "--no_auth",
        "--dataflow_endpoint=http://localhost:1",  # nobody is asked
        f"--staging_location={folder / 'staging'}",
        f"--temp_location={folder / 'temp'}",
        f"--template_location={folder / 'job.json'}",
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["env", "file"])
def test_dataflow_takes_no_key_of_the_machine_that_launches(tmp_path: Path, types: Types, kind: str) -> None:
    """Before anything is launched, in one line that says what to write instead."""
    ended = launch(types, tmp_path, f"{kind}:NOT_THERE")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"{tmp_path / 'sync.yaml'}: destination.api_key: Dataflow's workers cannot read {kind}: references. "
        "Put the key into Secret Manager and write secret:projects/P/secrets/S/versions/latest.\n"
    )
    assert not (tmp_path / "job.json").exists()


def unpacked(staged: Path) -> Iterator[bytes]:
    """What a launch wrote for the service and its workers, and the pickles in it as they were before packing."""
    yield staged.read_bytes()
    if staged.name == "pipeline.pb":
        transforms = beam_runner_api_pb2.Pipeline.FromString(staged.read_bytes()).components.transforms
        for transform in transforms.values():
            if transform.spec.urn == "beam:transform:pardo:v1":
                pickled = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload).do_fn.payload
                yield bz2.decompress(base64.b64decode(pickled))


@pytest.mark.slow
def test_a_launch_on_dataflow_reads_no_key(tmp_path: Path, secret_manager: FakeSecretManager, types: Types) -> None:
    """It may not even be allowed to: only where the key is goes to the workers, in the sender's settings."""
    secret_manager.add_version(SECRET, API_KEY.encode())

    ended = launch(types, tmp_path, REFERENCE)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "sync.yaml"]
    written = [content for file in files for content in unpacked(file)]

    assert (ended.code, ended.err) == (0, "")
    assert secret_manager.reads == []
    assert {"job.json", "pipeline.pb"} <= {file.name for file in files}
    assert any(SECRET.encode() in content for content in written)
    assert not any(API_KEY.encode() in content for content in written)


@pytest.mark.slow
def test_a_run_on_this_machine_delivers_with_a_key_from_secret_manager(
    tmp_path: Path, secret_manager: FakeSecretManager, types: Types
) -> None:
    """It is read at the start, to tell early of one that is wrong, and once by the sender."""
    secret_manager.add_version(SECRET, b"a-key-that-was-rotated")
    secret_manager.add_version(SECRET, f"{API_KEY}\n".encode())
    (tmp_path / "rows.jsonl").write_bytes(ROW + b"\n")

    with SimulatedIterable(Settings(keys={API_KEY: Key()}, track_unknown_user="create")) as iterable:
        ended = types(
            main,
            f"--config={write_config(tmp_path, REFERENCE)}",
            f"--input_files={tmp_path / 'rows.jsonl'}",
            f"--dead_letter_file={tmp_path / 'dead_letters.jsonl'}",
            f"--iterable_url={iterable.url}",
        )
        events = iterable.dump(settle=True)["events"]

    assert (ended.code, len(events)) == (0, 1)
    assert secret_manager.reads == [f"{SECRET}/versions/latest"] * 2
    assert API_KEY not in ended.out + ended.err


def test_the_page_names_the_roles_that_terraform_grants() -> None:
    """Whoever sets up by hand gives the same rights."""
    role = re.compile(r"roles/[\w.]+")
    granted = set(role.findall((ROOT / "configs" / "terraform" / "identity.tf").read_text()))

    assert granted
    assert granted - set(role.findall((ROOT / "docs" / "secrets.md").read_text())) == set()
