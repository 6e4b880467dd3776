"""A ping, from request to answer: read the check, decide, write what the decision saw, keep it in the history.

Lives here: the way of a ping through the store, the making of a check by its first ping, and the words of each answer.
Never here: what a ping does to a check (core/machine.py), what a URL says (url.py), AWS, Pydantic, Powertools: a ping
is where a cold start costs, so this module and all that it imports stay light.

Warm and steady, a ping costs one read, one conditional write and one put, nothing else.
200 means: it is recorded. Any other answer means: nothing is, and the same ping can be sent again without harm.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from lastseen.aws.wakes import Wake, Wakes
from lastseen.core.check import Check, Outcome, Ping, unique_key
from lastseen.core.history import Recorded
from lastseen.core.keys import KIND, Scope, hashed
from lastseen.core.limits import NAME_CHARS, REFUSED_TEXT, SECONDS, TAGS_CHARS
from lastseen.core.machine import pinged
from lastseen.core.moments import is_late
from lastseen.core.schedule import Period, Schedule, ScheduleError, SkippedHour
from lastseen.core.zones import ZoneError, canonical_zone
from lastseen.health.canary import windows
from lastseen.pinging.url import BadPingError, NoSuchPathError, Signal, Target, read_path, read_query, read_rid
from lastseen.storage.errors import ConflictError
from lastseen.storage.projects import default_channels
from lastseen.storage.store import Store

log = logging.getLogger(__name__)

TRIES = 20
FIRST_WAIT = 0.01
LONGEST_WAIT = 0.5
"""How often a ping that lost a race decides anew, and seconds that it waits at most before, doubled from try to try.

Some 300 pings that all change one check's status or run at once come through (simulated with 4 to 8 ms a call), in a
few seconds; steady ones do not race at all.
"""

AGENT_LIMIT = 200
WORD_LIMIT = 50
"""Characters that are kept of the user agent, and of method, scheme and address."""

KEY_SECONDS = 60
"""How long a ping key may still work after it was revoked, and a slug after a second check bears it."""

SLUGS_KNOWN = 10_000
"""Slugs that are remembered at once, some 3 MB; then all are forgotten."""

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
    """Where a ping by slug goes, remembered for a minute so that a steady one reads neither its key nor its slug."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._projects: dict[str, tuple[str, datetime]] = {}
        self._bearers: dict[tuple[str, str], tuple[str, datetime]] = {}

    def project(self, key: str, now: datetime) -> str:
        """Return the project of a ping key. Raises UnknownCheckError if the key is none."""
        known = self._projects.get(key)
        if known and now < known[1]:
            return known[0]
        document = self._store.setting(KIND, hashed(key))
        if document is None or document["scope"] != Scope.PING:
            self._projects.pop(key, None)
            raise UnknownCheckError
        self._projects[key] = (document["project"], now + timedelta(seconds=KEY_SECONDS))
        return str(document["project"])

    def check(self, project: str, slug: str, now: datetime) -> Check | None:
        """Return the check that bears a slug, or None. Raises AmbiguousSlugError.

        Who bore it a moment ago is asked first: the check itself says whether it still does.
        """
        check_id, until = self._bearers.get((project, slug), ("", now))
        check = self._store.get(check_id) if now < until else None
        if check and (check.project, check.slug) == (project, slug):
            return check
        check = _of_slug(project, slug, self._store) or _of_slug(project, slug, self._store, strong=True)
        if len(self._bearers) >= SLUGS_KNOWN:
            self._bearers.clear()
        if check:
            self._bearers[project, slug] = (check.id, now + timedelta(seconds=KEY_SECONDS))
        return check


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
        check, new = _find(target, query, request.at, store=store, keys=keys)
        ping = _ping(request, signal, query)
        if new:
            check, new = _create(check, store=store, pause=pause)
        _record(check, ping, store=store, wakes=wakes, body_limit=body_limit, pause=pause)
    except BadPingError as error:
        return Answer(400, str(error))
    except NoSuchPathError as error:
        return Answer(404, str(error))
    except UnknownCheckError:
        return Answer(404, NOT_FOUND)
    except AmbiguousSlugError:
        return Answer(409, AMBIGUOUS)
    except ConflictError:
        return Answer(503, BUSY)
    return Answer(201, _created(check, query, request.at)) if new else Answer(200, "OK")


def _created(check: Check, query: Mapping[str, str], now: datetime) -> str:
    from lastseen.page.phrases import taken  # noqa: PLC0415 - once in a check's life, and not at each cold start

    note = taken(query["schedule"], check.schedule, now) if "schedule" in query else ""
    return f"Created\n{note}" if note else "Created"


def _ping(request: Request, signal: Signal, query: Mapping[str, str]) -> Ping:
    return Ping(
        at=request.at,
        kind=signal.kind,
        rid=read_rid(query.get("rid")),
        exit_status=signal.exit_status,
        note=signal.note,
        body=request.body,
        method=request.method[:WORD_LIMIT],
        scheme=request.scheme[:WORD_LIMIT],
        address=request.address[:WORD_LIMIT],
        agent=request.agent[:AGENT_LIMIT],
    )


