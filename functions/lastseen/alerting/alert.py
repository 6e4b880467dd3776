"""The alert path: look at the checks that were woken, flip those that are late, publish every flip not yet announced.

Lives here: the order of steps that makes an alert impossible to lose. A flip is written before it is published, and
noted as announced only after SNS took it: killed after any step, the next wake goes on from there. So people are
notified at least once, and a double has the same event id.
Never here: whether a check is late (core/moments.py), what an alert says (message.py), AWS.

One check that cannot be read, decided or published never stops the others. If trying again may help, it alone is handed
back to the queue, which at last puts it with the dead letters; if not, it is named as broken.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from lastseen.alerting.around import Around
from lastseen.alerting.publishing import DueCheck, Publisher
from lastseen.alerting.routing import ProjectChannels, Routed, left_behind, routed
from lastseen.aws.topic import Topic
from lastseen.core.blind import Window
from lastseen.core.channel import DEPLOYMENT
from lastseen.core.check import Check, Flip, Outcome, Reason, Status, unique_key
from lastseen.core.moments import SLACK, woken
from lastseen.core.times import EPOCH
from lastseen.health.canary import blind_windows
from lastseen.storage.decide import Pause, decide, sleep
from lastseen.storage.errors import CorruptError, DeletedError
from lastseen.storage.projects import channels_of, default_channels
from lastseen.storage.store import Store
from lastseen.text.message import Alert

log = logging.getLogger(__name__)

S = TypeVar("S")
T = TypeVar("T")

SETTLE_TRIES = 8
"""How often a decision is made; then the queue tries again."""

WAIT_LIMIT = timedelta(seconds=2)
"""A wake that comes up to this early is waited out: delays in the queue are whole seconds, rounded down, and the clocks
of two functions differ."""


class FaultError(Exception):
    """A check has no deadline because its schedule is broken."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch of wakes came to."""

    flips: int = 0
    alerts: int = 0
    messages: int = 0
    lateness: tuple[timedelta, ...] = ()  # from each missed deadline to its notification
    failed: tuple[str, ...] = ()  # ids of checks to be tried again
    unfinished: tuple[str, ...] = ()  # ids of checks for which no time was left
    broken: tuple[str, ...] = ()  # names of checks and channels that somebody must fix


@dataclass(slots=True)
class _Troubles:
    """Checks that went wrong in this batch; the others go on."""

    failed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @contextmanager
    def of(self, check_id: str) -> Iterator[None]:
        """Note whatever goes wrong with a check: as broken if somebody must fix it, else to be tried again."""
        try:
            yield
        except (CorruptError, FaultError) as error:
            name = unique_key(check_id)
            self.broken.append(name)
            log.error("Broken, cannot be watched: check %s: %s", name, error)  # noqa: TRY400 - its text says all
        except Exception as error:  # noqa: BLE001 - whatever it is, it stops no other check
            self.add(check_id, error)

    def add(self, check_id: str, error: Exception) -> None:
        """Note a check that has to be tried again."""
        self.failed.append(check_id)
        log.error("Tried again: check %s", unique_key(check_id), exc_info=error)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A check, and the flips that people have still to be notified of, oldest first."""

    check: Check
    flips: tuple[Flip, ...]


def run(
    check_ids: Sequence[str],
    *,
    store: Store,
    topic: Topic,
    clock: Callable[[], datetime],
    site_url: str,
    until: datetime | None = None,
    pause: Pause = sleep,
    at_once: int = 1,
) -> BatchResult:
    """Look at each check once; return what went out, and which checks have to be tried again.

    `until`: when to stop publishing, in good time before the function is stopped. `pause`: how to wait, in seconds, for
    deadlines that are less than `WAIT_LIMIT` away. `at_once`: how many checks are written at the same time, so that the
    last of a storm is not notified after the sum of all writes.
    """
    troubles, began = _Troubles(), clock()
    checks = _load(check_ids, store, troubles)
    now = _waited(checks, began, pause)
    blind = blind_windows(store, now) if checks else ()
    settled = _each(checks, at_once, lambda check: _settled(check, store, troubles, now, blind, pause=pause))
    due = _routed([pending for _, pending in settled if pending], store, troubles, at_once)
    publisher = Publisher(
        topic=topic,
        around=Around(store, each=lambda ids, read: _each(ids, at_once, read)),
        clock=clock,
        site_url=site_url,
        announce=lambda done: _announce(done, store, troubles, at_once),
        fail=lambda check, error: troubles.add(check.id, error),
        until=until,
    )
    published = publisher.publish(due)
    return BatchResult(
        flips=sum(flips for flips, _ in settled),
        alerts=published.alerts,
        messages=published.messages,
        lateness=tuple(published.lateness),
        failed=tuple(dict.fromkeys(troubles.failed)),
        unfinished=tuple(published.unfinished),
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


def _waited(checks: Sequence[Check], now: datetime, pause: Pause) -> datetime:
    """Wait for deadlines that are a moment away; return the time after that."""
    moments = [check.wake_at + SLACK - now for check in checks if check.wake_at]
    near = max((moment for moment in moments if timedelta(0) < moment <= WAIT_LIMIT), default=timedelta(0))
    if near:
        pause(near.total_seconds())
    return now + near


def _settled(
    check: Check, store: Store, troubles: _Troubles, now: datetime, blind: Sequence[Window], *, pause: Pause
) -> tuple[int, _Pending | None]:
    """Write what time did to a check; return the number of flips made, and what has still to be announced."""
    flips, pending = 0, None
    with troubles.of(check.id):
        outcome = _settle(check, store, now, blind, pause)
        if outcome is None:
            return 0, None
        flips = len(outcome.flips)
        if outcome.check.announced < outcome.check.flips:
            pending = _pending(outcome, store, troubles)
        if outcome.fault:  # its deadline cannot be watched; what it reported is published all the same
            raise FaultError(outcome.fault)
    return flips, pending


def _settle(check: Check, store: Store, now: datetime, blind: Sequence[Window], pause: Pause) -> Outcome | None:
    """Write what time did to a check and return it; None if the check was deleted meanwhile.

    Raises ConflictError if every try lost its race.
    """

    def write(seen: Check) -> Outcome:
        outcome = woken(seen, now, blind)
        store.save(seen, outcome)
        return outcome

    try:
        return decide(check, write, store=store, tries=SETTLE_TRIES, pause=pause)
    except DeletedError:
        return None


def _pending(outcome: Outcome, store: Store, troubles: _Troubles) -> _Pending:
    """Return what people have still to be notified of, oldest first.

    If its log cannot be read, or was restored from a time before its last flip, people are notified of its status, and
    the check is named as broken.
    """
    check = outcome.check
    if len(outcome.flips) == check.flips - check.announced:  # all were just written; no need to read them
        return _Pending(check, tuple(flip for flip in outcome.flips if flip.notify))
    flips = store.flips(check.id, after=check.announced, upto=check.flips)
    missing = sorted(set(range(check.announced + 1, check.flips + 1)) - {flip.n for flip in flips})
    if missing:
        name = unique_key(check.id)
        troubles.broken.append(name)
        log.error("Broken log: check %s lacks flips, the last is %d; the alert has only its status.", name, missing[-1])
    if check.flips in missing:
        flips.append(_stand_in(check))
    return _Pending(check, tuple(flip for flip in flips if flip.notify))


def _stand_in(check: Check) -> Flip:
    """Return the flip that led to the present status, as far as the check still knows it.

    A check that is paused or new is so because somebody wanted it; nobody is notified of that.
    """
    down = check.status is Status.DOWN
    return Flip(
        n=check.flips,
        at=check.since or check.last_ping or check.created or EPOCH,
        was=Status.UP if down else Status.DOWN,
        status=check.status,
        reason=Reason.MISSED if down else Reason.PINGED,
        notify=down or check.status is Status.UP,
        incident=check.incident,
        last_ping=check.last_ping,
    )


def _routed(pending: Sequence[_Pending], store: Store, troubles: _Troubles, at_once: int) -> list[DueCheck]:
    """Return the checks with the receivers of each of their alerts; each project's channels are read once."""
    projects = list(dict.fromkeys(each.check.project for each in pending if each.flips))
    read = _each(projects, at_once, lambda project: _channels(project, store, troubles))
    channels = dict(zip(projects, read, strict=True))

    def routed_check(each: _Pending) -> DueCheck | None:
        with troubles.of(each.check.id):
            return _routed_check(each, channels.get(each.check.project, ProjectChannels()), store)
        return None

    return [due for due in _each(pending, at_once, routed_check) if due]


