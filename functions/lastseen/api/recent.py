"""A project's checks for readers that come again and again: badges on popular pages, scrapers."""

from __future__ import annotations

from datetime import datetime, timedelta

from lastseen.api.calls import Deployment
from lastseen.core.check import Check

SEEN_FOR = timedelta(seconds=5)
"""How old they may be. Their status is of the present all the same: it is derived when somebody looks."""


def checks(deployment: Deployment, project: str, now: datetime) -> list[Check]:
    """Return a project's checks as they were at most `SEEN_FOR` ago; those that cannot be read are left out."""
    known = deployment.seen.get(project)
    if known and timedelta(0) <= now - known[0] < SEEN_FOR:
        return known[1]
    found = list(deployment.store.get_many(list(deployment.store.project(project)), corrupt=[]).values())
    deployment.seen.clear()  # of one project at a time: they may be many
    deployment.seen[project] = (now, found)
    return found
