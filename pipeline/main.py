"""The command line: options → config → run → summary. Holds no step and no rule."""

import sys

from pipeline.cli.app import exit_now, load_sync, run_command
from pipeline.cli.arguments import PROGRAM, parse_options
from pipeline.cli.ending import Ending, Findings
from pipeline.dataflow.options import refuse_disabled
from pipeline.reports.screen import show
from pipeline.run_options import Files, Stream
from pipeline.runs.forecast import forecast
from pipeline.runs.local import run_chunks
from pipeline.runs.streaming import run_streaming
from transforms.iterable.api_key import check_any_machine_reads, read_api_key


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code; see run_command."""
    findings = Findings()
    return (
        run_command(PROGRAM, lambda: _run(sys.argv[1:] if arguments is None else arguments, findings)) or findings.code
    )


def _run(arguments: list[str], findings: Findings) -> None:
    options = parse_options(arguments)
    loaded = load_sync(options.config, read_api_key if options.runs_here else check_any_machine_reads)
    if not loaded:
        refuse_disabled(options)
        return
    if options.is_for_dataflow:
        # A sixth of a second to import, and runs on this machine need it not.
        from pipeline.dataflow.launch import launch

        show(launch(options, loaded))
        return
    if isinstance(options.input, Stream):
        run_streaming(options, loaded)
        return
    if isinstance(options.input, Files):
        show(f"{forecast(options, loaded)}\n")
    run_chunks(options, loaded, on_end=Ending(options, loaded, findings))


if __name__ == "__main__":
    exit_now(main())
