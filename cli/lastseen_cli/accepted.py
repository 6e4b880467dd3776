"""What a restore accepts: documents as the API itself could have written them. Pure.

The tables are read by every request, every ping and every sweep. A value that the API would have refused (an id that
is no UUID, a time in the year 10000, a name that is a number) would stop them later, so it is refused here, by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from lastseen.core.channel import ALL_CHANNELS, Via
from lastseen.core.check import Check
from lastseen.core.limits import (
    CHANNELS_CHARS,
    CONTROL_CHARS,
    DESCRIPTION_CHARS,
    FLIPS_PER_HOUR,
    KEYWORDS_CHARS,
    NAME_CHARS,
    PROJECT_CHARS,
    SECONDS,
    SLUG_CHARS,
    SLUG_PATTERN,
    TAGS_CHARS,
)
from lastseen.core.schedule import Period, ScheduleError, next_due

TIMES = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
SPANS = (timedelta(seconds=SECONDS[0]), timedelta(seconds=SECONDS[-1]))
COUNT_LIMIT = 10**12
TARGET_CHARS = 2_000
PORTS = range(65_536)

_LINE = re.compile(rf"[^{CONTROL_CHARS}\ud800-\udfff]*")
_SLUG = re.compile(rf"{SLUG_PATTERN}{{0,{SLUG_CHARS}}}", re.ASCII)
_PROJECT = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{PROJECT_CHARS - 1}}}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9._~-]{1,100}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ADDRESS = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f.]{2,}")
_NUMBER = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_SERVICE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", re.ASCII)
_METHODS = frozenset({"POST", "PUT", "PATCH", "GET", "DELETE"})


def project(name: object) -> None:
    """Refuse a project's name that cannot be. Raises ValueError."""
    _need(isinstance(name, str) and bool(_PROJECT.fullmatch(name)), "a project has a name of a-z, 0-9 and hyphens")


def check(stored: Check, about: object) -> None:
    """Refuse a check that the API could not have made. Raises ValueError."""
    where = f"the check {stored.id}"
    _need(_is_uuid(stored.id), f"{where}: its id is not a UUID in lower case")
    texts = {
        "name": (stored.name, NAME_CHARS),
        "tags": (stored.tags, TAGS_CHARS),
        "desc": (about, DESCRIPTION_CHARS),
        "channels": (stored.channels, CHANNELS_CHARS),
        "start_kw": (stored.filters.start, KEYWORDS_CHARS),
        "success_kw": (stored.filters.success, KEYWORDS_CHARS),
        "failure_kw": (stored.filters.failure, KEYWORDS_CHARS),
    }
    for name, (text, limit) in texts.items():
        _text(text, f"{where}: {name}", limit)
    _need(isinstance(stored.slug, str) and bool(_SLUG.fullmatch(stored.slug)), f"{where}: its slug is not one")
    _need(stored.methods in {"", "POST"}, f"{where}: methods are POST or all")
    _need(
        stored.channels in {"", ALL_CHANNELS} or all(map(_ID.fullmatch, stored.channels.split(","))),
        f"{where}: its channels",
    )
    flags = (stored.manual_resume, stored.flapping, *_flags(stored))
    _need(all(isinstance(flag, bool) for flag in flags), f"{where}: a switch is not true or false")
    _need(stored.flap_limit in range(FLIPS_PER_HOUR + 1), f"{where}: flap_limit is 0 to 100")
    _spans(stored, where)
    _times(stored, where)
    _counts(stored, where)
    _schedule(stored, where)


def channel(channel_id: str, document: Mapping[str, Any]) -> None:
    """Refuse a channel that the API could not have made. Raises ValueError."""
    where = f"the channel {channel_id}"
    _need(bool(_ID.fullmatch(channel_id)), f"{where}: its id")
    name, target = document.get("name"), document.get("target")
    _text(name, f"{where}: its name", NAME_CHARS)
    _need(bool(str(name).strip()) and "," not in str(name) and name != ALL_CHANNELS, f"{where}: its name")
    _text(target, f"{where}: its target", TARGET_CHARS)
    via = Via(document["via"])
    if via is Via.EMAIL:
        _need(bool(_ADDRESS.fullmatch(str(target))), f"{where}: its target is not an e-mail address")
    elif via is Via.SMS:
        _need(bool(_NUMBER.fullmatch(str(target))), f"{where}: its target is not a number like +491701234567")
    elif via is Via.WEBHOOK:
        _url(str(target), where)
    else:
        _need(bool(_SERVICE.match(str(target))), f"{where}: its target is not a URL")
    _texts(document.get("tags", []), f"{where}: its tags")
    _texts(document.get("statuses", []), f"{where}: its statuses")
    _need(set(document.get("statuses", [])) <= {"down", "up"}, f"{where}: its statuses are down and up")
    _need(isinstance(document.get("default", True), bool), f"{where}: default is true or false")
    for text in ("subscription", "disabled"):
        _text(document.get(text, ""), f"{where}: {text}", TARGET_CHARS)
    _milliseconds(document.get("created"), f"{where}: when it was made")
    if document.get("webhook") is not None:
        _webhook(document["webhook"], where)


