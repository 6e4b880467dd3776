"""The program that the functions share, in the field's words: checks, pings, deadlines, flips, alerts."""
