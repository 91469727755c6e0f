"""The nouns, and what is said of them. Knows no system and no rule; imports nothing of ours.

items        message → event → item, and where a waiting one resumes
outcomes     what becomes of an item: `read + split = delivered + dropped + dead_lettered`
reasons      what each reason of a dead letter means, and its remedy
user_keys    which items are of one user
errors       how a record leaves its way early
times, time_range, json_bounds
"""
