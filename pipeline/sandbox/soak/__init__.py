# SPDX-License-Identifier: Apache-2.0
"""`make soak`: the real pipeline under what can go wrong. Part of the sandbox: no worker imports it.

seeds            a run of one seed: traffic, chaos, and all that came of it
demo_config      the demo's config with what a trial needs changed
trials           runs that one thing goes wrong with throughout
stepping_clock   `pipeline.main` on a machine whose wall clock steps
cutting_proxy    connections cut midway
"""
