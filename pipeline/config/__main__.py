# SPDX-License-Identifier: Apache-2.0
"""`python -m pipeline.config`: see cli.validate."""

import sys

from pipeline.cli.validate import main

if __name__ == "__main__":
    sys.exit(main())
