# SPDX-License-Identifier: Apache-2.0
"""The run: options → config → run → summary. Holds no step and no rule."""

from pipeline.cli.arguments import PROGRAM, parse_options, run_parser
from pipeline.cli.beam_command import BeamCommand
from pipeline.cli.ending import Ending
from pipeline.cli.load_sync import load_sync
from pipeline.dataflow.options import refuse_disabled
from pipeline.reports.screen import show
from pipeline.run_options import Stream
from pipeline.runs.local import run_chunks
from transforms.iterable.api_key import check_any_machine_reads, read_api_key

HELP = """Send the events of a subscription or of files to Iterable.

\b
  a2i run --config my.yaml --input-subscription projects/P/subscriptions/S \\
    --dead-letter-topic projects/P/topics/T             drain it, and exit
  ... --forever                                         stay
  a2i run --config my.yaml --input-files 'exports/*.zip' \\
    --dead-letter-file dead_letters.jsonl               backfill

What is interrupted goes on where it was: give the same command again.
"""


def run(arguments: list[str], program: str = PROGRAM) -> int:
    """The exit code. Raises what run_command tells."""
    options = parse_options(arguments, program)
    loaded = load_sync(options.config, read_api_key if options.runs_here else check_any_machine_reads)
    if not loaded:
        refuse_disabled(options)
        return 0
    if options.is_for_dataflow:
        # It and the next take a while to import, and other runs need them not.
        from pipeline.dataflow.launch import launch

        show(launch(options, loaded))
        return 0
    if isinstance(options.input, Stream):
        from pipeline.runs.streaming import run_streaming

        run_streaming(options, loaded)
        return 0
    return run_chunks(options, loaded, on_end=Ending(options, loaded)).code


command = BeamCommand("run", run_parser, run, HELP)