def _routed_check(pending: _Pending, channels: ProjectChannels | Exception, store: Store) -> DueCheck:
    """Return a check with the receivers of its alerts, and keep who is notified of the beginning of an incident."""
    if isinstance(channels, Exception):
        raise channels
    alerts: list[Routed] = []
    seen: dict[int, frozenset[str]] = {}  # by incident: who has seen it begin
    for flip in pending.flips:
        each = _routed_flip(Alert(check=pending.check, flip=flip), channels, seen, store)
        if each.receivers:
            alerts.append(each)
    return DueCheck(pending.check, tuple(alerts))


def _routed_flip(alert: Alert, channels: ProjectChannels, seen: dict[int, frozenset[str]], store: Store) -> Routed:
    """Return an alert with its receivers, and keep who has seen its incident begin, or sees it end before the others.

    What is kept is kept before anything is published, and read again by the next try: so killed after any step, whoever
    was notified of a beginning is notified of its end.
    """
    check_id, flip, n = alert.check.id, alert.flip, alert.flip.incident
    if n is None:
        return routed(alert, channels)
    if n == flip.n:
        each = routed(alert, channels)
        seen[n] = (each.receivers - {DEPLOYMENT}) | set(flip.channels)  # an earlier try, cut off, may have gone there
        if seen[n]:
            store.note_receivers(check_id, n, sorted(seen[n]))
        return each
    if n not in seen:
        opening = store.flips(check_id, after=n - 1, upto=n)
        seen[n] = frozenset(opening[0].channels if opening else ())
    if flip.reason is not Reason.UNASSIGNED:
        return routed(alert, channels, saw_beginning=seen[n])
    leaving = frozenset(flip.channels) or left_behind(alert.check, channels, seen[n])
    if leaving:
        seen[n] -= leaving
        store.note_receivers(check_id, flip.n, sorted(leaving))
        store.note_receivers(check_id, n, sorted(seen[n]))
    return routed(alert, channels, saw_beginning=leaving)


def _channels(project: str, store: Store, troubles: _Troubles) -> ProjectChannels | Exception:
    """Return a project's channels, or why they cannot be read: then its alerts wait, and those of others do not.

    A single channel that cannot be read gets no alert, so it is named as broken.
    """
    try:
        channels, unreadable = channels_of(store, project)
        troubles.broken += [f"channel {name}" for name in unreadable]
        return ProjectChannels(tuple(channels), default_channels(store, project))
    except Exception as error:  # noqa: BLE001 - whatever it is, it stops no other project
        return error


def _announce(checks: Sequence[Check], store: Store, troubles: _Troubles, at_once: int) -> None:
    def announce(check: Check) -> None:
        with troubles.of(check.id):
            store.announce(check.id, seen=check.announced, upto=check.flips)

    _each(checks, at_once, announce)
