#!/bin/sh
# {{ name }}: one drain of {{ input_subscription }}. While a run is under way the next one ends at once, with code 3.
cd {{ here }} || exit 1
{%- if key_variable %}
. {{ folder }}/key.env
{%- endif %}
exec {{ program }} run --config {{ config }} \
  --input-subscription {{ input_subscription }} \
  --dead-letter-topic {{ dead_letter_topic }}
