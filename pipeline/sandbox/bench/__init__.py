# SPDX-License-Identifier: Apache-2.0
"""`make bench`: speed and memory, measured. Part of the sandbox: no worker code imports it.

speed, rules, steps, preview                the measures: what an event costs
backlog, drain, trickle, long_run, outage   at Iterable's limits, and over a time
figures, curves                             figures with targets, medians, slopes; a chart of what grows
events, configs                             what is measured with
floor, null_iterable, unpaced               a loop without Beam, an Iterable that takes all, a run without its limits
processes, shard                            what the measures start
"""
