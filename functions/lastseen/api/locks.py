"""One at a time: for what must be looked at as a whole before it is changed, such as names that are given once.

A lock is a settings document that only one can make. Its maker may have been killed, so one that is older than
any request lasts is taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from lastseen.core.times import millis, moment
from lastseen.storage.documents import DocumentKind
from lastseen.storage.errors import ConflictError, CorruptError
from lastseen.storage.store import Store


class Lock(NamedTuple):
    """What somebody does alone, and since when."""

    name: str
    at: datetime


LOCKS = DocumentKind(
    "lock",
    encode=lambda lock: {"at": millis(lock.at)},
    decode=lambda _project, name, document: Lock(name, moment(document["at"])),
    name_of=lambda lock: lock.name,
)

LOCK_LASTS = timedelta(seconds=60)
"""Longer than any request of the API."""

LOCK_TRIES = 50
LOCK_WAIT_SECONDS = 0.1
"""How often a lock that somebody else has is asked for, and what is waited between."""


@contextmanager
def exclusively(store: Store, name: str, *, now: datetime, pause: Callable[[float], None]) -> Iterator[None]:
    """Do what is in the block while nobody else does. Raises ConflictError if somebody else goes on and on."""
    for attempt in range(LOCK_TRIES):
        try:
            LOCKS.create(store, Lock(name, now))
        except ConflictError:
            if attempt + 1 == LOCK_TRIES:
                raise ConflictError("The same is being changed by others. Nothing was changed; try again.") from None
            _take_over(store, name, now)
            pause(LOCK_WAIT_SECONDS)
        else:
            break
    try:
        yield
    finally:
        LOCKS.drop(store, name)


def _take_over(store: Store, name: str, now: datetime) -> None:
    """Remove a lock that was left by somebody who is no more."""
    try:
        lock = LOCKS.one(store, name)
    except CorruptError:
        LOCKS.drop(store, name)
        return
    if lock and now - lock.at > LOCK_LASTS:
        LOCKS.drop(store, name)
