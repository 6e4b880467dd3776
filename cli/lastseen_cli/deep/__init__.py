"""`lastseen doctor --deep`: try a deployment out, measure it, and write down the facts.

visit.py holds what all steps share, and whatever they make in the account, which it removes at the end; each other
module is one or more steps; examination.py is their order. Read that first.
"""
