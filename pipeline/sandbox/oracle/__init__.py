"""What a run must come to, known without the program under test. Knows no run.

expected      users and events in Iterable, and every outcome; how a dump differs from that
under_chaos   the same where Iterable refuses some for good
checks        counts, dead letters, refusals, requests of a run against it
"""
