"""A ping, from request to answer: read the check, decide, write what the decision saw, keep it in the history.

Lives here: the way of a ping through the store, the making of a check by its first ping, and the words of each answer.
Never here: what a ping does to a check (check.py), what a URL says (pingurl.py), AWS, Pydantic, Powertools: a ping is
where a cold start costs, so this module and all that it imports stay light.

Warm and steady, a ping costs one read, one conditional write and one put, nothing else.
200 means: it is recorded. Any other answer means: nothing is, and the same ping can be sent again without harm.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from lastseen.check import Check, Outcome, Ping, is_late, pinged, unique_key
from lastseen.items import Recorded
from lastseen.pingurl import BadPingError, NoSuchPathError, Signal, Target, read_path, read_query, read_rid
from lastseen.schedule import Period, ScheduleError, parse, validated
from lastseen.store import ConflictError, Store
from lastseen.wakes import Wake, Wakes
from lastseen.watch import windows

log = logging.getLogger(__name__)

TRIES = 20
"""How often a ping that lost a race decides anew. Each round one of the racers wins, so this many can race at once."""

AGENT_LIMIT = 200
"""Characters of the user agent that are kept."""

KEY_SECONDS = 60
"""How long a ping key may still work after it was revoked."""

NOT_FOUND = (
    "not found: no check has this ping URL. Copy it once more from the check's page or from `lastseen checks list`; "
    "by slug it is /ping/<ping key>/<slug>, and ?create=1 makes a check that is not there yet."
)
AMBIGUOUS = "ambiguous slug: several checks of the project bear it. Ping by UUID, or give them slugs of their own."
BUSY = "busy: too many pings of this check at once. Nothing was recorded; send it again."


@dataclass(frozen=True, slots=True)
class Request:
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
class Answer:
    """What the client is told."""

    status: int
    text: str


class UnknownCheckError(Exception):
    """No check has this URL."""


class AmbiguousSlugError(Exception):
    """Several checks have this URL."""


class PingKeys:
    """Which project a ping key belongs to, remembered for a minute so that a steady ping does not read its key."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[str, datetime]] = {}

    def project(self, key: str, now: datetime) -> str:
        """Return the project of a ping key. Raises UnknownCheckError if the key is none."""
        known = self._known.get(key)
        if known and now < known[1]:
            return known[0]
        document = self._store.setting("key", hashlib.sha256(key.encode()).hexdigest())
        if document is None or document["scope"] != "ping":
            raise UnknownCheckError
        self._known[key] = (document["project"], now + timedelta(seconds=KEY_SECONDS))
        return str(document["project"])


