# SPDX-License-Identifier: Apache-2.0
"""The commands, and what they do alike. They wire, and decide nothing of a message.

a2i                          the table of verbs
app, load_sync, errors       exit codes, lines instead of tracebacks, the config
beam_command, lean_beam      a verb that takes Beam's options, too; Beam without what no run here needs
arguments, replay_arguments  options, and what is wrong with them; parsing, file_checks, resource_names, urls
check, profile, preview      before; row_inputs, other_config
run, replay, deploy, sandbox, schema, validate
dead, report, runs, ending   what happened; what a run does at its end
letter_search                what to say of a search that found nothing
"""
