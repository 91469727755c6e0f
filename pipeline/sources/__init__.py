# SPDX-License-Identifier: Apache-2.0
"""Where messages come from, and what must be remembered of them. Knows no graph.

source, in_order                         what a run asks of one; how far one with offsets is settled
pubsub, pulling, leases                  a subscription; pubsub_client, reachability
files, archives, read_lines, checkpoint  files, as they come; read_errors
waiting_first, waiting_file              what an earlier run left waiting in files
resumed_messages                         where messages of a subscription were left
state_folder, own_files, atomic_write

A message is settled only by `settle`; what waits is told with every call and must come again if the run ends there.
"""
