# SPDX-License-Identifier: Apache-2.0
"""What varies per launch, as a value, and what of it is a parameter of a job. Knows no network and no disk."""

from dataclasses import dataclass
from typing import Any, TypeVar

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, StandardOptions

from transforms.model.time_range import ANY_TIME, TimeRange

# A bounded run takes its chunk from the memory of its own process.
LOCAL_RUNNERS = frozenset({None, "FnApiRunner", "DirectRunner"})
DATAFLOW_RUNNER = "DataflowRunner"

# As argparse takes them; the command line has them all, and more.
JOB_PARAMETERS: dict[str, dict[str, Any]] = {
    "config": {"metavar": "FILE", "help": "the sync's YAML; see configs/full.yaml"},
    "input_subscription": {"metavar": "S", "help": "projects/P/subscriptions/S: drained, then exit"},
    "dead_letter_topic": {"metavar": "T", "help": "projects/P/topics/T for what cannot be delivered"},
    "dead_letter_file": {"metavar": "F", "help": "or a file of JSON lines, appended to"},
    "iterable_url": {"metavar": "URL", "help": "instead of the host of the config's region, for tests"},
    "share": {
        "metavar": "PERCENT",
        "default": "100%",
        "help": "of Iterable's limits, to run beside another run (100%%)",
    },
}


class JobOptions(PipelineOptions):
    """What a streaming job is launched with: Beam carries it, and whoever looks at the job sees it."""

    @classmethod
    def _add_argparse_args(cls, parser: Any) -> None:
        for name, settings in JOB_PARAMETERS.items():
            parser.add_argument(f"--{name}", **{"default": "", **settings})


@dataclass(frozen=True)
class Stream:
    """projects/P/subscriptions/S, read by a job that never ends."""

    name: str


@dataclass(frozen=True)
class Subscription:
    """projects/P/subscriptions/S, read on this machine; `forever`: or only until it is empty."""

    name: str
    forever: bool = False


@dataclass(frozen=True)
class Files:
    """Paths, patterns, and gs://bucket/pattern, and which of their events.

    `waiting_file`, `checkpoint_file`: "" in the state folder; without `keeps_checkpoint` there is none.
    """

    patterns: tuple[str, ...]
    times: TimeRange = ANY_TIME
    events_only: bool = False
    waiting_file: str = ""
    checkpoint_file: str = ""
    keeps_checkpoint: bool = True


Input = TypeVar("Input", bound=Stream | Subscription | Files)


@dataclass(frozen=True)
class LocalOptions:
    """How a run on this machine goes. Durations in seconds; `state_dir` holds a folder for each sync.

    `fail_on`: what it must not come to, see reports/conditions.py; `metrics_file`: "" for none; `quiet`: only what went
    wrong is told while it goes on.
    """

    chunk_size: int  # messages
    max_wait: float
    grace_period: float
    state_dir: str
    fail_on: str = ""
    metrics_file: str = ""
    quiet: bool = False


@dataclass(frozen=True)
class RunOptions:
    """One launch; `beam` holds the rest, for the runner."""

    config: str
    input: Stream | Subscription | Files
    dead_letters: str  # topic:projects/P/topics/T or file:PATH; see dead_letters.sinks
    iterable_url: str  # "": of the config's region
    share: float  # of Iterable's limits, above 0 to 1
    local: LocalOptions
    beam: PipelineOptions

    def input_as(self, kind: type[Input]) -> Input:
        """Raises TypeError if it is of another kind."""
        if not isinstance(self.input, kind):
            raise TypeError(f"the input is no {kind.__name__}: {self.input}")
        return self.input

    @property
    def runs_here(self) -> bool:
        """In this process, not on workers elsewhere."""
        return self.beam.view_as(StandardOptions).runner in LOCAL_RUNNERS

    @property
    def is_for_dataflow(self) -> bool:
        return self.beam.view_as(StandardOptions).runner == DATAFLOW_RUNNER

    @property
    def is_template(self) -> bool:
        """Whether the job is written down for a launcher, which submits it."""
        return bool(self.beam.view_as(GoogleCloudOptions).template_location)

    @property
    def times(self) -> TimeRange:
        return self.input.times if isinstance(self.input, Files) else ANY_TIME

    @property
    def events_only(self) -> bool:
        return isinstance(self.input, Files) and self.input.events_only
