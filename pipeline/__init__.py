# SPDX-License-Identifier: Apache-2.0
"""Launching and wiring: from the command line and the config to a running graph."""
