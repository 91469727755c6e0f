# SPDX-License-Identifier: Apache-2.0
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.sandbox.dataflow.secret_manager import FakeSecretManager
from transforms.iterable.api_key import KeptKey, check_any_machine_reads, read_api_key
from transforms.model.errors import FatalError

KEY = "0123456789abcdef0123456789abcdef"
SECRET = "projects/p/secrets/s"


def problem_of(reference: str) -> str:
    with pytest.raises(FatalError) as caught:
        read_api_key(reference)
    return str(caught.value)


def test_a_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """env:NAME is that variable's value."""
    monkeypatch.setenv("ITERABLE_API_KEY", KEY)
    expected = KEY

    assert expected == read_api_key("env:ITERABLE_API_KEY")


@pytest.mark.parametrize("text", [KEY, f"{KEY}\n", f"  {KEY}\r\n\n"])
def test_a_key_from_a_file(tmp_path: Path, text: str) -> None:
    """file:PATH is what the file holds, without the line break that editors add."""
    path = tmp_path / "key: of Iterable"
    path.write_text(text, encoding="utf-8")
    expected = KEY

    assert expected == read_api_key(f"file:{path}")


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_fatal(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """The text names the variable and the remedy."""
    monkeypatch.delenv("ITERABLE_API_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("ITERABLE_API_KEY", value)
    expected = "the environment variable ITERABLE_API_KEY is not set. Put Iterable's server-side API key there."

    assert expected == problem_of("env:ITERABLE_API_KEY")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("missing", None, "cannot be read: FileNotFoundError."),
        (".", None, "cannot be read: IsADirectoryError."),
        ("key", b"", "is empty."),
        ("key", b" \n", "is empty."),
        ("key", b"\xff\xfe", "cannot be read: UnicodeDecodeError."),
    ],
)
def test_a_file_without_a_key_is_fatal(tmp_path: Path, name: str, content: bytes | None, problem: str) -> None:
    """The text names the file and what is wrong with it."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    assert f"the API key file {path} {problem}" == problem_of(f"file:{path}")


@pytest.mark.parametrize("bad", ["two words", "line\nbreak", "tab\there", "kéy", "nul\x7f"])
def test_what_cannot_be_a_header_is_fatal(tmp_path: Path, bad: str) -> None:
    """Told before the first request, and never with the key in the text."""
    path = tmp_path / "key"
    path.write_text(bad, encoding="utf-8")
    expected = f"what file:{path} holds is no API key: it has blanks or characters that no key has."

    assert expected == problem_of(f"file:{path}")


def test_a_blank_around_a_variable_is_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable is taken as it is."""
    monkeypatch.setenv("ITERABLE_API_KEY", f"{KEY}\n")
    expected = "what env:ITERABLE_API_KEY holds is no API key: it has blanks or characters that no key has."

    assert expected == problem_of("env:ITERABLE_API_KEY")


def test_a_key_from_secret_manager(secret_manager: FakeSecretManager) -> None:
    """secret: is what the version holds, without the line break that `echo` adds; it is read with every call."""
    secret_manager.add_version(SECRET, f"{KEY}\n".encode())

    assert [read_api_key(f"secret:{SECRET}/versions/latest") for _ in range(2)] == [KEY, KEY]
    assert len(secret_manager.reads) == 2


def test_a_secret_without_a_key_is_fatal(secret_manager: FakeSecretManager) -> None:
    """Empty, or no API key; never with what it holds."""
    empty, blank = (secret_manager.add_version(SECRET, payload) for payload in (b" \n", b"a key"))
    remedy = "Add a version that holds Iterable's server-side API key."

    assert problem_of(f"secret:{empty}") == f"the secret {empty} is empty. {remedy}"
    assert problem_of(f"secret:{blank}") == (
        f"what secret:{blank} holds is no API key: it has blanks or characters that no key has."
    )


@pytest.mark.parametrize("kind", ["vault", ""])
def test_another_kind_of_reference_is_fatal(kind: str) -> None:
    """The text says which kinds there are."""
    expected = f"{kind}: is no kind of reference. Use env:, file:, secret:."

    assert expected == problem_of(f"{kind}:projects/p/secrets/s/versions/1")


