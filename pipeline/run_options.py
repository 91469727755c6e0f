"""What varies per launch, as a value. Knows no command line."""

import math
from dataclasses import dataclass
from functools import cached_property

from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.sources.archives import InputFile, find_files
from pipeline.sources.own_files import own_files
from transforms.model.time_range import TimeRange

# A bounded run takes its chunk from the memory of its own process.
LOCAL_RUNNERS = frozenset({None, "FnApiRunner", "DirectRunner"})


@dataclass(frozen=True)
class RunOptions:
    """What varies per launch; `beam` holds the rest, for the runner. Times in Unix seconds, durations in seconds."""

    config: str
    dead_letter_topic: str
    dead_letter_file: str
    iterable_url: str
    waiting_file: str  # "": in the state folder
    max_wait: float
    grace_period: float
    share: float  # of Iterable's limits, above 0 to 1
    chunk_size: int
    state_dir: str  # holds a folder for each sync
    beam: PipelineOptions
    input_subscription: str = ""
    input_files: tuple[str, ...] = ()
    streaming: bool = False
    forever: bool = False
    start_time: float = -math.inf
    end_time: float = math.inf
    events_only: bool = False
    checkpoint_file: str = ""  # "": in the state folder

    @cached_property
    def files(self) -> list[InputFile]:
        """Those to read; a pattern does not mean what the run itself writes."""
        own = own_files(self.state_dir, self.dead_letter_file, self.waiting_file, self.checkpoint_file)
        return find_files(self.input_files, own)

    @property
    def times(self) -> TimeRange:
        return TimeRange(self.start_time, self.end_time)
