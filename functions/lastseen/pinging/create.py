"""A check that its first ping creates: `?create=1`, with settings in the query.

Lives here: reading those settings, creating the check where many first pings come at once, and the answer to that.
Never here: the limits of settings (core/limits.py), what a URL may look like (url.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from lastseen.core.check import Check
from lastseen.core.limits import EARLY_SECONDS, NAME_CHARS, REFUSED_TEXT, SECONDS, TAGS_CHARS
from lastseen.core.schedule import Period, Schedule, ScheduleError, SkippedHour
from lastseen.core.zones import ZoneError, canonical_zone
from lastseen.pinging.keys import TooManyChecksError, check_of_slug
from lastseen.pinging.url import BadPingError
from lastseen.storage.decide import DECIDE_TRIES, Pause, attempts
from lastseen.storage.errors import ConflictError, DeletedError
from lastseen.storage.fresh import new_id
from lastseen.storage.projects import default_channels, is_gone
from lastseen.storage.store import Store

D = TypeVar("D", timedelta, None)

PERIOD = timedelta(days=1)
GRACE = timedelta(hours=1)
"""Of a check whose first ping says nothing about them."""


def new_check(store: Store, project: str, slug: str, query: Mapping[str, str], now: datetime) -> Check:
    """Return the check that a first ping creates; it is not written yet.

    Raises BadPingError naming the first setting that is wrong, DeletedError where the project is gone: a ping key is
    remembered for a while, and must not bring checks into a project that nobody sees any more.
    """
    if is_gone(store, project):
        raise DeletedError(f"There is no project {project} any more.")
    return replace(_from_query(project, slug, query, now), channels=default_channels(store, project))


def create_check(check: Check, *, store: Store, pause: Pause, per_day: int) -> tuple[Check, bool]:
    """Create the check of a slug, and return it and True; if another first ping was faster, its check and False.

    The faster one's check may not be there yet when the race is lost, so look and try again.
    `per_day`: checks of one project that first pings may create in a day.
    Raises ConflictError, TooManyChecksError.
    """
    assert check.slug
    assert check.created
    if per_day == 0 or not store.count_created(check.project, day=f"{check.created:%Y-%m-%d}", limit=per_day):
        raise TooManyChecksError(per_day)
    for _ in attempts(DECIDE_TRIES, pause=pause):
        try:
            store.create(check, sole=True)
        except ConflictError:
            stored_check = check_of_slug(store, check.project, check.slug, strong=True)
            if stored_check:
                return stored_check, False
        else:
            return check, True
    raise ConflictError(f"{DECIDE_TRIES} races lost in a row.")


def created_text(check: Check, query: Mapping[str, str], now: datetime) -> str:
    """Return the answer to the ping that created a check: how its schedule was understood, if it was read otherwise."""
    from lastseen.page.phrases import taken  # noqa: PLC0415 - once in a check's life, and not at each cold start

    note = taken(query["schedule"], check.schedule, now) if "schedule" in query else ""
    return f"Created\n{note}" if note else "Created"


def _from_query(project: str, slug: str, query: Mapping[str, str], now: datetime) -> Check:
    check = Check(
        id=new_id(),
        project=project,
        name=_line(query, "name", NAME_CHARS) or slug,
        slug=slug,
        tags=" ".join(_line(query, "tags", TAGS_CHARS).split()),
        grace=_span(query, "grace", GRACE),
        early=_span(query, "early", None, EARLY_SECONDS),
        created=now,
    )
    try:
        tz = canonical_zone(query.get("tz") or "UTC")
    except ZoneError as error:
        raise BadPingError(f"invalid tz: {error}") from error
    period = Period(_span(query, "timeout", PERIOD), tz)
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


def _span(query: Mapping[str, str], name: str, default: D, allowed: range = SECONDS) -> timedelta | D:
    if name not in query:
        return default
    low, high = allowed[0], allowed[-1]
    value = query[name]
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(high)) and int(value) in allowed):
        raise BadPingError(f"invalid {name}: whole seconds, {low} to {high}")
    return timedelta(seconds=int(value))
