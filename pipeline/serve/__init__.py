# SPDX-License-Identifier: Apache-2.0
"""A page on this machine: a config, a real event and what becomes of it, anew on every save. Sends nothing.

sample   the first rows of an input, and which of them somebody looks for
watched  a config as its file is now, without a key in it
views    what the page shows, as JSON
server   HTTP, for this machine's own browser alone
page/    HTML, style and script; they ask for nothing from elsewhere
"""
