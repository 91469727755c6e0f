from pathlib import Path

import pytest

from transforms.iterable.api_key import read_api_key
from transforms.model.errors import FatalError

KEY = "0123456789abcdef0123456789abcdef"


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


@pytest.mark.parametrize("kind", ["secret", "vault", ""])
def test_another_kind_of_reference_is_fatal(kind: str) -> None:
    """The text says which kinds there are."""
    expected = f"reading {kind}: references is not built yet. Use env:NAME or file:PATH."

    assert expected == problem_of(f"{kind}:projects/p/secrets/s/versions/1")
