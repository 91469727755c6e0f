# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipeline.cli.arguments import parse_options
from pipeline.config.loader import LoadedConfig, load_config
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.graph import build_graph
from pipeline.runs.streaming import run_streaming
from pipeline.sandbox.traffic.generator import Traffic
from pipeline.sandbox.traffic.settings import TrafficSettings
from transforms.chunk_io import Chunk, ChunkSlot, CollectOutcomes, TakeChunks
from transforms.dead_letters.file_sink import FileSink
from transforms.elements import Records
from transforms.mapping.translate import Rules, translate
from transforms.model.items import Message, Resumed
from transforms.model.time_range import ANY_TIME, TimeRange
from transforms.report import ReportOutcomes
from transforms.send_bounded import SendBounded
from transforms.send_streaming import SendStreaming

ROOT = Path(__file__).parents[2]

# Of each step that has no steps inside, its label within those that hold it.
STEPS = [
    "Parse/Parse/Apply/ParDo(_ApplyRuleFn)",
    "Branch/Branch/ParDo(_BranchFn)",
    "Identify/Filter/Apply/ParDo(_ApplyRuleFn)",
    "Identify/Map/Apply/ParDo(_ApplyRuleFn)",
    "Track/Filter/Apply/ParDo(_ApplyRuleFn)",
    "Track/Map/Apply/ParDo(_ApplyRuleFn)",
    "Calls/Filter/Apply/ParDo(_ApplyRuleFn)",
    "Calls/Map/Apply/ParDo(_ApplyRuleFn)",
]
SEND_COLLECTED = ["Send/HoldUsers", "Send/HoldTracks", "Send/HoldCalls", "Send/Held"]


