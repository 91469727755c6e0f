# SPDX-License-Identifier: Apache-2.0
"""What a config makes of rows before anything is sent, and what is in them. Knows no command line, sends nothing.

requests                   an item as the request that a run sends, and how many requests items make
survey, findings, table    every row in counts; what only data can tell of a config; both for a person
row_filter, way, way_text  which one row; its way, each step with the values compared; for a person
diff, diff_text            what another config makes of the same rows
profile, profile_text      what is in the rows, whatever a config says
layout                     80 columns
"""
