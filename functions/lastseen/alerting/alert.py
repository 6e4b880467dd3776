"""The alert path: look at the checks that were woken, flip those that are late, tell people of every untold flip.

Lives here: the order of steps that makes an alert impossible to lose. A flip is written before it is told, and noted
as told only after SNS took it: killed after any step, the next wake goes on from there. So people are told at least
once, and a double bears the same event id.
Never here: whether a check is late (core/moments.py), what an alert says (message.py), AWS.

One check that cannot be read, decided or told never stops the others. If trying again may help, it alone is handed
back to the queue, which at last puts it with the dead letters; if not, it is named as broken.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from lastseen.aws.topic import Topic
from lastseen.core.blind import Window
from lastseen.core.check import Check, Flip, Outcome, Reason, Status, unique_key
from lastseen.core.moments import SLACK, woken
from lastseen.core.times import EPOCH
from lastseen.health.canary import windows
from lastseen.storage.checks import FIRST_PLACE
from lastseen.storage.errors import ConflictError, CorruptError
from lastseen.storage.store import Store
from lastseen.text.digest import digest
from lastseen.text.happened import check_name
from lastseen.text.message import Alert, flipped

log = logging.getLogger(__name__)

S = TypeVar("S")
T = TypeVar("T")

TRIES = 8
"""How often a decision that lost a race is taken anew; then the queue tries again."""

WAIT_LIMIT = timedelta(seconds=2)
"""A wake that comes up to this early is waited out: delays in the queue are whole seconds, rounded down, and the clocks
of two functions differ."""

DIGEST_ABOVE = 5
"""More alerts than this in one batch become a digest: people read one message, and not a thousand."""

DIGEST_LIMIT = 250
"""Alerts in one digest at most: so many that each check is named, in the mail and in the event alike."""

NEIGHBOURS = 100
"""Only in a project of at most so many checks is it looked what else is down: one query and one batch of reads."""


class FaultError(Exception):
    """A check has no deadline because its schedule is broken."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a batch of wakes came to."""

    flips: int = 0
    alerts: int = 0
    messages: int = 0
    lateness: tuple[timedelta, ...] = ()  # from each missed deadline to its telling
    failed: tuple[str, ...] = ()  # ids of checks to be tried again
    broken: tuple[str, ...] = ()  # names of checks that somebody must mend


@dataclass(slots=True)
class _Troubles:
    """Checks that went wrong in this batch; the others go on."""

    failed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @contextmanager
    def of(self, check_id: str) -> Iterator[None]:
        """Note whatever goes wrong with a check: as broken if somebody must mend it, else to be tried again."""
        name = unique_key(check_id)
        try:
            yield
        except (CorruptError, FaultError) as error:
            self.broken.append(name)
            log.error("Broken, cannot be watched: check %s: %s", name, error)  # noqa: TRY400 - its text tells all
        except Exception:
            self.failed.append(check_id)
            log.exception("Tried again: check %s", name)


@dataclass(frozen=True, slots=True)
class _Untold:
    """A check, and the flips that people have still to be told of."""

    check: Check
    flips: tuple[Flip, ...]

    def alerts(self) -> list[Alert]:
        """Return an alert for each flip, as bare as a digest needs it."""
        return [Alert(check=self.check, flip=flip) for flip in self.flips]


def run(
    check_ids: Sequence[str],
    *,
    store: Store,
    topic: Topic,
    now: datetime,
    site_url: str,
    pause: Callable[[float], None] = time.sleep,
    at_once: int = 1,
) -> Told:
    """Look at each check once; return what was told, and which checks have to be tried again.

    `pause`: how to wait, in seconds, for deadlines that are less than `WAIT_LIMIT` away; `at_once`: how many checks are
    written at the same time, so that the last of a storm is not told after the sum of all writes.
    """
    troubles = _Troubles()
    checks = _load(check_ids, store, troubles)
    now = _waited(checks, now, pause)
    blind = windows(store, now) if checks else ()
    settled = _each(checks, at_once, lambda check: _settled(check, store, troubles, now, blind))
    untold = [one for _, one in settled if one]
    messages = _tell(untold, store, troubles, lambda alerts: _publish(alerts, topic, now, site_url), at_once)
    told = [flip for one in untold for flip in one.flips]
    return Told(
        flips=sum(flips for flips, _ in settled),
        alerts=len(told),
        messages=messages,
        lateness=tuple(now - flip.at for flip in told if flip.reason in {Reason.MISSED, Reason.STUCK}),
        failed=tuple(dict.fromkeys(troubles.failed)),
        broken=tuple(troubles.broken),
    )


