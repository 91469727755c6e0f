# SPDX-License-Identifier: Apache-2.0
"""A submitted graph as Dataflow's two fused stages: from the source to the keyed step, and from there to the end.

Knows no bundle: a stage is a description that a worker's harness runs.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from apache_beam.portability.api import beam_fn_api_pb2, beam_runner_api_pb2
from apache_beam.runners.pipeline_context import PipelineContext

Leaves = Mapping[str, beam_runner_api_pb2.PTransform]

PUBSUB_READ = "beam:transform:pubsub_read:v1"
PARDO = "beam:transform:pardo:v1"
FLATTEN = "beam:transform:flatten:v1"
SOURCE, SINK = "beam:runner:source:v1", "beam:runner:sink:v1"
IN, OUT = "in", "out"  # the transforms at both ends
GLOBAL_WINDOW_CODER = "global window"


class TimerFamily(NamedTuple):
    """The timers of one transform that have one spec."""

    transform: str
    name: str


class Stage:
    """What runs as one: elements come in at `IN`; those of `output`, if it has one, leave at `OUT`."""

    def __init__(
        self, name: str, proto: beam_runner_api_pb2.Pipeline, steps: Collection[str], source: str, output: str = ""
    ) -> None:
        components = beam_runner_api_pb2.Components()
        components.CopyFrom(proto.components)
        components.coders[GLOBAL_WINDOW_CODER].spec.urn = "beam:coder:global_window:v1"
        transforms = {step: components.transforms[step] for step in steps}
        made = {source, *(each for step in transforms.values() for each in step.outputs.values())}
        for step in transforms.values():
            if step.spec.urn == FLATTEN:  # of several stages: what comes from another one is that one's to flatten
                for label in [label for label, given in step.inputs.items() if given not in made]:
                    del step.inputs[label]
        transforms[IN] = _end(SOURCE, _windowed(components, source))
        transforms[IN].outputs["out"] = source
        if output:
            transforms[OUT] = _end(SINK, _windowed(components, output))
            transforms[OUT].inputs["in"] = output
        self.descriptor = beam_fn_api_pb2.ProcessBundleDescriptor(
            id=name,
            transforms=transforms,
            pcollections=components.pcollections,
            coders=components.coders,
            windowing_strategies=components.windowing_strategies,
            environments=components.environments,
        )
        self.descriptor.timer_api_service_descriptor.url = "in memory"
        self.descriptor.state_api_service_descriptor.url = "in memory"
        context = PipelineContext(components)
        self.name = name
        self.in_coder = context.coders[_windowed(components, source)].get_impl()
        self.out_coder = context.coders[_windowed(components, output)].get_impl() if output else None
        self.timer_coders: dict[TimerFamily, Any] = {}
        self.watermark_timers: set[TimerFamily] = set()
        for step_id in steps:
            for family, spec in _timer_specs(transforms[step_id]).items():
                self.timer_coders[TimerFamily(step_id, family)] = context.coders[spec.timer_family_coder_id].get_impl()
                if spec.time_domain == beam_runner_api_pb2.TimeDomain.EVENT_TIME:
                    self.watermark_timers.add(TimerFamily(step_id, family))


def cut(proto: beam_runner_api_pb2.Pipeline) -> tuple[Stage, Stage]:
    """The stages before and from the keyed step on. A Flatten of both is in both, as Dataflow does it.

    Raises ValueError if there is not one source and one keyed step.
    """
    leaves: Leaves = {
        name: each for name, each in proto.components.transforms.items() if each.spec.urn and not each.subtransforms
    }
    sources = [name for name, leaf in leaves.items() if leaf.spec.urn == PUBSUB_READ]
    keyed = [name for name, leaf in leaves.items() if _is_keyed(leaf)]
    if len(sources) != 1 or len(keyed) != 1:
        raise ValueError(f"sources {sources}, keyed steps {keyed}; one of each is known")
    [read] = leaves[sources[0]].outputs.values()
    [items] = leaves[keyed[0]].inputs.values()
    before = [*_steps_from([read], leaves, keyed)]
    after = [*keyed, *_steps_from(leaves[keyed[0]].outputs.values(), leaves, keyed)]
    return Stage("before the keyed step", proto, before, read, items), Stage("keyed step", proto, after, items)


def _steps_from(pcollections: Iterable[str], leaves: Leaves, stop: Collection[str]) -> Iterator[str]:
    made, seen = set(pcollections), set(stop)
    while new := [name for name, leaf in leaves.items() if name not in seen and made & set(leaf.inputs.values())]:
        for name in new:
            seen.add(name)
            made.update(leaves[name].outputs.values())
            yield name


def _is_keyed(leaf: beam_runner_api_pb2.PTransform) -> bool:
    return leaf.spec.urn == PARDO and bool(_pardo(leaf).state_specs or _pardo(leaf).timer_family_specs)


def _timer_specs(transform: beam_runner_api_pb2.PTransform) -> Mapping[str, Any]:
    specs: Mapping[str, Any] = _pardo(transform).timer_family_specs if transform.spec.urn == PARDO else {}
    return specs


def _pardo(transform: beam_runner_api_pb2.PTransform) -> beam_runner_api_pb2.ParDoPayload:
    payload: beam_runner_api_pb2.ParDoPayload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
    return payload


def _end(urn: str, coder: str) -> beam_runner_api_pb2.PTransform:
    end = beam_runner_api_pb2.PTransform(unique_name=urn)
    end.spec.urn = urn
    end.spec.payload = beam_fn_api_pb2.RemoteGrpcPort(coder_id=coder).SerializeToString()
    return end


def _windowed(components: beam_runner_api_pb2.Components, pcollection: str) -> str:
    """The id of the coder of its elements with window and time."""
    name = f"windowed {pcollection}"
    if name not in components.coders:
        components.coders[name].spec.urn = "beam:coder:windowed_value:v1"
        components.coders[name].component_coder_ids.extend(
            [components.pcollections[pcollection].coder_id, GLOBAL_WINDOW_CODER]
        )
    return name
