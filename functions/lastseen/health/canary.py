"""Whether Lastseen itself receives pings: a canary pings through the public URL each minute, like any job.

Lives here: noticing that the canary is silent, its record in the settings table, and when people are notified of that.
While the canary is silent, or no sweep ran to let it ping, a missing ping says nothing about a job: core/blind.py moves
the deadlines.
Never here: HTTP (the entry sends the ping), the words of a message (text/), how deadlines move (core/blind.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lastseen.core.blind import HOLD_LIMIT, Window
from lastseen.core.check import Check
from lastseen.core.schedule import Period
from lastseen.storage.documents import CANARY
from lastseen.storage.errors import ConflictError, CorruptError
from lastseen.storage.fresh import new_id
from lastseen.storage.records import CanaryRecord
from lastseen.storage.store import Store

log = logging.getLogger(__name__)

STALE = timedelta(seconds=150)
"""Two sweeps and a half: one ping of the canary may be lost without consequence."""

WINDOWS_KEPT = timedelta(days=2)
"""How long a window is kept. It matters to checks whose grace it cut into."""

CANARY_PROJECT = "_lastseen"
"""The project of the canary: no user's, so that no list shows it."""

CANARY_PERIOD = timedelta(days=365)


def blind_windows(store: Store, now: datetime) -> tuple[Window, ...]:
    """Return the times in which no ping could reach us, the present one included if none can now."""
    record = _load(store)
    if record is None:
        return ()
    if record.silent_since:
        return (*record.windows, *_silence(record.silent_since, record.noticed, now))
    try:
        canary = store.get(record.check_id, strong=True)
    except CorruptError:
        log.exception("The canary cannot be read, so nobody knows whether pings arrive; it holds back no alert.")
        canary = None
    last_ping = canary.last_ping if canary else None
    if last_ping and now - last_ping > STALE:
        return (*record.windows, *_silence(last_ping, now, now))
    # It may have pinged again since the record was read. The record was written before it pinged: read it once more.
    record = _load(store) or record
    present = _silence(record.silent_since, record.noticed, now) if record.silent_since else ()
    return (*record.windows, *present)


def _silence(start: datetime, noticed: datetime | None, end: datetime) -> tuple[Window, ...]:
    """Return the windows of a silence. A sweep notices one within minutes: if it was noticed later, no sweep ran.

    Or what it wrote is lost, since the tables were restored from an earlier time; for the jobs that is the same.
    """
    assert start <= end, (start, end)
    if noticed is None or noticed - start <= HOLD_LIMIT:
        return (Window(start, end),)
    return (Window(start, noticed, asleep=True), Window(noticed, end))


@dataclass(frozen=True, slots=True)
class CanaryMessages:
    """How people are notified about the canary."""

    silent: Callable[[datetime], None]  # since when
    back: Callable[[Window], None]  # after that


def check_canary(store: Store, now: datetime, messages: CanaryMessages) -> str:
    """Look whether the canary pinged, write it down, notify people of a change; return the id of the canary's check.

    Written before anybody is notified, and notified before that is noted: if it is killed after any step, the next
    sweep goes on from there. The caller lets the canary ping only after this, so no moment between is blamed on a job.
    """
    record = _end_notified(store, _load(store) or _choose_canary(store), messages)
    after = _updated(record, _last_ping(store, record, now), now)
    if after != record:
        CANARY.write(store, after)
    if after.silent_since and not after.is_notified:
        messages.silent(after.silent_since)
        CANARY.write(store, replace(after, is_notified=True))
    else:
        _end_notified(store, after, messages)
    return after.check_id


def _end_notified(store: Store, record: CanaryRecord, messages: CanaryMessages) -> CanaryRecord:
    """Notify people of the end of a silence, if that is still to be done; before the next silence is looked at."""
    if not record.is_notified or record.silent_since:
        return record
    messages.back(_latest(record.windows))
    ended = replace(record, is_notified=False)
    CANARY.write(store, ended)
    return ended


def _latest(windows: tuple[Window, ...]) -> Window:
    """Return the last silence as one window: the time without sweeps, and what followed."""
    assert windows, "a silence that ended left a window"
    last = windows[-1]
    asleep = [window for window in windows if window.asleep and window.end == last.start]
    return Window(asleep[0].start, last.end) if asleep else last


def _updated(record: CanaryRecord, last_ping: datetime | None, now: datetime) -> CanaryRecord:
    if last_ping is None:
        return record
    if now - last_ping > STALE:
        return record if record.silent_since else replace(record, silent_since=last_ping, noticed=now)
    if record.silent_since is None:
        return record
    kept = tuple(window for window in record.windows if now - window.end < WINDOWS_KEPT)
    end = max(last_ping, record.noticed or last_ping)  # a record without `noticed` is of the first release
    past = _silence(record.silent_since, record.noticed, end)
    # Whoever noticed it may have notified people, and been killed before that was noted: so they hear of the end.
    return replace(record, silent_since=None, noticed=None, windows=(*kept, *past), is_notified=True)


def _last_ping(store: Store, record: CanaryRecord, now: datetime) -> datetime | None:
    """Return when the canary last pinged; create its check if it does not exist."""
    canary = store.get(record.check_id, strong=True)
    if canary is None:
        period = Period(CANARY_PERIOD)
        canary = Check(
            id=record.check_id, project=CANARY_PROJECT, name="canary", schedule=period, channels="", created=now
        )
        with suppress(ConflictError):  # of two sweeps at once, one creates it
            store.create(canary)
    return canary.last_ping


def _choose_canary(store: Store) -> CanaryRecord:
    """Choose the canary. Of two sweeps at once one does; the other takes what it finds."""
    chosen = CanaryRecord(new_id())
    try:
        CANARY.create(store, chosen)
    except ConflictError:
        record = _load(store)
        if record:
            return record
        CANARY.write(store, chosen)  # there is a record that cannot be read
    return chosen


def _load(store: Store) -> CanaryRecord | None:
    """Return the record, or None. One that cannot be read holds back no alert."""
    try:
        return CANARY.read(store)
    except CorruptError:
        log.exception("The record of the canary cannot be read; a new one is written.")
        return None
