# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from pipeline.cli.validate import main


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


HEAD = """\
name: Test
status: enabled
destination:
  api_key: env:KEY
  project_type: hybrid
"""


def test_the_command_validates_files(capsys: pytest.CaptureFixture[str]) -> None:
    """A valid file is one line, with the number of its warnings; these go beside it; the exit code is 0."""
    Path("sync.yaml").write_text(HEAD, encoding="utf-8")
    code = main(["sync.yaml"])
    out, err = capsys.readouterr()
    expected = (0, "sync.yaml: valid, 1 warning\n")

    assert expected == (code, out)
    assert err.startswith("warning: sync.yaml:1: create_and_update_users and send_events are both disabled")


def test_warnings_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a file without one nothing is said but that it is valid."""
    Path("many.yaml").write_text(HEAD + "send_events: {enabled: true, events: [A, A, A]}\n", encoding="utf-8")
    Path("none.yaml").write_text(HEAD + "send_events: {enabled: true, events: [A]}\n", encoding="utf-8")
    main(["many.yaml", "none.yaml"])
    out, err = capsys.readouterr()

    assert out == "many.yaml: valid, 2 warnings\nnone.yaml: valid\n"
    assert [line.split(":")[:2] for line in err.splitlines()] == [["warning", " many.yaml"]] * 2


def test_the_command_tells_the_problems_of_all_files(capsys: pytest.CaptureFixture[str]) -> None:
    """One bad file does not hide the next; the exit code is 2."""
    Path("good.yaml").write_text(HEAD, encoding="utf-8")
    Path("bad.yaml").write_text(HEAD.replace("hybrid", "x"), encoding="utf-8")
    code = main(["missing.yaml", "bad.yaml", ".", "good.yaml"])
    out, err = capsys.readouterr()

    expected = (2, "good.yaml: valid, 1 warning\n", ["missing.yaml", "bad.yaml", "."])

    assert expected == (code, out, [line.split(":")[0] for line in err.splitlines() if "disabled" not in line])


@pytest.mark.parametrize("arguments", [[], ["--schema", "sync.yaml"], ["--nonsense"]])
def test_a_wrong_command_line_shows_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, as for a wrong file."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    expected = 2

    assert expected == caught.value.code
    assert "usage: python -m pipeline.config" in capsys.readouterr().err
