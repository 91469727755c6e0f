# SPDX-License-Identifier: Apache-2.0
"""Google's Pub/Sub emulator as a command: `a2i sandbox emulator`. Knows no message."""

import contextlib
import signal
import sys
from collections.abc import Sequence

from google.api_core.exceptions import AlreadyExists

from pipeline.sandbox.arguments import Parser, parse_port
from pipeline.sandbox.pubsub.emulator import EmulatorError, PubsubEmulator
from pipeline.sandbox.pubsub.topics import create_subscription, create_topic

EXIT_NO_EMULATOR = 3  # the set-up, as everywhere


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it until Ctrl-C or SIGTERM; the exit code."""
    parser = Parser(
        prog="a2i sandbox emulator",
        description="Run Google's Pub/Sub emulator, with topics events and dead-letters, and a subscription of each.",
    )
    parser.add_argument("--port", type=parse_port, default=0, help="default: a free one")
    options = parser.read(sys.argv[1:] if arguments is None else arguments)
    stops = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    try:
        with PubsubEmulator(options.port) as emulator:
            for name in ("events", "dead-letters"):
                with contextlib.suppress(AlreadyExists):  # one that was running
                    create_subscription(emulator.host, create_topic(emulator.host, name), name)
            print(f"export PUBSUB_EMULATOR_HOST={emulator.host}", flush=True)  # noqa: T201  # data: `eval` takes it
            print(  # noqa: T201
                "There are projects/sandbox/{topics,subscriptions}/{events,dead-letters}. Ctrl-C ends it.",
                file=sys.stderr,
            )
            signal.sigwait(stops)
    except EmulatorError as error:
        print(f"{error}.", file=sys.stderr)  # noqa: T201
        return EXIT_NO_EMULATOR
    return 0


if __name__ == "__main__":
    sys.exit(main())
