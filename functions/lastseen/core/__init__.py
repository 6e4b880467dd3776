"""What is true: checks, pings, flips, the state machine, schedules, limits. Pure: values in, values out.

Never here: a clock, randomness, I/O, AWS.
"""
