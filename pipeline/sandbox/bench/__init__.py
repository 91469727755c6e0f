"""`make bench`: speed and memory, measured. Part of the sandbox: no worker code imports it."""