def _each(items: Sequence[S], at_once: int, work: Callable[[S], T]) -> list[T]:
    """Work on each item, some at the same time; return what came of them, in their order."""
    if at_once == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(work, items))


def _load(check_ids: Sequence[str], store: Store, troubles: _Troubles) -> list[Check]:
    """Read the checks strongly, a hundred at once. One that was deleted meanwhile needs no look."""
    broken: list[str] = []
    found = store.get_many(check_ids, corrupt=broken)
    for check_id in broken:
        with troubles.of(check_id):
            store.get(check_id, strong=True)  # says what is wrong with it
    return [found[check_id] for check_id in dict.fromkeys(check_ids) if check_id in found]


def _waited(checks: Sequence[Check], now: datetime, pause: Callable[[float], None]) -> datetime:
    """Wait for deadlines that are a moment away; return the time after that."""
    moments = [check.wake_at + SLACK - now for check in checks if check.wake_at]
    near = max((moment for moment in moments if timedelta(0) < moment <= WAIT_LIMIT), default=timedelta(0))
    if near:
        pause(near.total_seconds())
    return now + near


def _settled(
    check: Check, store: Store, troubles: _Troubles, now: datetime, blind: Sequence[Window]
) -> tuple[int, _Untold | None]:
    """Write what time did to a check; return the number of flips made, and what people have to be told of it."""
    flips, untold = 0, None
    with troubles.of(check.id):
        outcome = _settle(check, store, now, blind)
        if outcome is None:
            return 0, None
        flips = len(outcome.flips)
        if outcome.check.announced < outcome.check.flips:
            untold = _untold(outcome, store, troubles)
        if outcome.fault:  # its deadline cannot be watched; what it reported is told all the same
            raise FaultError(outcome.fault)
    return flips, untold


def _settle(check: Check, store: Store, now: datetime, blind: Sequence[Window]) -> Outcome | None:
    """Write what time did to a check and return it; None if the check was deleted meanwhile.

    Losing a race is a result: read again, decide again, in this one place. Raises ConflictError after `TRIES`.
    """
    for _ in range(TRIES):
        outcome = woken(check, now, blind)
        try:
            store.save(check, outcome)
        except ConflictError:
            again = store.get(check.id, strong=True)
            if again is None:
                return None
            check = again
        else:
            return outcome
    raise ConflictError(f"{TRIES} races lost in a row.")


def _untold(outcome: Outcome, store: Store, troubles: _Troubles) -> _Untold:
    """Return what people have still to be told of a check, oldest first.

    If its log cannot be read, or was restored from a time before its last flip, people are told of its status, and the
    check is named as broken.
    """
    check = outcome.check
    if len(outcome.flips) == check.flips - check.announced:  # all were just written; no need to read them
        return _Untold(check, tuple(flip for flip in outcome.flips if flip.told))
    flips = store.flips(check.id, after=check.announced, upto=check.flips)
    missing = sorted(set(range(check.announced + 1, check.flips + 1)) - {flip.n for flip in flips})
    if missing:
        name = unique_key(check.id)
        troubles.broken.append(name)
        log.error("Broken log: check %s lacks flips, the last is %d; of its status people are told.", name, missing[-1])
    if check.flips in missing:
        flips.append(_stand_in(check))
    return _Untold(check, tuple(flip for flip in flips if flip.told))


