"""Dataflow on this machine, as far as it can be had.

api         its REST API: takes jobs, launches templates
launcher    what a flex template's launcher does
secret_manager   Google's Secret Manager, as far as a key is read from it
"""
