# SPDX-License-Identifier: Apache-2.0
"""Whole runs in one thread: a seed decides what happens when, and the same seed makes the same run. Knows no socket.

runtime                     a clock that moves where somebody waits
subscription, iterable      Pub/Sub and Iterable, within the process
traffic, run, checks        what is published, the run of it, and whether all came of it that must
"""
