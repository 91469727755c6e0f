"""The commands, and what they do alike. They wire, and decide nothing of a message.

app                          exit codes, lines instead of tracebacks, the config
arguments, replay_arguments  options, and what is wrong with them; parsing, file_checks, resource_names
replay, dead, validate       the commands beside pipeline/main.py
letter_search                what to say of a search that found nothing
preview, profile             verbs that look at rows: row_inputs, other_config
"""