def test_workers_elsewhere_read_secret_manager_alone() -> None:
    """They have no variable and no file of the machine that launches: one line says what to write instead."""
    check_any_machine_reads(f"secret:{SECRET}/versions/latest")

    for kind, reference in {"env": "env:ITERABLE_API_KEY", "file": "file:/run/secrets/key"}.items():
        with pytest.raises(FatalError) as caught:
            check_any_machine_reads(reference)
        assert str(caught.value) == (
            f"Dataflow's workers cannot read {kind}: references. Put the key into Secret Manager and write "
            "secret:projects/P/secrets/S/versions/latest."
        )


class Place:
    """Holds keys, and a clock; a key of "" cannot be read."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.time = 0.0
        self.reads = 0

    def read(self) -> str:
        self.reads += 1
        if not self.keys[0]:
            raise FatalError("the key is gone")
        return self.keys[0]

    def kept(self) -> KeptKey:
        return KeptKey(self.read, 600.0, lambda: self.time)


def test_a_key_is_read_when_it_is_needed_and_kept_for_a_while() -> None:
    """Not before; and one that was changed meanwhile is noticed without a refusal."""
    place = Place("old")
    kept = place.kept()
    before = place.reads
    first = kept.get()
    place.keys = ["new"]
    place.time = 599.0
    second = kept.get()
    place.time = 600.0
    third = kept.get()

    assert (before, first, second, third) == (0, "old", "old", "new")
    assert place.reads == 2


def test_a_refused_key_is_read_again_at_once() -> None:
    """Before it is used again, however young it is; once for all who were refused."""
    place = Place("old")
    kept = place.kept()
    kept.get()
    place.keys = ["new"]
    place.time = 1.0
    kept.expire()
    kept.expire()

    assert [kept.get(), kept.get()] == ["new", "new"]
    assert place.reads == 2


def test_a_key_that_cannot_be_read_again_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """It may be good still: one line a try, no sooner than it would be read in any case."""
    place = Place("old")
    kept = place.kept()
    kept.get()
    place.keys = [""]
    place.time = 601.0
    second = kept.get()
    place.time = 1_200.0
    third = kept.get()

    assert (second, third, place.reads) == ("old", "old", 2)
    assert caplog.messages == ["The API key could not be read again, and the one in hand goes on: the key is gone"]


def test_without_a_key_the_next_one_who_asks_tries_again() -> None:
    """There is nothing to go on with, so each gets the reason."""
    place = Place("")
    kept = place.kept()
    with pytest.raises(FatalError, match=r"^the key is gone$"):
        kept.get()
    place.keys = ["key"]
    place.time = 1.0

    assert kept.get() == "key"


class SlowPlace(Place):
    """A read lasts until it is let go."""

    def __init__(self, *keys: str) -> None:
        super().__init__(*keys)
        self.began, self.go_on = threading.Event(), threading.Event()

    def read(self) -> str:
        key = super().read
        self.began.set()
        self.go_on.wait(10)
        return key()


@pytest.mark.parametrize(("key", "reads"), [("key", {1}), ("", {1, 2})])
def test_threads_that_wait_for_a_key_share_what_comes(key: str, reads: set[int]) -> None:
    """A place that is slow, or silent, is not waited for by one thread after the other."""
    place = SlowPlace(key)
    kept = KeptKey(place.read)
    with ThreadPoolExecutor(6) as pool:
        gets = [pool.submit(kept.get) for _ in range(6)]
        place.began.wait(10)
        time.sleep(0.2)  # until all have asked
        place.go_on.set()

    assert {str(get.exception() or get.result()) for get in gets} == {key or "the key is gone"}
    assert place.reads in reads


def test_a_key_in_hand_goes_on_while_it_is_read_again() -> None:
    """One thread waits for the new one, the others send."""
    place = SlowPlace("old")
    place.go_on.set()
    kept = KeptKey(place.read)
    kept.get()
    place.keys = ["new"]
    place.began.clear()
    place.go_on.clear()
    kept.expire()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(kept.get)
        place.began.wait(10)
        meanwhile, is_waiting = kept.get(), not waiting.done()
        place.go_on.set()

    assert (meanwhile, is_waiting, waiting.result(), place.reads) == ("old", True, "new", 2)
