"""What people see. All of it is redacted. Knows no source and no sink.

tally, summary, progress       of a run
letter_groups                  of dead letters
reasons_page                   docs/reasons.md
screen, redaction              the one way to the screen; bounded_counter for names that others give
"""
