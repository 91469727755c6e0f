"""A simulated Iterable: one project behind a real socket, to try and to test against. Knows nothing of this pipeline.

What is known of Iterable is a rule here, what is not is a switch (`settings.py`).
"""
