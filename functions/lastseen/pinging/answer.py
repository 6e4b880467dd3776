"""A ping, from request to answer: read the check, decide, write what the decision saw, keep it in the history.

Lives here: the way of a ping through the store, and the words of each answer.
Never here: what a ping does to a check (core/machine.py), what a URL says (url.py), which check a slug means (keys.py),
a check that its first ping creates (create.py). Nor AWS's own client, Pydantic, Powertools: a ping is where a cold
start costs, so this module and all that it imports stay light.

Warm and steady, a ping costs one read, one conditional write and one put, nothing else.
200 means: it is recorded. Any other answer means: nothing is, and the same ping can be sent again without harm.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from lastseen.aws.wakes import Wake, Wakes
from lastseen.core.blind import Window
from lastseen.core.check import Check, Outcome, Ping, unique_key
from lastseen.core.history import Recorded
from lastseen.core.limits import PINGED_CHECKS_PER_DAY
from lastseen.core.machine import pinged
from lastseen.core.moments import is_late
from lastseen.pinging.keys import AmbiguousSlugError, PingKeys, TooManyChecksError, UnknownCheckError
from lastseen.pinging.url import (
    BadPingError,
    NoSuchPathError,
    Signal,
    Target,
    read_over,
    read_path,
    read_query,
    read_rid,
)
from lastseen.storage.decide import Pause, decide, sleep
from lastseen.storage.errors import ConflictError, DeletedError, UncountedError
from lastseen.storage.store import Store

log = logging.getLogger(__name__)

AGENT_CHARS = 200
WORD_CHARS = 50
"""What is kept of the user agent, and of method, scheme and address."""

NOT_FOUND = (
    "not found: no check has this ping URL. Copy it once more from the check's page or from `lastseen checks list`; "
    "by slug it is /ping/<ping key>/<slug>, and ?create=1 creates a check that is not there yet."
)
AMBIGUOUS = "ambiguous slug: several checks of the project have it. Ping by UUID, or give them slugs of their own."
TOO_MANY_CHECKS = (
    "too many new checks: first pings have created {limit:,} checks of this project today. "
    "Create more with `lastseen checks create`, or tomorrow."
)
NO_NEW_CHECKS = (
    "not created: first pings create no checks in this deployment (pinged_checks_per_day=0). "
    "Create the check with `lastseen checks create`."
)
BUSY = "busy: too many pings of this check at once. Nothing was recorded; send it again."


@dataclass(frozen=True, slots=True)
class PingRequest:
    """A request to a ping URL, as the gateway got it."""

    path: str  # what follows /ping/
    query: str = ""
    method: str = "GET"
    body: bytes = b""
    at: datetime = field(kw_only=True)
    scheme: str = "https"
    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class PingAnswer:
    """What the client is answered."""

    status: int
    text: str


def answer(
    request: PingRequest,
    *,
    store: Store,
    wakes: Wakes,
    keys: PingKeys,
    body_limit: int,
    created_per_day: int = PINGED_CHECKS_PER_DAY,
    pause: Pause = sleep,
) -> PingAnswer:
    """Record a ping and return the answer.

    `body_limit`: bytes of the body that are kept; `created_per_day`: checks of one project that first pings may create
    in a day; `pause`: how to wait, in seconds, before deciding again.
    """
    try:
        target, signal = read_path(request.path)
        query = read_query(request.query)
        check, is_new = _find(target, query, request.at, store=store, keys=keys)
        ping = _ping(request, signal, query)
        if is_new:
            from lastseen.pinging.create import create_check  # noqa: PLC0415 - only a first ping pays for it

            check, is_new = create_check(check, store=store, pause=pause, per_day=created_per_day)
        _record(check, ping, store=store, wakes=wakes, body_limit=body_limit, pause=pause)
    except BadPingError as error:
        return PingAnswer(400, str(error))
    except NoSuchPathError as error:
        return PingAnswer(404, str(error))
    except (UnknownCheckError, DeletedError):
        return PingAnswer(404, NOT_FOUND)
    except TooManyChecksError as error:
        return PingAnswer(409, TOO_MANY_CHECKS.format(limit=error.limit) if error.limit else NO_NEW_CHECKS)
    except AmbiguousSlugError:
        return PingAnswer(409, AMBIGUOUS)
    except ConflictError:
        return PingAnswer(503, BUSY)
    if not is_new:
        return PingAnswer(200, "OK")
    from lastseen.pinging.create import created_text  # noqa: PLC0415 - likewise

    return PingAnswer(201, created_text(check, query, request.at))


def _find(
    target: Target, query: Mapping[str, str], now: datetime, *, store: Store, keys: PingKeys
) -> tuple[Check, bool]:
    """Return the stored check of a target and False, or the check that this ping is to create and True.

    Reads are eventual first, since that is cheaper, and strong before a check is said not to exist.
    """
    if target.uuid:
        check = store.get(target.uuid) or store.get(target.uuid, strong=True)
        if check is None:
            raise UnknownCheckError
        return check, False
    project = keys.project(target.ping_key, now)
    check = keys.check(project, target.slug, now)
    if check:
        return check, False
    if query.get("create") != "1":
        raise UnknownCheckError
    from lastseen.pinging.create import new_check  # noqa: PLC0415 - likewise

    return new_check(store, project, target.slug, query, now), True


def _ping(request: PingRequest, signal: Signal, query: Mapping[str, str]) -> Ping:
    return Ping(
        at=request.at,
        kind=signal.kind,
        rid=read_rid(query.get("rid")),
        over=read_over(query.get("over")),
        exit_status=signal.exit_status,
        note=signal.note,
        body=request.body,
        method=request.method[:WORD_CHARS],
        scheme=request.scheme[:WORD_CHARS],
        address=request.address[:WORD_CHARS],
        agent=request.agent[:AGENT_CHARS],
    )


def _record(check: Check, ping: Ping, *, store: Store, wakes: Wakes, body_limit: int, pause: Pause) -> None:
    """Write what the ping does, then do what follows from it.

    The whole body decides, for a keyword may stand at its end; no more than its limit is kept.
    Raises ConflictError if every try lost its race, DeletedError if the check is deleted meanwhile.
    """

    def write(seen: Check) -> tuple[Outcome, int | None]:
        blind = _blind_windows(store, ping.at) if is_late(seen, ping.at) else ()
        outcome = _cut(pinged(seen, ping, blind), body_limit)
        try:
            return outcome, store.save_ping(seen, outcome)
        except UncountedError:
            log.exception("A ping of check %s is recorded, but has no number.", unique_key(seen.id))
            return outcome, None

    outcome, n = decide(check, write, store=store, pause=pause)
    _follow_up(outcome, replace(ping, body=ping.body[:body_limit]), n, store=store, wakes=wakes)


def _blind_windows(store: Store, now: datetime) -> tuple[Window, ...]:
    from lastseen.health.canary import blind_windows  # noqa: PLC0415 - only a late ping pays for it

    return blind_windows(store, now)


def _cut(outcome: Outcome, body_limit: int) -> Outcome:
    """Let flips keep the end of a body only as far as the deployment keeps bodies."""
    flips = tuple(replace(flip, body=flip.body[max(len(flip.body) - body_limit, 0) :]) for flip in outcome.flips)
    return replace(outcome, flips=flips)


def _follow_up(outcome: Outcome, ping: Ping, n: int | None, *, store: Store, wakes: Wakes) -> None:
    """Do what may fail without losing the ping: it is recorded, and the next sweep wakes whom this does not.

    `n`: the ping's number; without one it cannot be kept in the history.
    """
    assert outcome.kind is not None, "a ping always says something"
    name = unique_key(outcome.check.id)
    if outcome.fault:
        log.error("The schedule of check %s is broken, it has no deadline: %s", name, outcome.fault)
    if outcome.flips:
        log.info("Check %s is %s: %s.", name, outcome.check.status, outcome.flips[-1].reason)
    try:
        if outcome.check.announced < outcome.check.flips:
            wakes.send([Wake(outcome.check.id)])
    except Exception:
        log.exception("The wake for check %s was not sent; the next sweep sends it.", name)
    if n is None:
        return
    try:
        store.record(outcome.check.id, Recorded(n=n, kind=outcome.kind, ping=ping, duration=outcome.duration))
    except Exception:
        log.exception("Ping %d of check %s is counted, but missing from its history.", n, name)
