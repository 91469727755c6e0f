# SPDX-License-Identifier: Apache-2.0
import json
import re
from pathlib import Path

import pytest
from google.cloud.dataflow_v1beta3 import ContainerSpec, ParameterType

from pipeline.cli.arguments import parse_options
from pipeline.cli.errors import UsageError
from pipeline.dataflow.template import IMAGE, PARAMETERS, Parameter, metadata, template, to_text
from pipeline.run_options import JOB_PARAMETERS

METADATA = Path(__file__).parents[3] / "configs" / "flex_template" / "metadata.json"
ADDED_BY_THE_LAUNCHER = [
    "--runner=DataflowRunner",
    "--project=my-project",
    "--region=europe-west1",
    "--job_name=sync",
    "--temp_location=gs://my-bucket/temp",
    "--template_location=gs://my-bucket/staging/job_object",
]
GOOD = {
    "config": "gs://my-bucket/syncs/sync.yaml",
    "input_subscription": "projects/my-project/subscriptions/amplitude",
    "dead_letter_topic": "projects/my-project/topics/dead-letters",
    IMAGE: "europe-west1-docker.pkg.dev/my-project/a2i/amplitude-to-iterable:1",
    "share": "30%",
    "iterable_url": "http://localhost:8080",
}
BAD = {
    "config": ["sync.yaml", "gs://my-bucket", "gs://my-bucket/sync.json", ""],
    "input_subscription": ["amplitude", "projects/my-project/topics/amplitude", "projects/P/subscriptions/amplitude"],
    "dead_letter_topic": ["projects/my-project/subscriptions/s", "projects/my-project/topics/a b", "topics/t"],
    IMAGE: ["amplitude-to-iterable", "host/image", "host/image:"],
    "share": ["30", "0.3", "many%"],
    "iterable_url": ["localhost:8080", "https://api.iterable.com/api", "ftp://host"],
}
# The program reads the config, and tells of an image only that it is missing.
TOLD = [(name, value) for name in BAD if name not in ("config", IMAGE) for value in BAD[name]]
REQUIRED = [parameter.name for parameter in PARAMETERS if not parameter.is_optional]
OPTIONAL = [parameter.name for parameter in PARAMETERS if parameter.is_optional]


def arguments(**parameters: str) -> list[str]:
    return [*ADDED_BY_THE_LAUNCHER, *(f"--{name}={value}" for name, value in parameters.items())]


def fits(parameter: Parameter, value: str) -> bool:
    return bool(re.fullmatch(parameter.regex, value))


def test_the_committed_metadata_is_up_to_date() -> None:
    """`make metadata` writes it."""
    assert to_text(metadata()) == METADATA.read_text()


def test_every_parameter_of_a_job_is_one_of_the_template() -> None:
    """But for a file of dead letters, which no worker keeps. A new option of a job needs a field here."""
    assert {*JOB_PARAMETERS, IMAGE} - {parameter.name for parameter in PARAMETERS} == {"dead_letter_file"}


def test_the_template_is_what_dataflow_reads() -> None:
    """Every key is one of ContainerSpec, and every type one of its types; the streaming fields are there."""
    spec = ContainerSpec.from_json(json.dumps(template("host/image:1")), ignore_unknown_fields=False)

    assert (spec.image, spec.sdk_info.language.name, spec.metadata.name) == (
        "host/image:1",
        "PYTHON",
        "Amplitude to Iterable",
    )
    assert {parameter.type for parameter in PARAMETERS} <= set(ParameterType.__members__)
    written = template("host/image:1")["metadata"]
    assert (written["streaming"], written["supportsAtLeastOnce"], written["supportsExactlyOnce"]) == (True, True, False)
    (image,) = (field for field in written["parameters"] if field["name"] == IMAGE)
    assert image["defaultValue"] == "host/image:1"


def test_each_field_says_all_it_must() -> None:
    """A label, a help text, a group; a default as the command line has it."""
    for field in metadata()["parameters"]:
        assert all(field[key] for key in ("label", "helpText", "groupName", "paramType", "regexes"))
        assert field.get("defaultValue", "") == JOB_PARAMETERS.get(field["name"], {}).get("default", "")


def test_the_required_ones_are_enough() -> None:
    """What is optional has its default then."""
    options = parse_options(arguments(**{name: GOOD[name] for name in REQUIRED}))

    assert (options.share, options.iterable_url, options.is_template) == (1.0, "", True)


def test_all_of_them_together() -> None:
    """Each is read under its own name."""
    options = parse_options(arguments(**GOOD))

    assert options.config == GOOD["config"]
    assert (options.share, options.iterable_url) == (0.3, GOOD["iterable_url"])


@pytest.mark.parametrize("name", REQUIRED)
def test_without_a_required_one_there_is_no_launch(name: str) -> None:
    """The program agrees with the form on what is required."""
    with pytest.raises(UsageError):
        parse_options(arguments(**{other: GOOD[other] for other in REQUIRED if other != name}))


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_the_form_refuses_what_cannot_be(parameter: Parameter) -> None:
    """Before a machine starts for the launch."""
    assert fits(parameter, GOOD[parameter.name])
    assert [value for value in BAD[parameter.name] if fits(parameter, value)] == []


@pytest.mark.parametrize(("name", "value"), TOLD)
def test_the_program_refuses_it_as_well(name: str, value: str) -> None:
    """Who launches without the form is told, too."""
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')}"):
        parse_options(arguments(**{**GOOD, name: value}))
