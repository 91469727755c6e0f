# SPDX-License-Identifier: Apache-2.0
"""Packages and dependencies; every tool's settings are in pyproject.toml."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="amplitude-to-iterable",
    version=runpy.run_path(str(Path(__file__).parent / "transforms" / "model" / "release.py"))["RELEASE"],
    description="Self-hosted Amplitude to Iterable event streaming, as an Apache Beam pipeline",
    license="Apache-2.0",
    python_requires=">=3.10,<3.15",
    packages=find_packages(include=["pipeline*", "transforms*"], exclude=["pipeline.sandbox*"]),
    package_data={"pipeline.cli": ["deployment/*"], "pipeline.reports": ["templates/*"], "pipeline.serve": ["page/*"]},
    entry_points={"console_scripts": ["a2i=pipeline.__main__:run"]},
    install_requires=[
        "apache-beam[gcp]==2.77.0",
        "click>=8.4,<9",
        "google-cloud-pubsub>=2.30,<3",
        "google-cloud-secret-manager>=2.23,<3",
        "google-cloud-storage>=3.1,<4",
        "jinja2>=3.1,<4",
        "natsort>=8.4,<9",
        "orjson>=3.10,<4",
        "prometheus-client>=0.22,<1",
        "pydantic>=2.10,<3",
        "pyyaml>=6.0.2,<7",
        "requests>=2.32,<3",
        "rich>=14,<15",
    ],
    extras_require={
        # The simulated Iterable of `make run` and of the tests; a process's memory for `make bench`.
        "sandbox": ["aiohttp>=3.11,<4", "psutil>=7,<8"],
        "dev": [
            "gcp-storage-emulator>=2026.7",
            "google-cloud-monitoring>=2.27",
            "google-cloud-monitoring-dashboards>=2.18",
            "hypothesis>=6.120",
            "jsonschema>=4.23",
            "mypy>=1.14",
            "promql-parser>=0.11",
            "pytest>=8.3",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "python-hcl2>=8.1",
            "ruff>=0.9",
            "setuptools>=77",
            "types-jsonschema",
            "types-psutil",
            "types-PyYAML",
            "types-requests",
            "types-setuptools",
            "uv",
        ],
    },
)
