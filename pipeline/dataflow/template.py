# SPDX-License-Identifier: Apache-2.0
"""The flex template as its users see it: its parameters, and the JSON that Dataflow reads. Knows no graph.

metadata.json is made here, and so is the template's own file: `gcloud dataflow flex-template build` leaves the
streaming fields out. Names of keys are Dataflow's, see ContainerSpec of its REST API.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.run_options import JOB_PARAMETERS

IMAGE = "sdk_container_image"  # Beam's own option
_PROJECT = "[a-z][a-z0-9:.-]{4,61}[a-z0-9]"
_NAME = "[A-Za-z][A-Za-z0-9._~+%-]{2,254}"


@dataclass(frozen=True)
class Parameter:
    """One field of the form; without a default it must be given."""

    name: str
    label: str
    help: str
    regex: str
    type: str
    group: str
    is_optional: bool = False
    is_hidden: bool = False

    @property
    def default(self) -> str:
        return str(JOB_PARAMETERS.get(self.name, {}).get("default", ""))


PARAMETERS = (
    Parameter(
        "config",
        "Config of the sync",
        "The sync's YAML file in Cloud Storage; its api_key is a reference to Secret Manager. "
        "For example, gs://my-bucket/sync.yaml",
        r"^gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]/.+\.ya?ml$",
        "GCS_READ_FILE",
        "Source",
    ),
    Parameter(
        "input_subscription",
        "Pub/Sub subscription of Amplitude's events",
        "The job reads and acknowledges its messages. For example, projects/my-project/subscriptions/amplitude",
        rf"^projects/{_PROJECT}/subscriptions/{_NAME}$",
        "PUBSUB_SUBSCRIPTION",
        "Source",
    ),
    Parameter(
        "dead_letter_topic",
        "Pub/Sub topic for dead letters",
        "What cannot be delivered is published there, with the reason; not the topic of the subscription. "
        "For example, projects/my-project/topics/amplitude-dead-letters",
        rf"^projects/{_PROJECT}/topics/{_NAME}$",
        "PUBSUB_TOPIC",
        "Target",
    ),
    Parameter(
        IMAGE,
        "Image of the workers",
        "The image of this template, by tag or digest. "
        "For example, europe-west1-docker.pkg.dev/my-project/a2i/amplitude-to-iterable:1",
        r"^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9._/-]+([:@][A-Za-z0-9._:-]+)$",
        "TEXT",
        "Workers",
    ),
    Parameter(
        "share",
        "Share of Iterable's limits",
        "Less than 100% where another run sends to the same project, such as a backfill.",
        r"^[0-9]{1,3}(\.[0-9]+)?%$",
        "TEXT",
        "Target",
        is_optional=True,
    ),
    Parameter(
        "iterable_url",
        "URL instead of Iterable's",
        "A scheme and a host, for tests.",
        r"^https?://[^/]+/?$",
        "TEXT",
        "Target",
        is_optional=True,
        is_hidden=True,
    ),
)


def metadata(defaults: Mapping[str, str] | None = None) -> dict[str, Any]:
    """TemplateMetadata of the REST API; `defaults`: of parameters, for the console's form."""
    return {
        "name": "Amplitude to Iterable",
        "description": "Streams Amplitude's events from Pub/Sub to Iterable in bulk, by one YAML config.",
        "streaming": True,
        "supportsAtLeastOnce": True,
        "supportsExactlyOnce": False,
        "parameters": [_field(parameter, {**(defaults or {})}) for parameter in PARAMETERS],
    }


def template(image: str) -> dict[str, Any]:
    """ContainerSpec of the REST API: the template's file."""
    return {"image": image, "sdkInfo": {"language": "PYTHON"}, "metadata": metadata({IMAGE: image})}


def to_text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _field(parameter: Parameter, defaults: dict[str, str]) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": parameter.name,
        "label": parameter.label,
        "helpText": parameter.help,
        "isOptional": parameter.is_optional,
        "regexes": [parameter.regex],
        "paramType": parameter.type,
        "groupName": parameter.group,
    }
    if default := defaults.get(parameter.name, parameter.default):
        field["defaultValue"] = default
    if parameter.is_hidden:
        field["hiddenUi"] = True
    return field