def answer(
    request: Request,
    *,
    store: Store,
    wakes: Wakes,
    keys: PingKeys,
    body_limit: int,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Record a ping and return what the client is told.

    `body_limit`: bytes of the body that are kept; `pause`: how to wait, in seconds, before deciding anew.
    """
    try:
        target, signal = read_path(request.path)
        query = read_query(request.query)
        ping = _ping(request, signal, query, body_limit)
        check, created = _find(target, query, ping, store=store, keys=keys)
        _record(check, ping, store=store, wakes=wakes, pause=pause)
    except BadPingError as error:
        return Answer(400, str(error))
    except (NoSuchPathError, UnknownCheckError):
        return Answer(404, NOT_FOUND)
    except AmbiguousSlugError:
        return Answer(409, AMBIGUOUS)
    except ConflictError:
        return Answer(503, BUSY)
    return Answer(201, "Created") if created else Answer(200, "OK")


def _ping(request: Request, signal: Signal, query: Mapping[str, str], body_limit: int) -> Ping:
    return Ping(
        at=request.at,
        kind=signal.kind,
        rid=read_rid(query.get("rid")),
        exit_status=signal.exit_status,
        note=signal.note,
        body=request.body[:body_limit],
        method=request.method,
        scheme=request.scheme,
        address=request.address,
        agent=request.agent[:AGENT_LIMIT],
    )


def _find(target: Target, query: Mapping[str, str], ping: Ping, *, store: Store, keys: PingKeys) -> tuple[Check, bool]:
    """Return the check of a target, and whether this ping made it.

    Reads are eventual first, since that is cheaper, and strong before anything is said not to be there.
    """
    if target.uuid:
        check = store.get(target.uuid) or store.get(target.uuid, strong=True)
        if check is None:
            raise UnknownCheckError
        return check, False
    project = keys.project(target.ping_key, ping.at)
    for strong in (False, True):
        bearers = store.bearers(project, target.slug, strong=strong)
        if len(bearers) > 1:
            raise AmbiguousSlugError
        check = store.get(bearers[0], strong=strong) if bearers else None
        if check:
            return check, False
    if query.get("create") != "1":
        raise UnknownCheckError
    return _create(project, target.slug, query, ping.at, store=store)


def _create(project: str, slug: str, query: Mapping[str, str], now: datetime, *, store: Store) -> tuple[Check, bool]:
    """Make the check of a slug; of many first pings at once exactly one makes it, the others find it."""
    check = new_check(project, slug, query, now)
    try:
        store.create(check, sole=True)
    except ConflictError:
        bearers = store.bearers(project, slug, strong=True)
        found = store.get(bearers[0], strong=True) if len(bearers) == 1 else None
        if found is None:
            raise
        return found, False
    return check, True


def _record(check: Check, ping: Ping, *, store: Store, wakes: Wakes, pause: Callable[[float], None]) -> None:
    """Write what the ping does. Losing a race is a result: read again, decide again, in this one place.

    Raises ConflictError after `TRIES` lost races, UnknownCheckError if the check is deleted meanwhile.
    """
    for attempt in range(TRIES):
        blind = windows(store, ping.at) if is_late(check, ping.at) else ()
        outcome = pinged(check, ping, blind)
        try:
            n = store.save_ping(check, outcome)
        except ConflictError:
            pause(random.uniform(0, 0.01 * attempt))  # noqa: S311 - jitter, no secret
            again = store.get(check.id, strong=True)
            if again is None:
                raise UnknownCheckError from None
            check = again
        else:
            _follow_up(outcome, ping, n, store=store, wakes=wakes)
            return
    raise ConflictError(BUSY)


def _follow_up(outcome: Outcome, ping: Ping, n: int, *, store: Store, wakes: Wakes) -> None:
    """Do what may fail without losing the ping: it is recorded, and the next sweep tells what is untold."""
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
    try:
        kind = outcome.kind or ping.kind
        store.record(outcome.check.id, Recorded(n=n, kind=kind, ping=ping, duration=outcome.duration))
    except Exception:
        log.exception("Ping %d of check %s is counted, but missing from its history.", n, name)


# --- A check made by its first ping ---

TIMEOUT_LIMITS = (60, 31_536_000)
"""Seconds: the least and the most of a period and of a grace."""

NAME_LIMIT = 100
TAGS_LIMIT = 500


def new_check(project: str, slug: str, query: Mapping[str, str], now: datetime) -> Check:
    """Return the check that a first ping with `create=1` makes: a day's period, an hour's grace, or as the query says.

    Raises BadPingError naming the first setting that is wrong.
    """
    check = Check(id=str(uuid4()), project=project, name=query.get("name") or slug, slug=slug, created=now)
    for name, limit in (("name", NAME_LIMIT), ("tags", TAGS_LIMIT)):
        if len(query.get(name, "")) > limit:
            raise BadPingError(f"invalid {name}: at most {limit} characters")
    if "\0" in query.get("name", "") + query.get("tags", ""):
        raise BadPingError("invalid name or tags: they hold a zero byte")
    grace = _seconds(query, "grace", check.grace)
    check = replace(check, tags=" ".join(query.get("tags", "").split()), grace=grace)
    try:
        if "schedule" in query:
            return replace(check, schedule=parse(query["schedule"], query.get("tz") or "UTC", after=now))
        period = _seconds(query, "timeout", timedelta(days=1))
        return replace(check, schedule=validated(Period(period), after=now))
    except ScheduleError as error:
        raise BadPingError(f"invalid schedule: {error}") from error


def _seconds(query: Mapping[str, str], name: str, default: timedelta) -> timedelta:
    if name not in query:
        return default
    low, high = TIMEOUT_LIMITS
    value = query[name]
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(high)) and low <= int(value) <= high):
        raise BadPingError(f"invalid {name}: whole seconds, {low} to {high}")
    return timedelta(seconds=int(value))
