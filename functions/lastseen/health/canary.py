"""Whether Lastseen itself can hear: a canary pings through the public URL each minute, like any job.

Lives here: the noticing of deafness, its record in the settings table, and the two messages about it. While the canary
is stale, or no sweep ran to ping it, a missing ping says nothing of a job: blind.py moves the deadlines.
Never here: HTTP (the entry knocks), how deadlines move (blind.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from lastseen.core.blind import HOLD_LIMIT, Window
from lastseen.core.check import Check
from lastseen.core.schedule import Period
from lastseen.core.times import millis, moment
from lastseen.storage.errors import ConflictError, CorruptError
from lastseen.storage.store import Store

log = logging.getLogger(__name__)

STALE = timedelta(seconds=150)
"""Two sweeps and a half: one canary ping may be lost without a word."""

KEPT = timedelta(days=2)
"""How long a window is kept. It matters to checks whose grace it cut into."""

PROJECT = "_lastseen"
"""The project of the canary: no user's, so that no list shows it."""

_KIND, _NAME = "watch", "hearing"


@dataclass(frozen=True, slots=True)
class Hearing:
    """What is known of our hearing."""

    canary: str  # id of the canary's check
    deaf_since: datetime | None = None
    noticed: datetime | None = None  # when that was first written down
    windows: tuple[Window, ...] = ()  # past ones
    said_deaf: bool = False  # whether people know of `deaf_since`


def windows(store: Store, now: datetime) -> tuple[Window, ...]:
    """Return the times in which we could not hear, the present one included if we cannot hear now."""
    known = _load(store)
    if known is None:
        return ()
    if known.deaf_since:
        return (*known.windows, *_silence(known.deaf_since, known.noticed, now))
    try:
        canary = store.get(known.canary, strong=True)
    except CorruptError:
        log.exception("The canary cannot be read, so whether we hear is not known; it holds back no alert.")
        canary = None
    heard = canary.last_ping if canary else None
    if heard and now - heard > STALE:
        return (*known.windows, *_silence(heard, now, now))
    # It may have been heard again since the record was read. The record was written before it pinged: it knows.
    known = _load(store) or known
    return (*known.windows, *_silence(known.deaf_since, known.noticed, now)) if known.deaf_since else known.windows


def _silence(start: datetime, noticed: datetime | None, end: datetime) -> tuple[Window, ...]:
    """Return the windows of a silence. A sweep notices one in minutes: before a later notice, none ran.

    Or what it wrote is forgotten, for the tables were restored from an earlier time; for the jobs that is the same.
    """
    if noticed is None or noticed - start <= HOLD_LIMIT:
        return (Window(start, end),)
    return (Window(start, noticed, asleep=True), Window(noticed, end))


@dataclass(frozen=True, slots=True)
class Voice:
    """How people are told of our hearing."""

    deaf: Callable[[datetime], None]  # since when
    hearing: Callable[[Window], None]  # again, after that


def listen(store: Store, now: datetime, voice: Voice) -> str:
    """Look whether the canary was heard, write it down, tell people of a change; return the id of the canary.

    Written before it is told and told before it is noted as told: killed after any step, the next sweep goes on.
    The caller lets the canary ping only then, so no moment between is held against a job.
    """
    known = _load(store) or _hatched(store)
    after = _judged(known, _heard(store, known, now), now)
    if after != known:
        _save(store, after)
    if after.deaf_since and not after.said_deaf:
        voice.deaf(after.deaf_since)
        _save(store, replace(after, said_deaf=True))
    elif after.said_deaf and not after.deaf_since:
        voice.hearing(_latest(after.windows))
        _save(store, replace(after, said_deaf=False))
    return after.canary


def _latest(past: tuple[Window, ...]) -> Window:
    """Return the last silence as one window: its sleep and what followed."""
    *_, last = past
    slept = [window for window in past if window.asleep and window.end == last.start]
    return Window(slept[0].start, last.end) if slept else last


def _judged(known: Hearing, heard: datetime | None, now: datetime) -> Hearing:
    if heard is None:
        return known
    if now - heard > STALE:
        return known if known.deaf_since else replace(known, deaf_since=heard, noticed=now)
    if known.deaf_since is None:
        return known
    kept = tuple(window for window in known.windows if now - window.end < KEPT)
    past = _silence(known.deaf_since, known.noticed, max(heard, known.noticed or heard))
    return replace(known, deaf_since=None, noticed=None, windows=(*kept, *past))


def _heard(store: Store, known: Hearing, now: datetime) -> datetime | None:
    """Return when the canary was last heard; make its check if it is not there."""
    canary = store.get(known.canary, strong=True)
    if canary is None:
        period = Period(timedelta(days=365))
        canary = Check(id=known.canary, project=PROJECT, name="canary", schedule=period, channels="", created=now)
        with suppress(ConflictError):  # of two sweeps at once one makes it
            store.create(canary)
    return canary.last_ping


def _hatched(store: Store) -> Hearing:
    """Choose the canary. Of two sweeps at once one does; the other takes what is there."""
    hatched = Hearing(str(uuid4()))
    try:
        store.put_setting(_KIND, _NAME, _document(hatched), new=True)
    except ConflictError:
        known = _load(store)
        if known:
            return known
        _save(store, hatched)  # there is a record that cannot be read
    return hatched


def _load(store: Store) -> Hearing | None:
    """Return what is known, or None. A record that cannot be read holds back no alert."""
    try:
        document = store.setting(_KIND, _NAME)
        if document is None:
            return None
        since = document["deaf_since"]
        return Hearing(
            canary=document["canary"],
            deaf_since=moment(since) if since is not None else None,
            noticed=moment(document["noticed"]) if document.get("noticed") is not None else None,
            windows=tuple(
                Window(moment(start), moment(end), asleep=bool(asleep)) for start, end, *asleep in document["windows"]
            ),
            said_deaf=document["said_deaf"],
        )
    except (CorruptError, KeyError, TypeError, ValueError, OverflowError):
        log.exception("The record of our hearing cannot be read; it is made anew.")
        return None


def _save(store: Store, known: Hearing) -> None:
    store.put_setting(_KIND, _NAME, _document(known))


def _document(known: Hearing) -> dict[str, Any]:
    return {
        "canary": known.canary,
        "deaf_since": millis(known.deaf_since) if known.deaf_since else None,
        "noticed": millis(known.noticed) if known.noticed else None,
        "windows": [
            [millis(window.start), millis(window.end), *([1] if window.asleep else [])] for window in known.windows
        ],
        "said_deaf": known.said_deaf,
    }
