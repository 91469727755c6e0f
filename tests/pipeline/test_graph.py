from pathlib import Path
from typing import ClassVar

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor
from apache_beam.runners.runner import PipelineResult, PipelineRunner, PipelineState

from pipeline.cli.arguments import parse_options
from pipeline.config.loader import LoadedConfig, load_config
from pipeline.config.to_rules import rules_of, sender_settings_of
from pipeline.graph import build_graph
from pipeline.runs.streaming import run_streaming
from transforms.chunk_io import ChunkSlot, CollectOutcomes, TakeChunk
from transforms.send_bounded import SendBounded

ROOT = Path(__file__).parents[2]

# Of each step that has no steps inside, its label within those that hold it.
STEPS = [
    "Parse/Parse/Apply/ParDo(_ApplyRuleFn)",
    "Branch/Branch/ParDo(_BranchFn)",
    "Identify/Filter/Apply/ParDo(_ApplyRuleFn)",
    "Identify/Map/Apply/ParDo(_ApplyRuleFn)",
    "Track/Filter/Apply/ParDo(_ApplyRuleFn)",
    "Track/Map/Apply/ParDo(_ApplyRuleFn)",
]
SEND_COLLECTED = ["Send/HoldUsers", "Send/HoldTracks", "Send/Held", "Send/Collect", "Send/Post"]


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
    pipeline, slot = beam.Pipeline(), ChunkSlot()
    send = SendBounded(sender_settings_of(loaded.config, None), slot)
    build_graph(pipeline, TakeChunk(slot), rules_of(loaded.config), send, CollectOutcomes(slot))

    labels = [label for label in labels_of(pipeline) if not label.startswith("Read/Key/")]  # inside Beam's own Create

    leave = [f"Report/Collect{number}" for number in range(7)]

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
        "Send/Items",
        "Send/Post",
        "Report/Outcomes",
        "Report/Count",
        "Report/WriteDeadLetters",
    ]
