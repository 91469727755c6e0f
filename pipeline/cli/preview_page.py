# SPDX-License-Identifier: Apache-2.0
"""`a2i preview --serve`: the rows are read once, then a page is served until Ctrl-C. Knows no HTTP."""

import webbrowser
from collections.abc import Sequence

import click

from pipeline.cli.errors import UsageError
from pipeline.cli.row_inputs import opened
from pipeline.config.problems import ConfigError
from pipeline.reports.screen import show
from pipeline.serve.sample import MAX_ROWS, take_sample
from pipeline.serve.server import PreviewServer
from pipeline.serve.watched import WatchedConfig
from pipeline.sources.buckets import BUCKETS

DEFAULT_PORT = 8350
_OPTIONS = {"config", "inputs", "limit", "port", "opens_browser"}


class Port(click.ParamType):
    """0 is any that is free."""

    name = "port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if not str(value).isdecimal() or int(str(value)) >= 2**16:
            wrong = f"{value!r} is no port. Write --serve last, or its port after it: --serve {DEFAULT_PORT}."
            self.fail(wrong, param, ctx)
        return int(str(value))


def refuse_others(context: click.Context) -> None:
    """Raises UsageError if an option is given that mean nothing to a page."""
    given = [
        option.opts[0]
        for option in context.command.params
        if option.name not in _OPTIONS and context.params[str(option.name)]
    ]
    if given:
        raise UsageError(f"--serve is a page, where {' and '.join(given)} mean nothing.")


def serve(path: str, inputs: Sequence[str], limit: int | None, port: int, opens_browser: bool) -> None:
    """Until Ctrl-C.

    Raises:
      ConfigError: there is no such file; what is wrong in it is told on the page.
      UsageError: for the inputs, or a port that is taken.
    """
    if path.startswith(BUCKETS):
        raise UsageError(f"--serve follows a file of this machine, and {path} is none.")
    config = WatchedConfig(path)
    if not config.now().exists:
        raise ConfigError(config.now().problems)
    with opened(inputs, None) as rows:
        sample = take_sample(rows, min(limit or MAX_ROWS, MAX_ROWS))
    try:
        server = PreviewServer(port, config, sample)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"--serve {port}: {reason}. Give another port, or 0 for any that is free.") from error
    with server:
        show(f"{server.url} shows it until Ctrl-C.")
        if opens_browser:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
