# SPDX-License-Identifier: Apache-2.0
"""What the flex template's launcher runs: a folder with nothing beside it, as Python puts that folder on its path."""

from pipeline.cli.app import exit_now
from pipeline.main import main

if __name__ == "__main__":
    exit_now(main())
