# SPDX-License-Identifier: Apache-2.0
"""configs/terraform: each argument is one that Google's provider takes, and each name refers to something."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest

from pipeline.run_options import JOB_PARAMETERS

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "configs/terraform"
FILES = sorted(FOLDER.glob("*.tf"))
TABLE = json.loads((ROOT / "tests/data/provider_arguments.json").read_bytes())  # see provider_arguments.py
META = {"count", "depends_on", "for_each"}  # Terraform's own

needs_terraform = pytest.mark.skipif(
    not shutil.which("terraform"), reason="there is no terraform: install Terraform 1.5 or later to run this"
)


def parsed() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    options = hcl2.SerializationOptions(with_comments=False, strip_string_quotes=True, explicit_blocks=False)
    for file in FILES:
        yield from hcl2.loads(file.read_text(), serialization_options=options).items()


def declared(kind: str) -> dict[str, dict[str, Any]]:
    """Blocks by their name; resources as type.name."""
    blocks: dict[str, dict[str, Any]] = {}
    for found, of_file in parsed():
        for block in of_file if found == kind else []:
            for name, body in block.items():
                of_type = (
                    {f"{name}.{each}": inner for each, inner in body.items()} if kind == "resource" else {name: body}
                )
                blocks |= of_type
    return blocks


RESOURCES = declared("resource")


def text() -> str:
    """All files without their comments."""
    return "\n".join(re.sub(r"(?m)(^|\s)#.*$", "", file.read_text()) for file in FILES)


def problems(body: dict[str, Any], takes: dict[str, Any], where: str) -> Iterator[str]:
    """What the provider would say of a block, and of those in it."""
    dynamic = {name: [each["content"][0]] for block in body.get("dynamic", []) for name, each in block.items()}
    given = {name: value for name, value in body.items() if name not in META | {"dynamic"}} | dynamic
    known = {*takes["required"], *takes["optional"]}
    yield from (f"{where} takes no {name}" for name in given.keys() - known)
    yield from (f"{where} needs {name}" for name in set(takes["required"]) - given.keys())
    for name, inner in takes["blocks"].items():
        for block in given.get(name, []):
            yield from problems(block, inner, f"{where}.{name}")


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_resource_has_what_the_provider_takes(resource: str) -> None:
    """Every argument exists, in every block, and none that is required is missing."""
    assert list(problems(RESOURCES[resource], TABLE[resource.partition(".")[0]], resource)) == []


def test_what_the_provider_would_refuse_is_found() -> None:
    """The check above can fail, in a block and in a dynamic one, too."""
    body = {
        "topic": "t",
        "nam": "n",
        "expiration_policy": [{}],
        "dynamic": [{"push_config": {"content": [{"url": ""}]}}],
    }

    assert set(problems(body, TABLE["google_pubsub_subscription"], "s")) == {
        "s takes no nam",
        "s needs name",
        "s.expiration_policy needs ttl",
        "s.push_config takes no url",
        "s.push_config needs push_endpoint",
    }


def test_each_reference_leads_to_what_is_declared() -> None:
    """Resources with an attribute that the provider knows, variables, locals; and no variable or local is left over."""
    for kind, name, attribute in re.findall(r"\b(google_\w+)\.(\w+)(?:\.(\w+))?", text()):
        assert f"{kind}.{name}" in RESOURCES
        takes = TABLE[kind]
        assert not attribute or attribute in {*takes["required"], *takes["optional"], *takes["attributes"]}
    assert set(re.findall(r"\bvar\.(\w+)", text())) == declared("variable").keys()
    assert set(re.findall(r"\blocal\.(\w+)", text())) == {
        name for _, found in parsed() if _ == "locals" for name in found[0]
    }


def test_the_job_has_the_parameters_of_the_template() -> None:
    """One that a job does not know fails the launch."""
    job = RESOURCES["google_dataflow_flex_template_job.sync"]

    assert job["parameters"].keys() <= JOB_PARAMETERS.keys()
    assert {"config", "input_subscription", "dead_letter_topic"} <= job["parameters"].keys()
    assert job["on_delete"] == "drain"
    assert job["name"] == RESOURCES["google_pubsub_subscription.events"]["name"] == "${var.name}"  # the alerts' name


def test_the_template_of_the_page_is_where_make_puts_it() -> None:
    """In the bucket that is made here, of the names on the page."""
    page = (ROOT / "docs" / "terraform.md").read_text()
    (place,) = re.findall(r"^TEMPLATE = (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    (bucket,) = re.findall(r"make image template BUCKET=(\S+)", page)
    project, name = (re.findall(rf'^{key} += "(.*)"', page, re.MULTILINE)[0] for key in ("project", "name"))
    made = RESOURCES["google_storage_bucket.job"]["name"]

    assert re.findall(r'^template = "(.*)"', page, re.MULTILINE) == [place.replace("$(BUCKET)", bucket)]
    assert made.replace("${var.project}", project).replace("${var.name}", name) == bucket


def test_no_account_has_a_role_that_is_more_than_it_needs() -> None:
    """A new role is a new line here. All but two are of one resource: those two know no smaller one."""
    roles: dict[tuple[str, str], set[str]] = {}
    for resource, body in RESOURCES.items():
        kind = resource.partition(".")[0]
        if kind.endswith("_iam_member"):
            given = body["role"] if "each." not in body["role"] else body["for_each"]
            account = (re.findall(r"google_\w+\.(\w+)\.member", body["member"]) or ["amplitude"])[0]
            roles.setdefault((account, kind.removeprefix("google_").removesuffix("_iam_member")), set()).update(
                re.findall(r"roles/[\w.]+", given)
            )

    assert roles == {
        ("amplitude", "pubsub_topic"): {"roles/pubsub.publisher"},
        ("pubsub", "bigquery_table"): {"roles/bigquery.dataEditor"},
        ("worker", "project"): {"roles/dataflow.worker"},
        ("worker", "pubsub_subscription"): {"roles/pubsub.subscriber", "roles/pubsub.viewer"},
        ("worker", "pubsub_topic"): {"roles/pubsub.publisher", "roles/pubsub.viewer"},
        ("worker", "secret_manager_secret"): {"roles/secretmanager.secretAccessor"},
        ("worker", "storage_bucket"): {"roles/storage.objectAdmin"},
        ("worker", "artifact_registry_repository"): {"roles/artifactregistry.reader"},
        ("launcher", "project"): {"roles/dataflow.developer"},
        ("launcher", "service_account"): {"roles/iam.serviceAccountUser"},
        ("launcher", "storage_bucket"): {"roles/storage.objectAdmin"},
        ("launcher", "artifact_registry_repository"): {"roles/artifactregistry.writer"},
    }


def terraform(*arguments: str, folder: Path, stdin: str = "") -> str:
    done = subprocess.run(
        ["terraform", *arguments], cwd=folder, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_terraform
def test_the_files_are_formatted() -> None:
    """As `terraform fmt` writes them."""
    terraform("fmt", "-check", "-diff", "-no-color", folder=FOLDER)


@pytest.mark.slow
@needs_terraform
def test_monitoring_is_of_the_sync_that_is_asked_for(tmp_path: Path) -> None:
    """Terraform's own reading of the JSON files, which needs no provider: all alerts, under another name."""
    shutil.copytree(ROOT / "configs/monitoring", tmp_path / "monitoring")
    (tmp_path / "here").mkdir()
    locals_only = (FOLDER / "monitoring.tf").read_text().partition("resource")[0]
    (tmp_path / "here/main.tf").write_text(locals_only + 'variable "name" {}\n')

    console = terraform(
        "console", "-no-color", "-var=name=another", folder=tmp_path / "here", stdin="jsonencode(local.alerts)\n"
    )
    alerts = json.loads(json.loads(console))

    assert alerts.keys() == {file.stem for file in (ROOT / "configs/monitoring/alerts").glob("*.json")}
    assert all(alert["displayName"].startswith("another: ") for alert in alerts.values())
    assert "amplitude-to-iterable" not in json.dumps(alerts)
