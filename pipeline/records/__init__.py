# SPDX-License-Identifier: Apache-2.0
"""What runs leave behind of themselves: figures, never a value. Knows no screen and no source's insides.

counts     what is counted, and how it adds up
activity   requests, waits and outages between two lines
lines      the record as JSON lines, and read; folding: as fewer lines when it grows
recorder   the record of one run while it goes on
store      the records of a sync: found, named, the oldest removed
report     what a person asks of them, as a value; left: what waits after many runs; replay_options: what takes letters
"""
