# SPDX-License-Identifier: Apache-2.0
"""The version of the program, which setup.py reads: workers have the code, and no package that could be asked."""

RELEASE = "0.1.0"
