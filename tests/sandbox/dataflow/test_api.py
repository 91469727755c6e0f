# SPDX-License-Identifier: Apache-2.0
import json
import urllib.error
import urllib.request
from typing import Any

from pipeline.sandbox.dataflow.api import DataflowApi, LaunchError

JOBS = "/v1b3/projects/my-project-1/locations/europe-west1/jobs"


def ask(api: DataflowApi, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    content = json.dumps(body).encode() if body is not None else None
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{api.url}{path}", content, method=method)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_job_is_made_drained_and_made_again() -> None:
    """While one of a name runs there is no other."""
    with DataflowApi() as api:
        status, job = ask(api, "POST", JOBS, {"name": "sync"})
        again, _ = ask(api, "POST", JOBS, {"name": "sync"})
        _, drained = ask(api, "PUT", f"{JOBS}/{job['id']}", {"requestedState": "JOB_STATE_DRAINED"})
        after, _ = ask(api, "POST", JOBS, {"name": "sync"})

    assert (status, again, after) == (200, 409, 200)
    assert drained["currentState"] == "JOB_STATE_DRAINED"


def test_a_template_is_launched_by_the_launcher_or_refused() -> None:
    """What the launcher makes becomes a job; what it refuses is a 400 in its words."""

    def launcher(body: dict[str, Any]) -> dict[str, Any]:
        if not body["launchParameter"]["parameters"]:
            raise LaunchError("there are no parameters")
        return {"name": body["launchParameter"]["jobName"]}

    path = f"{JOBS.removesuffix('/jobs')}/flexTemplates:launch"
    with DataflowApi(launcher) as api:
        good = ask(api, "POST", path, {"launchParameter": {"jobName": "sync", "parameters": {"a": "b"}}})
        bad = ask(api, "POST", path, {"launchParameter": {"jobName": "other", "parameters": {}}})
        names = [job["name"] for job in api.jobs]

    assert (good[0], good[1]["job"]["name"], names) == (200, "sync", ["sync"])
    assert (bad[0], bad[1]["error"]["message"]) == (400, "there are no parameters")


def test_a_refusal_is_for_every_job() -> None:
    """In the form of Google's errors."""
    with DataflowApi() as api:
        api.refuse(429, "no more")

        assert ask(api, "POST", JOBS, {"name": "sync"}) == (
            429,
            {"error": {"code": 429, "message": "no more", "status": "RESOURCE_EXHAUSTED"}},
        )
