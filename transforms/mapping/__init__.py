# SPDX-License-Identifier: Apache-2.0
"""What a config makes of an event: filters, then items. Knows no HTTP and no Beam.

translate                     all of it, for one message; apply: one rule on one record
routing                       which parts an event makes: user, track or both
filters                       which events are sent; operators: their table, globs: one of them
user_updates, track_events    the item of each part; calls: of any other operation, call_fields: as its fields are
identity                      who it is about
properties                    the fields it carries; sources: where values come from; conversions: as which types
encode                        its bytes
compiled                      what a rule makes of itself once, and does not take along to a worker
"""