def _find(
    target: Target, query: Mapping[str, str], now: datetime, *, store: Store, keys: PingKeys
) -> tuple[Check, bool]:
    """Return the check of a target, and whether it has still to be made.

    Reads are eventual first, since that is cheaper, and strong before anything is said not to be there.
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
    wanted = new_check(project, target.slug, query, now)
    return replace(wanted, channels=default_channels(store, project)), True


def _of_slug(project: str, slug: str, store: Store, *, strong: bool = False) -> Check | None:
    bearers = store.ids_of_slug(project, slug, strong=strong)
    if strong and len(bearers) > 1:
        raise AmbiguousSlugError
    return store.get(bearers[0], strong=strong) if len(bearers) == 1 else None


def _create(wanted: Check, *, store: Store, pause: Callable[[float], None]) -> tuple[Check, bool]:
    """Make the check of a slug; of many first pings at once exactly one makes it, the others find it.

    Losing the race can come before the winner's check is there to be read: then look again, a bounded number of times.
    """
    for attempt in range(TRIES):
        try:
            store.create(wanted, sole=True)
        except ConflictError:
            found = _of_slug(wanted.project, wanted.slug, store, strong=True)
            if found:
                return found, False
            _wait(attempt, pause)
        else:
            return wanted, True
    raise ConflictError(BUSY)


def _record(
    check: Check, ping: Ping, *, store: Store, wakes: Wakes, body_limit: int, pause: Callable[[float], None]
) -> None:
    """Write what the ping does. Losing a race is a result: read again, decide again, in this one place.

    The whole body decides, for a keyword may stand at its end; no more than its limit is kept.
    Raises ConflictError after `TRIES` lost races, UnknownCheckError if the check is deleted meanwhile.
    """
    for attempt in range(TRIES):
        blind = windows(store, ping.at) if is_late(check, ping.at) else ()
        outcome = _cut(pinged(check, ping, blind), body_limit)
        try:
            n = store.save_ping(check, outcome)
        except ConflictError:
            _wait(attempt, pause)
            again = store.get(check.id, strong=True)
            if again is None:
                raise UnknownCheckError from None
            check = again
        else:
            _follow_up(outcome, replace(ping, body=ping.body[:body_limit]), n, store=store, wakes=wakes)
            return
    raise ConflictError(BUSY)


def _cut(outcome: Outcome, body_limit: int) -> Outcome:
    """Let flips keep the end of a body only as far as the deployment keeps bodies."""
    flips = tuple(replace(flip, body=flip.body[max(len(flip.body) - body_limit, 0) :]) for flip in outcome.flips)
    return replace(outcome, flips=flips)


def _wait(attempt: int, pause: Callable[[float], None]) -> None:
    pause(random.uniform(0, min(FIRST_WAIT * 2**attempt, LONGEST_WAIT)))  # noqa: S311 - jitter, no secret


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


def new_check(project: str, slug: str, query: Mapping[str, str], now: datetime) -> Check:
    """Return the check that a first ping with `create=1` makes: a day's period, an hour's grace, or as the query says.

    Raises BadPingError naming the first setting that is wrong.
    """
    check = Check(
        id=str(uuid4()),
        project=project,
        name=_line(query, "name", NAME_CHARS) or slug,
        slug=slug,
        tags=" ".join(_line(query, "tags", TAGS_CHARS).split()),
        grace=_seconds(query, "grace", timedelta(hours=1)),
        created=now,
    )
    try:
        tz = canonical_zone(query.get("tz") or "UTC")
    except ZoneError as error:
        raise BadPingError(f"invalid tz: {error}") from error
    period = Period(_seconds(query, "timeout", timedelta(days=1)), tz)
    try:
        return replace(check, schedule=_schedule(query, tz, now) if "schedule" in query else period)
    except ScheduleError as error:
        raise BadPingError(f"invalid schedule: {error}") from error


def _schedule(query: Mapping[str, str], tz: str, now: datetime) -> Schedule:
    from lastseen.core.dialects import understood  # noqa: PLC0415 - once in a check's life, and not at each cold start

    rules: dict[str, SkippedHour | None] = {"": None, "run": "run", "skip": "skip"}
    asked = query.get("skipped_hour", "")
    if asked not in rules:
        raise BadPingError("invalid skipped_hour: run or skip")
    return understood(query["schedule"], tz, after=now, skipped_hour=rules[asked])


def _line(query: Mapping[str, str], name: str, limit: int) -> str:
    value = query.get(name, "").strip()
    if len(value) > limit:
        raise BadPingError(f"invalid {name}: at most {limit} characters, this one has {len(value)}")
    if REFUSED_TEXT.search(value):
        raise BadPingError(f"invalid {name}: no control characters, and no noncharacters")
    return value


def _seconds(query: Mapping[str, str], name: str, default: timedelta) -> timedelta:
    if name not in query:
        return default
    low, high = SECONDS[0], SECONDS[-1]
    value = query[name]
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(high)) and int(value) in SECONDS):
        raise BadPingError(f"invalid {name}: whole seconds, {low} to {high}")
    return timedelta(seconds=int(value))
