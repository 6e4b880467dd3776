"""What one environment of the API function remembers between requests: all of it can be read again.

Lives here: how long each thing may be remembered, and how much of it. The time grows with what a reading costs, so
that nobody can make the tables work harder by asking more often.
Never here: what is done with it (checks.py, badges.py, metrics).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lastseen.api.seal import Seal
from lastseen.core.check import Check, unique_key
from lastseen.storage.store import Store

FRESH_SECONDS = 5
FRESH_SECONDS_LIMIT = 60
CHECKS_PER_FRESH_SECOND = 400
"""Every so many checks of a project let its badges be a second older, between the two bounds above."""

CHECKS_LIMIT = 50_000
"""Checks that are remembered, of all projects together."""

UNIQUE_KEYS_LIMIT = 100_000
"""Unique keys that are remembered."""


class Remembered:
    """All that one environment remembers."""

    def __init__(self, store: Store) -> None:
        self.seal = Seal(store)
        self.unique_keys = UniqueKeys(store)
        self.recent_checks = RecentChecks(store)
        self.check_counts = CheckCounts(store)


@dataclass(frozen=True, slots=True)
class Recent:
    """A project's checks as they were at a time."""

    at: datetime
    checks: tuple[Check, ...]

    def is_fresh(self, now: datetime) -> bool:
        """Return whether they may be shown still."""
        return timedelta(0) <= now - self.at < timedelta(seconds=self.fresh_seconds)

    @property
    def fresh_seconds(self) -> int:
        """How long they may be shown."""
        return min(FRESH_SECONDS_LIMIT, max(FRESH_SECONDS, len(self.checks) // CHECKS_PER_FRESH_SECOND))


class RecentChecks:
    """Projects' checks for readers that come again and again: badges on popular pages, scrapers.

    Their status is of the present all the same: it is derived when somebody looks.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._projects: dict[str, Recent] = {}  # the one that was read last comes last

    def of(self, project: str, now: datetime) -> Recent:
        """Return a project's checks as they were a little while ago; those that cannot be read are left out."""
        recent = self._projects.get(project)
        if recent is None or not recent.is_fresh(now):
            self._projects.pop(project, None)
            names = self._store.project(project, strong=False)
            found = self._store.get_many(list(names), corrupt=[], strong=False)
            recent = self._projects[project] = Recent(now, tuple(found.values()))
            self._forget_the_oldest()
        return recent

    def _forget_the_oldest(self) -> None:
        while len(self._projects) > 1 and sum(len(each.checks) for each in self._projects.values()) > CHECKS_LIMIT:
            del self._projects[next(iter(self._projects))]


class UniqueKeys:
    """Which check of a project has which unique key. One never changes, so once found it needs no search.

    By project: a unique key is made from half a UUID, and a UUID can be asked for at creation, so two projects may
    have checks of one unique key.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids: dict[tuple[str, str], str] = {}  # project, unique key
        self._searched: dict[str, tuple[datetime, int]] = {}  # project -> when its names were read, and how many

    def find(self, project: str, key: str, now: datetime) -> str:
        """Return the id of a project's check, or "".

        A key that is not there makes the names of the project be read again, but not more often than they are worth:
        a check of a large project that another environment has just made may be unknown for up to a minute.
        """
        if (project, key) not in self._ids and self._may_search(project, now):
            names = self._store.project(project)
            self._searched[project] = now, len(names)
            self.add(project, names)
        return self._ids.get((project, key), "")

    def add(self, project: str, check_ids: Iterable[str]) -> None:
        """Remember checks of a project that are known to exist, or existed."""
        if len(self._ids) > UNIQUE_KEYS_LIMIT:
            self._ids.clear()
            self._searched.clear()
        self._ids.update(((project, unique_key(check_id)), check_id) for check_id in check_ids)

    def _may_search(self, project: str, now: datetime) -> bool:
        at, count = self._searched.get(project, (None, 0))
        seconds = min(FRESH_SECONDS_LIMIT, count // CHECKS_PER_FRESH_SECOND)
        return at is None or not timedelta(0) <= now - at < timedelta(seconds=seconds)


class CheckCounts:
    """About how many checks a project has: as counted a minute ago at most, and those that were made here since."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts: dict[str, tuple[datetime, int]] = {}

    def of(self, project: str, now: datetime) -> int:
        """Return the number of a project's checks."""
        at, count = self._counts.get(project, (None, 0))
        if at is None or not timedelta(0) <= now - at < timedelta(seconds=FRESH_SECONDS_LIMIT):
            count = len(self._store.project(project, strong=False))
            self._counts[project] = now, count
        return count

    def one_more(self, project: str) -> None:
        """Note that a check was made."""
        if project in self._counts:
            at, count = self._counts[project]
            self._counts[project] = at, count + 1