def key(key_hash: str, document: Mapping[str, Any]) -> None:
    """Refuse a key that the API could not have made. Raises ValueError."""
    where = f"the key {key_hash[:12]}"
    _need(bool(_HASH.fullmatch(key_hash)), f"{where}: it is not a SHA-256")
    _text(document.get("name", ""), f"{where}: its name", NAME_CHARS)
    _text(document.get("hint", ""), f"{where}: how it begins", NAME_CHARS)
    for name in ("created", "last_used"):
        _milliseconds(document.get(name), f"{where}: {name}")


def choices(document: Mapping[str, Any]) -> None:
    """Refuse a project's choices that the API could not have made. Raises ValueError."""
    _text(document.get("channels", ALL_CHANNELS), "the project's channels", CHANNELS_CHARS)
    _milliseconds(document.get("created"), "when the project was made")


def _webhook(document: object, where: str) -> None:
    if not isinstance(document, dict):
        raise TypeError(f"{where}: its webhook is not an object")
    _need(document.get("method", "POST") in _METHODS, f"{where}: its method")
    headers = document.get("headers", {})
    _need(isinstance(headers, dict), f"{where}: its headers")
    _texts([*headers, *headers.values()], f"{where}: its headers")
    for text in ("body", "secret"):
        _need(isinstance(document.get(text, ""), str), f"{where}: its {text} is not text")


def _url(target: str, where: str) -> None:
    try:
        parts = urlsplit(target)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"{where}: its target is not a URL") from error
    _need(parts.scheme in {"http", "https"} and bool(host), f"{where}: its target is not a URL")
    _need(port is None or port in PORTS, f"{where}: its target's port")
    _need("[" not in parts.netloc or ":" in host, f"{where}: only an IPv6 address can be in brackets in a URL")


def _flags(stored: Check) -> Iterable[object]:
    filters = stored.filters
    return filters.http_body, filters.subject, filters.body, filters.default_fail


def _spans(stored: Check, where: str) -> None:
    for name, span in (("grace", stored.grace), ("reminder", stored.reminder)):
        _need(span is None or SPANS[0] <= span <= SPANS[1], f"{where}: {name} is a minute to a year")
    early = stored.early
    _need(early is None or timedelta(0) <= early <= timedelta(days=1), f"{where}: early is nothing to a day")
    duration = stored.last_duration
    _need(duration is None or timedelta(0) <= duration <= TIMES[1] - TIMES[0], f"{where}: how long its last run took")


def _times(stored: Check, where: str) -> None:
    names = ("created", "since", "reminded", "snoozed_until", "recovered", "last_ping", "wake_at")
    changes = ("schedule_changed", "grace_changed")
    named = [(name, getattr(stored, name)) for name in (*names, *changes)] + [("recent", at) for at in stored.recent]
    named += [("runs", run.started) for run in stored.runs] + [("ended", end.at) for end in stored.ended]
    for name, at in named:
        _need(at is None or TIMES[0] <= at < TIMES[1], f"{where}: {name} is not between the years 1970 and 2200")


def _counts(stored: Check, where: str) -> None:
    for name in ("n_pings", "rev", "flips", "announced"):
        _need(0 <= getattr(stored, name) < COUNT_LIMIT, f"{where}: {name} is not a count")
    _need(stored.announced <= stored.flips, f"{where}: more changes were announced than there are")
    _need(stored.incident is None or 0 < stored.incident <= stored.flips, f"{where}: its incident")


def _schedule(stored: Check, where: str) -> None:
    if isinstance(stored.schedule, Period):
        _need(SPANS[0] <= stored.schedule.period <= SPANS[1], f"{where}: its period is a minute to a year")
        return
    try:
        next_due(stored.schedule, stored.created or TIMES[0])
    except ScheduleError as error:
        raise ValueError(f"{where}: schedule: {error}") from error


def _is_uuid(text: object) -> bool:
    try:
        return isinstance(text, str) and str(UUID(text)) == text
    except ValueError:
        return False


def _milliseconds(value: object, where: str) -> None:
    first, last = (int(at.timestamp() * 1000) for at in TIMES)
    fits = isinstance(value, int) and not isinstance(value, bool) and first <= value < last
    _need(value is None or fits, f"{where} is not a time between the years 1970 and 2200")


def _texts(values: object, where: str) -> None:
    if not isinstance(values, list):
        raise TypeError(f"{where} are not a list")
    for value in values:
        _text(value, where, TARGET_CHARS)


def _text(value: object, where: str, limit: int) -> None:
    _need(isinstance(value, str) and bool(_LINE.fullmatch(value)), f"{where} is not text without control characters")
    _need(len(str(value)) <= limit, f"{where} has more than {limit} characters")


def _need(fits: bool, otherwise: str) -> None:  # noqa: FBT001 - a condition and what is wrong if it does not hold
    if not fits:
        raise ValueError(otherwise)
