"""What is known around an alert: its runbook, what began the incident, and what else is down.

Worth having, and never worth holding an alert back: what cannot be read is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from lastseen.core.check import Flip, Status
from lastseen.storage.checks import FIRST_PLACE
from lastseen.storage.store import Store
from lastseen.text.happened import check_name
from lastseen.text.message import Alert

log = logging.getLogger(__name__)

T = TypeVar("T")

RECENT_LIMIT = 30
"""Pings that are read of a check, to say how its runs usually go: one query for each alert that goes by itself."""

NEIGHBOURS_LIMIT = 100
"""What else is down is looked up in projects of at most so many checks: one query and one batch of reads."""


SAMPLE = 5
"""Checks of a digest whose last ping is looked at first: where their hosts differ, the others are not read."""

Each = Callable[[Sequence[str], Callable[[str], str]], Sequence[str]]
"""Do something with each id, some at the same time."""


def _one_by_one(ids: Sequence[str], work: Callable[[str], str]) -> Sequence[str]:
    return [work(each) for each in ids]


class Around:
    """Reads what is around the alerts of one batch; each project's checks once."""

    def __init__(self, store: Store, *, each: Each = _one_by_one) -> None:
        self._store = store
        self._each = each
        self._down: dict[str, dict[str, str]] = {}  # project -> id: name of checks that are down

    def of(self, alert: Alert) -> Alert:
        """Return the alert with all that is known around it."""
        check = alert.check
        if check.project not in self._down:
            self._down[check.project] = self._known(lambda: self._read_down(check.project), {})
        others = {check_id: name for check_id, name in self._down[check.project].items() if check_id != check.id}
        return replace(
            alert,
            about=self._known(lambda: self._store.about(check), ""),
            cause=self._known(lambda: self._cause(alert), None),
            also_down=tuple(sorted(others.values())),
            recent=self._known(lambda: tuple(self._store.pings(check.id, limit=RECENT_LIMIT)), ()),
        )

    def common_address(self, alerts: Sequence[Alert]) -> str:
        """Return the address from which every check of a digest pinged last; "" if they have none in common."""
        if alerts[0].flip.status is not Status.DOWN:
            return ""
        ids = list(dict.fromkeys(alert.check.id for alert in alerts))

        def read() -> str:
            address, *others = set(self._each(ids[:SAMPLE], self._last_address))
            if others or not address:
                return ""
            return address if all(each == address for each in self._each(ids[SAMPLE:], self._last_address)) else ""

        return self._known(read, "")

    def _last_address(self, check_id: str) -> str:
        return next((recorded.ping.address for recorded in self._store.pings(check_id, limit=1)), "")

    def _read_down(self, project: str) -> dict[str, str]:
        ids, more = self._store.project_page(project, after=FIRST_PLACE, limit=NEIGHBOURS_LIMIT)
        checks = self._store.get_many(list(ids), corrupt=[]) if ids and not more else {}
        return {check.id: check_name(check) for check in checks.values() if check.status is Status.DOWN}

    def _cause(self, alert: Alert) -> Flip | None:
        n = alert.flip.incident
        if n is None or n == alert.flip.n:
            return None
        return next(iter(self._store.flips(alert.check.id, after=n - 1, upto=n)), None)

    def _known(self, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except Exception:
            log.exception("What is around an alert cannot be read; it goes out without.")
            return otherwise
