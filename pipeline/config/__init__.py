# SPDX-License-Identifier: Apache-2.0
"""A sync's YAML file, read, checked with every problem at once, and made into rules. Knows no run.

loader                                the front door: load_config, config_schema
document, syntax, problems            YAML as values that know their lines, and what to say of them
model, events, properties, delivery   the keys; value_types, durations, suggestions
checks, hints                         what no key alone tells: errors, and warnings
to_rules                              what the steps get
"""
