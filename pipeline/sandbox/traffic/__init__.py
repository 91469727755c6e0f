# SPDX-License-Identifier: Apache-2.0
"""Made-up Amplitude traffic that notes what it must come to under configs/demo.yaml. Knows nothing of the pipeline.

generator, settings            which message comes when, and how much of what kind
population                     whose traffic it is
messages                       a message, and what it must come to once published
tracks, identifies             what events and identifies say
operations                     events that become purchases, carts, lists, subscriptions, changes of identity
rows, user_rows, bad_messages  their bytes

The same settings give the same bytes.
"""
