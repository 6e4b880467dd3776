"""Where a ping by slug goes: from ping key to project, from slug to check.

Lives here: both steps, and remembering them for a minute, so that a steady ping reads neither its key nor its slug.
Never here: pings by UUID (answer.py), what a URL may look like (url.py).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from lastseen.core.check import Check
from lastseen.core.keys import Scope, hashed
from lastseen.storage.store import Store

KEY_SECONDS = 60
"""How long a ping key may still work after it was revoked, and a slug after a second check got it."""

SLUGS_KNOWN = 10_000
"""Slugs that are remembered at once, some 3 MB; then all are forgotten."""


class UnknownCheckError(Exception):
    """No check has this URL."""


class AmbiguousSlugError(Exception):
    """Several checks have this URL."""


class TooManyChecksError(Exception):
    """First pings have created as many checks of a project today as they may: `limit`."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class PingKeys:
    """What was read about ping keys and slugs in the last minute."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._projects: dict[str, tuple[str, datetime]] = {}  # ping key -> project, until
        self._ids: dict[tuple[str, str], tuple[str, datetime]] = {}  # project, slug -> check, until

    def project(self, ping_key: str, now: datetime) -> str:
        """Return the project of a ping key. Raises UnknownCheckError if there is no such key."""
        project, until = self._projects.get(ping_key, ("", now))
        if now < until:
            return project
        from lastseen.storage.documents import KEYS  # noqa: PLC0415 - a ping by UUID does without

        key = KEYS.one(self._store, hashed(ping_key))
        if key is None or key.scope is not Scope.PING:
            self._projects.pop(ping_key, None)
            raise UnknownCheckError
        self._projects[ping_key] = (key.project, now + timedelta(seconds=KEY_SECONDS))
        return key.project

    def check(self, project: str, slug: str, now: datetime) -> Check | None:
        """Return the check of a slug, or None. Raises AmbiguousSlugError.

        The check that had it a moment ago is read first: it says itself whether it still has it.
        """
        check_id, until = self._ids.get((project, slug), ("", now))
        check = self._store.get(check_id) if now < until else None
        if check and (check.project, check.slug) == (project, slug):
            return check
        check = check_of_slug(self._store, project, slug) or check_of_slug(self._store, project, slug, strong=True)
        if len(self._ids) >= SLUGS_KNOWN:
            self._ids.clear()
        if check:
            self._ids[project, slug] = (check.id, now + timedelta(seconds=KEY_SECONDS))
        return check


def check_of_slug(store: Store, project: str, slug: str, *, strong: bool = False) -> Check | None:
    """Return the only check of a slug, or None. Raises AmbiguousSlugError, which only a strong read can know."""
    check_ids = store.ids_of_slug(project, slug, strong=strong)
    if strong and len(check_ids) > 1:
        raise AmbiguousSlugError
    return store.get(check_ids[0], strong=strong) if len(check_ids) == 1 else None
