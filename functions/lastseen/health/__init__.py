"""Whether Lastseen itself receives pings (canary.py), and whether its e-mail reaches people (subscriptions.py)."""
