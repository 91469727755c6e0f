# SPDX-License-Identifier: Apache-2.0
"""What Dataflow compares when a running job is updated: labels, coders, state, timers. Knows no config."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from apache_beam.portability.api import beam_runner_api_pb2

from transforms.shards import STREAMING_SHARDS

_PARDO = "beam:transform:pardo:v1"
Step = Mapping[str, Any]
Lock = dict[str, Any]

DRAIN = "Drain the running job and launch anew: an update would lose or misread what it holds."


def lock_of(graph: beam_runner_api_pb2.Pipeline) -> Lock:
    """The same for every config and option."""
    components = graph.components
    steps = {
        step.unique_name: _described(step, components)
        for step in components.transforms.values()
        if not step.subtransforms
    }
    return {"shards": STREAMING_SHARDS, "steps": dict(sorted(steps.items()))}


def to_text(lock: Lock) -> str:
    return json.dumps(lock, indent=2, sort_keys=True) + "\n"


def advice(running: Lock, new: Lock) -> list[str]:
    """What an operator must do to bring a job from `running` to `new`; nothing if an update will do by itself."""
    if running["shards"] != new["shards"]:
        return [f"The number of shards changes from {running['shards']} to {new['shards']}. {DRAIN}"]
    return list(_advice_on_steps(running["steps"], new["steps"]))


def _advice_on_steps(running: Mapping[str, Step], new: Mapping[str, Step]) -> Iterator[str]:
    gone = {label: step for label, step in running.items() if label not in new}
    fresh = {label: step for label, step in new.items() if label not in running}
    for label, step in gone.items():
        same = [other for other in fresh if fresh[other] == step]
        if len(same) == 1:
            mapping = json.dumps({label: same[0]})
            yield f"{label} is called {same[0]} now. Update with --transform_name_mapping='{mapping}'."
        else:
            yield f"{label} is gone. {DRAIN}"
    for label in sorted(running.keys() & new.keys()):
        for what in sorted(running[label].keys() | new[label].keys()):
            if running[label].get(what) != new[label].get(what):
                yield f"{label}: its {what} changed. {DRAIN}"


def _described(step: beam_runner_api_pb2.PTransform, components: beam_runner_api_pb2.Components) -> dict[str, Any]:
    def coder(coder_id: str) -> str:
        found = components.coders[coder_id]
        inner = ", ".join(coder(each) for each in found.component_coder_ids)
        name: str = found.spec.urn.removeprefix("beam:coder:")
        return f"{name}<{inner}>" if inner else name

    def of(collections: Mapping[str, str]) -> list[str]:
        """Coders with windows; names of inputs are Beam's own."""
        found = (components.pcollections[each] for each in collections.values())
        return sorted(f"{coder(each.coder_id)} in {windows(each.windowing_strategy_id)}" for each in found)

    def windows(strategy_id: str) -> str:
        return str(components.windowing_strategies[strategy_id].window_fn.urn).removeprefix("beam:window_fn:")

    described: dict[str, Any] = {"kind": step.spec.urn, "inputs": of(step.inputs), "outputs": of(step.outputs)}
    if step.spec.urn != _PARDO:
        return described
    payload = beam_runner_api_pb2.ParDoPayload()
    payload.ParseFromString(step.spec.payload)
    if payload.state_specs:
        described["state"] = {name: _state(spec, coder) for name, spec in payload.state_specs.items()}
    if payload.timer_family_specs:
        domain = beam_runner_api_pb2.TimeDomain.Enum
        described["timers"] = {
            name: f"{domain.Name(spec.time_domain)} {coder(spec.timer_family_coder_id)}"
            for name, spec in payload.timer_family_specs.items()
        }
    return described


def _state(spec: Any, coder: Any) -> str:
    kind = spec.WhichOneof("spec")
    coders = (getattr(getattr(spec, kind), name, "") for name in ("coder_id", "element_coder_id"))
    return f"{kind} {''.join(coder(each) for each in coders if each)}"
