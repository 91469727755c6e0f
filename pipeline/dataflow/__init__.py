"""The streaming job on Dataflow: launched right, as a template or by a person, and known for an update.

options           what every launch has unless it is given, and what is refused before one
launch            submits the job, and says what became of it
parameters        the template's parameters, from which metadata.json and the template's file are made
graph_lock        what Dataflow compares when a running job is updated
"""
