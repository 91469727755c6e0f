"""Dataflow on this machine, as far as it can be had.

secret_manager   Google's Secret Manager, as far as a key is read from it
"""
