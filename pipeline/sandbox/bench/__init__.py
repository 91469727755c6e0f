"""`make bench`: speed and memory, measured. Part of the sandbox: no worker code imports it.

backlog, drain, trickle, long_run, outage   the measures
processes                                   what they start: a simulated Iterable, commands with what they took
"""
