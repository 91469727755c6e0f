"""The command and its manners; what a verb does is told by its own tests."""

import pytest

from pipeline.cli.a2i import VERBS, Verbs, a2i, main


def test_every_verb_is_there_and_says_what_it_does() -> None:
    """The contents page of the command is the table of verbs."""
    assert isinstance(a2i, Verbs)
    context = a2i.make_context("a2i", ["dead"])

    for verb in VERBS:
        command = a2i.get_command(context, verb)
        assert command
        assert command.get_short_help_str()


def test_a_wrong_command_line_is_told_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """And is exit code 2."""
    assert main(["no-such-verb"]) == 2
    assert [record.message for record in caplog.records] == ["No such command 'no-such-verb'."]
