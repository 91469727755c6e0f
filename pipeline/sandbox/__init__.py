# SPDX-License-Identifier: Apache-2.0
"""What to try and to test with. No worker imports it, and the wheel has none of it.

iterable   a simulated Iterable behind a real socket; `python -m pipeline.sandbox.iterable`
oracle     what Iterable and the dead letters must hold in the end, told beforehand
traffic    made-up Amplitude messages; `python -m pipeline.sandbox.traffic`
pubsub     Google's emulator, and what it cannot do
dataflow   what a job meets at Google: Secret Manager
stage      topics, subscriptions and an Iterable's address for commands that are run
soak       `make soak`: many seeds of traffic and chaos through the real pipeline
dataflow   a model of Dataflow's workers, which the streaming job runs on; `python -m pipeline.sandbox.dataflow`
bench      `make bench`: speed and memory, measured

But for soak, dataflow and bench, which run it, nothing here imports what it is there to test.
"""
