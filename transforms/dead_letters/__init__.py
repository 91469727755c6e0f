"""What cannot be delivered, and where it is kept. Knows no step and no rule.

letter          the message untouched, plus why it is one
sinks           a Pub/Sub topic, or a file
append_file     whole lines or none, whatever a crash left
pubsub_errors   which errors of Pub/Sub pass
"""
