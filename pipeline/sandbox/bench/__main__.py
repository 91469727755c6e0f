"""`make bench`: every measure, or those that are named, one after the other. Knows none from inside.

Each figure is a share of a limit, or of a floor measured in the same run, so that it means the same on any machine that
is fast enough.
"""

import argparse
import sys

from pipeline.sandbox.bench import backlog, drain, long_run, outage, trickle

MEASURES = {"backlog": backlog, "drain": drain, "trickle": trickle, "long_run": long_run, "outage": outage}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.sandbox.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASURES)} (default: all)")
    names = parser.parse_args().names
    if unknown := [name for name in names if name not in MEASURES]:
        parser.error(f"no such measure: {', '.join(unknown)}")
    for name in names or MEASURES:
        print(f"\n{(MEASURES[name].__doc__ or name).partition(chr(10))[0]}", flush=True)  # noqa: T201
        for figure, value in MEASURES[name].measure():
            print(f"  {figure:<44} {value:>12}", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
