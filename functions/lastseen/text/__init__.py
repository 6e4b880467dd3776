"""What people and programs read: alerts, events, Markdown, badges, metrics. Pure.

Never here: a clock, randomness, I/O, AWS.
"""
