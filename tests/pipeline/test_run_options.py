# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest

from pipeline.cli.arguments import parse_options
from pipeline.run_options import Files, Stream, Subscription

SUBSCRIPTION = "projects/my-project-1/subscriptions/events"


@pytest.mark.parametrize("kind", [Files, Stream])
def test_an_input_of_another_kind_is_a_fault_of_ours(kind: type[Files] | type[Stream]) -> None:
    """Who asks for files has looked before what the launch reads."""
    options = parse_options(["--config=c", f"--input_subscription={SUBSCRIPTION}", "--dead_letter_file=/dev/null"])

    assert options.input_as(Subscription).name == SUBSCRIPTION
    with pytest.raises(TypeError, match=f"^the input is no {kind.__name__}: Subscription"):
        options.input_as(kind)


def test_the_options_are_a_value_without_a_cloud() -> None:
    """A test, or a tool, may make them where there is neither Pub/Sub nor Cloud Storage."""
    look = "import sys, pipeline.run_options; print([n for n in sys.modules if n.startswith('pipeline.sources')])"

    assert subprocess.check_output([sys.executable, "-c", look], text=True) == "[]\n"
