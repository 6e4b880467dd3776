"""A race that was lost: wait a random while, read again, decide again, a bounded number of times. Only here.

Lives here: that loop, and all waiting between retries. Nobody waits after the last try, since nothing comes after it.
Never here: what is decided (core/), on which condition it is written (conditions.py).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from lastseen.storage.errors import ConflictError, DeletedError

if TYPE_CHECKING:
    from lastseen.core.check import Check
    from lastseen.storage.store import CheckStore

T = TypeVar("T")

Pause = Callable[[float], None]
"""How to wait, in seconds."""

sleep: Pause = time.sleep

DECIDE_TRIES = 20
FIRST_WAIT_SECONDS = 0.01
LONGEST_WAIT_SECONDS = 0.5
"""How often a decision is made, and the most that is waited before the second try and before any, doubled in between.

Some 300 pings that all change one check's status or run at once come through (simulated with 4 to 8 ms a call), in a
few seconds; steady ones do not race at all.
"""


DOUBLINGS = 50
"""More would leave the range of numbers, long after every limit."""


def backoff_seconds(tried: int, *, first: float, longest: float, least: float = 0.0) -> float:
    """Return how long to wait after the n-th try: a random part, of at least `least`, of what doubles with each try.

    Random, so that those who failed together do not come back together.
    """
    assert tried >= 1, tried
    limit = min(first * 2.0 ** min(tried - 1, DOUBLINGS), longest)
    return limit * random.uniform(least, 1)  # noqa: S311 - jitter, no secret


def attempts(
    tries: int,
    *,
    pause: Pause = sleep,
    first: float = FIRST_WAIT_SECONDS,
    longest: float = LONGEST_WAIT_SECONDS,
) -> Iterator[int]:
    """Count 1 .. tries, and wait before each but the first."""
    assert tries >= 1, tries
    for tried in range(1, tries + 1):
        if tried > 1:
            pause(backoff_seconds(tried - 1, first=first, longest=longest))
        yield tried


def decide(
    seen: Check, write: Callable[[Check], T], *, store: CheckStore, tries: int = DECIDE_TRIES, pause: Pause = sleep
) -> T:
    """Decide on a check as it was seen and write that; after a lost race read it again strongly and decide again.

    `write` decides, writes on the condition that the check is still as it got it, and returns what it likes.
    Raises DeletedError if the check was deleted meanwhile, ConflictError if every try lost.
    """
    check: Check | None = seen
    for tried in attempts(tries, pause=pause):
        if tried > 1:
            check = store.get(seen.id, strong=True)
        if check is None:
            raise DeletedError("The check was deleted meanwhile.")
        try:
            return write(check)
        except ConflictError:
            continue
    raise ConflictError(f"{tries} races lost in a row.")
