"""The commands, and what they do alike. They wire, and decide nothing of a message.

app                          exit codes, lines instead of tracebacks, the config
arguments, replay_arguments  options, and what is wrong with them; parsing, file_checks, resource_names
replay, dead, validate       the commands beside pipeline/main.py
report, runs, ending         what happened; what a run does at its end
letter_search                what to say of a search that found nothing
"""
