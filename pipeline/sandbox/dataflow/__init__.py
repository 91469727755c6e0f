# SPDX-License-Identifier: Apache-2.0
"""Dataflow on this machine, as far as it can be had; a model of its workers, not a measurement of the service.

api         its REST API: takes jobs, launches templates
launcher    what a flex template's launcher does
secret_manager   Google's Secret Manager, as far as a key is read from it

submission  the job, as the real DataflowRunner submits it
stages      its two fused stages
harness     bundles of a stage in Beam's own classes of a worker, on threads of this process
processes   the same in Beam's own worker processes over gRPC, which are killed
state, timers, keys  what is kept of a key, and committed whole
faults      what goes wrong, seeded
workers     threads that run it all, until it is drained
measures    what they did, counted
trial       traffic through it into a chaotic Iterable, checked
figures     each bound that the streaming sender must keep, measured

What only the service itself can show: its boot, autoscaling, prices, and how it treats late elements.
"""