class Labels(PipelineVisitor):
    """Collects the full label of each step that has no steps inside."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def visit_transform(self, transform_node: AppliedPTransform) -> None:
        self.seen.append(transform_node.full_label)


def labels_of(pipeline: beam.Pipeline) -> list[str]:
    labels = Labels()
    pipeline.visit(labels)
    return labels.seen


class NotingRunner(PipelineRunner):
    """Notes the pipeline it is given, and runs nothing."""

    labels: ClassVar[list[str]] = []

    def run_pipeline(self, pipeline: beam.Pipeline, options: PipelineOptions) -> PipelineResult:
        self.labels[:] = labels_of(pipeline)
        return PipelineResult(PipelineState.DONE)  # type: ignore[no-untyped-call]  # Beam


@pytest.fixture
def loaded() -> LoadedConfig:
    """What `make run` runs."""
    return load_config(str(ROOT / "configs" / "demo.yaml"))


def test_the_labels_of_a_bounded_run(loaded: LoadedConfig) -> None:
    """Labels are an interface: counters, dashboards and the update of a running job know steps by them."""
    pipeline, slot = beam.Pipeline(), ChunkSlot(lambda _: None)
    build_graph(pipeline, TakeChunks(slot), rules_of(loaded.config), SendBounded(slot), CollectOutcomes(slot))

    labels = [label for label in labels_of(pipeline) if not label.startswith("Read/Key/")]  # inside Beam's own Create

    leave = [*(f"Report/Collect{number}" for number in range(8)), "ReportSent/Collect0"]

    assert labels == ["Read/Take", *STEPS, *SEND_COLLECTED, *leave]


def test_the_labels_of_the_streaming_job(loaded: LoadedConfig) -> None:
    """A changed label is a step without its state after an update: a line in the changelog, and a drain."""
    run_streaming(
        parse_options(
            [
                "--config=configs/demo.yaml",
                "--input_subscription=projects/sandbox/subscriptions/events",
                "--dead_letter_topic=projects/sandbox/topics/dead-letters",
                "--streaming",
                f"--runner={__name__}.NotingRunner",
            ]
        ),
        loaded,
    )

    labels = [label for label in NotingRunner.labels if not label.startswith("Read/Pull/")]  # inside Beam's own read

    assert labels == [
        "Read/ToMessages",
        "Read/MicroBatch/Gather",
        *STEPS,
        "Send/KeyUsers/Key",
        "Send/KeyTracks/Key",
        "Send/KeyCalls/Key",
        "Send/Items",
        "Send/Post",
        "Report/Outcomes",
        "Report/Count",
        "Report/WriteDeadLetters",
        "ReportSent/Outcomes",
        "ReportSent/Count",
        "ReportSent/WriteDeadLetters",
    ]


def test_no_outcome_crosses_from_one_stage_to_another(loaded: LoadedConfig) -> None:
    """What is behind the keyed step is fed by nothing before it but the items: a list would cross pickled."""
    pipeline, sender = beam.Pipeline(), SendStreaming(sender_settings_of(loaded.config, None))
    report = ReportOutcomes(FileSink("never-written"), "tag")
    source = beam.Create([]).with_output_types(Records)  # type: ignore[no-untyped-call]  # Beam's
    build_graph(pipeline, source, rules_of(loaded.config), sender, report)
    transforms = pipeline.to_runner_api().components.transforms.values()
    leaves = {leaf.unique_name: leaf for leaf in transforms if not leaf.subtransforms}

    behind = set(leaves["Send/Post"].outputs.values())
    crossing = []
    for name, leaf in leaves.items():
        if name.startswith("Report") and behind.intersection(leaf.inputs.values()):
            behind.update(leaf.outputs.values())
            crossing += [name for given in leaf.inputs.values() if given not in behind]

    assert len(behind) > 1
    assert crossing == []


CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))

# What a row of the traffic does not have by itself, and what some of the rules look at.
CHANGES: list[dict[str, Any]] = [
    {},
    {"data": {"user_properties_updated": True}},
    {"event_type": "session_start"},
    {"user_properties": {"$add": {"logins": 1}, "$set": {"plan": "pro", "email": "ada@example.com"}}},
    {"user_properties": {"$clearAll": "-", "email": "ada@example.com"}},
    {"user_properties": 1},
    {"event_properties": {"total": "\ud83d", "iterable_campaign_id": "none"}},
]
ATTRIBUTES = [{}, {}, {}, {"dl_part": "track"}, {"dl_part": "user"}, {"dl_config": "Another sync#1"}]
RESUMED = [None, None, None, Resumed("track", attempts=1, waits=1, first_tried=0.0)]
PUBLISHED = 1_767_600_000.0
MIDDLE = TimeRange(1_767_571_200.0, 1_767_657_600.0)


def messages_of_all_kinds(seed: int) -> list[Message]:
    """Traffic as it comes; in some rows something else, and some messages are dead letters or have waited."""
    rng = Random(seed)
    traffic = Traffic(TrafficSettings(seed=seed, messages=100, bad_messages=0.1))
    return [
        Message(changed(data, rng.choice(CHANGES)), rng.choice(ATTRIBUTES), str(number), PUBLISHED, rng.choice(RESUMED))
        for number, (data, _) in enumerate(traffic)
    ]


def changed(data: bytes, change: dict[str, Any]) -> bytes:
    try:
        return json.dumps(json.loads(data) | change).encode() if change else data
    except (ValueError, TypeError):  # it is one of the bad messages
        return data


def run_graph(rules: Rules, messages: list[Message]) -> list[Any]:
    """The items that the graph would send, and the outcomes before they are sent."""
    slot, chunk = ChunkSlot(lambda _: slot.close()), Chunk(messages)
    pipeline = beam.Pipeline(runner=FnApiRunner())
    build_graph(pipeline, TakeChunks(slot), rules, SendBounded(slot), CollectOutcomes(slot))
    slot.put(chunk)
    pipeline.run()
    return [*chunk.items, *chunk.outcomes]


@settings(max_examples=8, deadline=None, phases=[Phase.generate])  # a seed is no smaller for being a smaller number
@given(
    config=st.sampled_from(CONFIGS),
    seed=st.integers(0, 1_000),
    times=st.sampled_from([ANY_TIME, MIDDLE]),
    events_only=st.booleans(),
)
def test_the_graph_makes_of_messages_what_translate_makes_of_each(
    config: Path, seed: int, times: TimeRange, events_only: bool
) -> None:
    """Whatever is shown or counted beforehand by `translate` is what a run does."""
    rules, messages = rules_of(load_config(str(config)).config, times, events_only), messages_of_all_kinds(seed)

    translated = [translate(rules, message) for message in messages]

    expected = [record for items, outcomes in translated for record in (*items, *outcomes)]
    assert sorted(map(repr, run_graph(rules, messages))) == sorted(map(repr, expected))
