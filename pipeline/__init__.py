"""Launching and wiring: from the command line and the config to a running graph."""

__version__ = "0.1.0"
