# SPDX-License-Identifier: Apache-2.0
"""A simulated Iterable: one project behind a real socket, to try and to test against. Knows nothing of this pipeline.

server, running, control          the socket, a `with` block around it, /__sim/ to turn switches and to look
endpoints, steps                  which requests there are, and the steps that each goes through
admission, bodies, fields         key, rate and size; JSON and shapes; types of dataFields
poison                            what a chaotic one refuses whole
bulk, single, reads               the work of an endpoint, and its answer; responses and refusals word it
commerce, subscriptions, lists    likewise, by subject
tokens, identities, deletions
judging, identity, schema         what becomes of one item
shapes, request_shapes            which JSON is of the right type
simulation, store, users          the project's state, and a request on its way
limits, metrics                   the rate; what a sender did, counted
settings                          every switch
faults, chaos, chaos_settings, verdicts   what goes wrong: when asked for, by the seed, for good

What is known of Iterable is a rule here, what is not is a switch (`settings.py`).
"""
