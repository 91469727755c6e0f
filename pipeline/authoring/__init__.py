# SPDX-License-Identifier: Apache-2.0
"""A first config, proposed from what is in rows. Knows no command line, and no row: a profile is all it sees.

proposal       which events and properties are on, of which type, and why
proposal_yaml  the proposal as a file that teaches
proposal_text  the same for the screen
names          any text as YAML
"""
