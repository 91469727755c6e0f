# SPDX-License-Identifier: Apache-2.0
"""What a run must come to, known without the program under test. Knows no run.

expected      users, events and all else in Iterable, and every outcome
differences   how a dump differs from that
under_chaos   the same where Iterable refuses some for good
checks        counts, dead letters, refusals, requests of a run against it
"""
