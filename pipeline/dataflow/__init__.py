# SPDX-License-Identifier: Apache-2.0
"""The streaming job on Dataflow: launched right, as a template or by a person, and known for an update.

options       what every launch has unless it is given, and what is refused before one
launch        submits the job, and says what became of it
template      the flex template's parameters and its JSON
graph_lock    what Dataflow compares when a running job is updated
"""