def _stand_in(check: Check) -> Flip:
    """Return the flip that led to the present status, as far as the check still knows it.

    A check that is paused or new is so because somebody wanted it; of that nobody is told.
    """
    down = check.status is Status.DOWN
    return Flip(
        n=check.flips,
        at=check.since or check.last_ping or check.created or EPOCH,
        was=Status.UP if down else Status.DOWN,
        status=check.status,
        reason=Reason.MISSED if down else Reason.PINGED,
        told=down or check.status is Status.UP,
        incident=check.incident,
        last_ping=check.last_ping,
    )


def _tell(
    untold: Sequence[_Untold],
    store: Store,
    troubles: _Troubles,
    publish: Callable[[Sequence[Alert]], int],
    at_once: int,
) -> int:
    """Publish, then note as told; return the number of messages.

    Many alerts go together, few go one by one, and so do many of which one cannot go with the others.
    """

    def noted(one: _Untold) -> None:
        with troubles.of(one.check.id):
            store.announce(one.check.id, seen=one.check.announced, upto=one.check.flips)

    alerts = [alert for one in untold for alert in one.alerts()]
    if len(alerts) > DIGEST_ABOVE:
        try:
            messages = publish(alerts)
        except Exception:
            log.exception("%d alerts cannot be told together; they are told one by one.", len(alerts))
        else:
            _each(untold, at_once, noted)
            return messages
    around, messages = _Around(store), 0
    for one in untold:
        with troubles.of(one.check.id):
            messages += publish([around.of(alert) for alert in one.alerts()])
            store.announce(one.check.id, seen=one.check.announced, upto=one.check.flips)
    return messages


class _Around:
    """What is known around a check, for the few alerts that go one by one. None of it is worth holding one back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._down: dict[str, dict[str, str]] = {}  # project -> id: name of checks that are down

    def of(self, alert: Alert) -> Alert:
        """Return the alert with the run-book, what began the incident, and what else is down."""
        check = alert.check
        if check.project not in self._down:
            self._down[check.project] = self._known(lambda: self._read_down(check.project), {})
        others = {check_id: name for check_id, name in self._down[check.project].items() if check_id != check.id}
        return replace(
            alert,
            about=self._known(lambda: self._store.about(check), ""),
            cause=self._known(lambda: self._cause(alert), None),
            also_down=tuple(sorted(others.values())),
        )

    def _read_down(self, project: str) -> dict[str, str]:
        ids, more = self._store.project_page(project, after=FIRST_PLACE, limit=NEIGHBOURS)
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


def _publish(alerts: Sequence[Alert], topic: Topic, now: datetime, site_url: str) -> int:
    """Publish alerts one by one, or above `DIGEST_ABOVE` as digests; return the number of messages."""
    if len(alerts) > DIGEST_ABOVE:
        messages = [digest(group, now=now, site_url=site_url) for group in _alike(alerts)]
    else:
        messages = [flipped(alert, now=now, site_url=site_url) for alert in alerts]
    for message in messages:
        topic.publish(message)
    return len(messages)


def _alike(alerts: Sequence[Alert]) -> list[list[Alert]]:
    """Group alerts by what the filters of subscriptions look at, so that each digest reaches those it concerns.

    A check that went down and up is in two of them, in that order: whoever reads both knows at last that it is up.
    """
    groups: dict[tuple[int, str, str, str], list[Alert]] = {}
    latest: dict[str, tuple[int, Status]] = {}
    for alert in alerts:
        check, status = alert.check, alert.flip.status
        turn, before = latest.get(check.id, (0, status))
        turn += status is not before
        latest[check.id] = (turn, status)
        groups.setdefault((turn, check.project, status, check.channels), []).append(alert)
    return [
        group[first : first + DIGEST_LIMIT]
        for _, group in sorted(groups.items(), key=lambda item: item[0][0])
        for first in range(0, len(group), DIGEST_LIMIT)
    ]
