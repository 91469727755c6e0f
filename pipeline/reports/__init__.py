# SPDX-License-Identifier: Apache-2.0
"""What people see. All of it is redacted. Knows no source and no sink.

tally, summary, progress       of a run
report_text, report_json       of runs that are over: a screen, JSON; conditions: what a run must not come to
report_html, charts            the same as a page of HTML with pictures
letter_groups                  of dead letters
reasons_page                   docs/reasons.md
screen, redaction              the one way to the screen; bounded_counter for names that others give
"""
