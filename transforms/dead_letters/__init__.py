# SPDX-License-Identifier: Apache-2.0
"""What cannot be delivered, and where it is kept. Knows no step and no rule.

letter          the message untouched, plus why it is one
copies          which of them are the same
sinks           by scheme: topic_sink, file_sink; sink is what is asked of each
append_file     whole lines or none, whatever a crash left
pubsub_errors   which errors of Pub/Sub pass
"""
