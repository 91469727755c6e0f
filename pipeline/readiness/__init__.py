# SPDX-License-Identifier: Apache-2.0
"""Whether all is ready for a run: what `check` asks, and what the answers mean. Takes no message and writes nothing.

report            what was found, and what was asked
iterable_project  host, key, right to write
fields            types of the project's fields against what the config sends, and room for more
pubsub            the subscription, the dead-letter topic, rights, the loop
sample            what rows say of the config
folders           the state folder
layout            all of it as a screen and as JSON
"""
