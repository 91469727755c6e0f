# SPDX-License-Identifier: Apache-2.0
"""Where a measure was taken: versions, cores, load. Knows no measure."""

import os
import platform
from importlib.metadata import version

from transforms.model.release import RELEASE


def about() -> dict[str, str]:
    """The load is that of the last minute, before anything is measured."""
    return {
        "a2i": RELEASE,
        "Python": platform.python_version(),
        "Beam": version("apache-beam"),
        "orjson": version("orjson"),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}",
    }
