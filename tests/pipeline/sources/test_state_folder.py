# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import pytest

from pipeline.sources.state_folder import StateFolder, default_parent, host_of
from transforms.model.errors import FatalError

US = "https://api.iterable.com"


def mode_of(path: Path | str) -> int:
    return os.stat(path).st_mode & 0o777


@pytest.mark.parametrize(
    "url", [US, f"{US}/", "HTTPS://API.iterable.com", "https://api.iterable.com:443/", "https://api.iterable.com."]
)
def test_one_host_has_one_folder_however_it_is_spelt(tmp_path: Path, url: str) -> None:
    """Else two runs would not know of each other."""
    assert StateFolder(str(tmp_path), "A", US, "env:KEY").path == StateFolder(str(tmp_path), "A", url, "env:KEY").path


@pytest.mark.parametrize(
    ("name", "url", "key"),
    [
        ("B", US, "env:KEY"),
        ("a", US, "env:KEY"),
        ("A", "https://api.eu.iterable.com", "env:KEY"),
        ("A", "http://api.iterable.com", "env:KEY"),
        ("A", f"{US}:8443", "env:KEY"),
        ("A", US, "env:OTHER"),
        ("A", US, "file:KEY"),
    ],
)
def test_every_sync_and_destination_has_a_folder_of_its_own(tmp_path: Path, name: str, url: str, key: str) -> None:
    """A sandbox and a project, two projects, two syncs: they share nothing."""
    assert StateFolder(str(tmp_path), "A", US, "env:KEY").path != StateFolder(str(tmp_path), name, url, key).path


def test_a_key_file_is_known_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways to write its path are one, and one word in two folders is two."""
    folders = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        monkeypatch.chdir(tmp_path / place)
        folders.append(StateFolder(str(tmp_path), "A", US, "file:key").path)

    assert folders[1] == StateFolder(str(tmp_path), "A", US, f"file:{tmp_path / 'two' / 'key'}").path
    assert folders[0] != folders[1]


def test_the_host_holds_no_password() -> None:
    """It goes into a file."""
    assert host_of("http://me:secret@[::1]:8080/") == "http://[::1]:8080"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_can_look_into_it(tmp_path: Path, umask: int) -> None:
    """Whatever the umask is; one that is open is closed."""
    state = StateFolder(str(tmp_path), "A", US, "env:KEY")
    before = os.umask(umask)
    try:
        os.makedirs(state.path, exist_ok=True)
        state.make()
        os.chmod(state.path, 0o777)
        state.make()
    finally:
        os.umask(before)

    assert mode_of(state.path) == 0o700
    assert {mode_of(os.path.join(state.path, name)) for name in os.listdir(state.path)} == {0o600}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """They can read what is in it, and put there what they like."""
    state = StateFolder(str(tmp_path), "A", US, "env:KEY")
    state.make()
    os.chown(state.path, 12_345, -1)

    with pytest.raises(FatalError, match=r"^the state folder .* belongs to another user \(uid 12345\)$"):
        state.make()


def test_a_folder_that_was_copied_by_hand_is_told(tmp_path: Path) -> None:
    """It knows whose it is: nothing of another sync is taken for one's own."""
    ours, other = (StateFolder(str(tmp_path), name, US, "env:KEY") for name in ("A", "B"))
    ours.make()
    os.rename(ours.path, other.path)

    with pytest.raises(FatalError, match=r"^the state folder .* is not of this sync, as its sync\.json says"):
        other.make()


@pytest.mark.parametrize("content", [b"", b"not JSON", b"[]"])
def test_a_folder_whose_owner_cannot_be_read_is_told(tmp_path: Path, content: bytes) -> None:
    """It is not taken for one's own, nor made one's own."""
    state = StateFolder(str(tmp_path), "A", US, "env:KEY")
    state.make()
    Path(state.path, "sync.json").write_bytes(content)

    with pytest.raises(FatalError, match="is not of this sync"):
        state.make()


def test_a_folder_that_cannot_be_made_is_told_in_a_line(tmp_path: Path) -> None:
    """And another place can be named."""
    (tmp_path / "file").touch()
    link = StateFolder(str(tmp_path), "A", US, "env:KEY")
    os.symlink(tmp_path, link.path)

    for state in (StateFolder(str(tmp_path / "file"), "A", US, "env:KEY"), link):
        with pytest.raises(
            FatalError, match=r"^the state folder .* cannot be used: .*--state-dir names another place$"
        ):
            state.make()


def test_each_run_of_files_and_each_subscription_has_a_file_of_its_own(tmp_path: Path) -> None:
    """All in the one folder, under names that say what they are."""
    state = StateFolder(str(tmp_path), "Amplitude → Iterable (prod)", US, "env:KEY")
    places = [
        state.waiting,
        state.letters,
        state.lock(1.0),
        state.lock(0.3),
        state.waiting_lock,
        *(state.checkpoint({"--input_files": [name]}) for name in "ab"),
        *(state.resumed(name) for name in "ab"),
    ]

    assert len(set(places)) == len(places)
    assert {os.path.dirname(place) for place in places} == {state.path}
    assert os.path.basename(state.path).startswith("amplitude-iterable-prod-")


def test_where_state_lies_by_default() -> None:
    """One variable names it, for a container; else it is where other programs of a user keep theirs."""
    home = os.path.expanduser("~/.local/state/amplitude-to-iterable")

    assert default_parent({"A2I_STATE_DIR": "/data/state", "XDG_STATE_HOME": "/x"}) == "/data/state"
    assert default_parent({"XDG_STATE_HOME": "/x"}) == "/x/amplitude-to-iterable"
    assert default_parent({"XDG_STATE_HOME": "x"}) == default_parent({}) == home
