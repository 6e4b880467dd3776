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

from lastseen.core.channel import ALL, Via
from lastseen.core.check import Check
from lastseen.core.schedule import Period, ScheduleError, next_due

TIMES = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
SPANS = (timedelta(seconds=60), timedelta(days=365))
COUNT_LIMIT = 10**12
NAME_CHARS = 100
TAGS_CHARS = 500
ABOUT_CHARS = 4_000
KEYWORDS_CHARS = 200
CHANNELS_CHARS = 2_000
TARGET_CHARS = 2_000
FLAP_LIMITS = range(101)
PORTS = range(65_536)

_LINE = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]*")
_SLUG = re.compile(r"[a-z0-9_-]{0,100}", re.ASCII)
_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,59}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9._~-]{1,100}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ADDRESS = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f.]{2,}")
_NUMBER = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_METHODS = frozenset({"POST", "PUT", "PATCH", "GET", "DELETE"})


def project(name: object) -> None:
    """Refuse a project's name that cannot be. Raises ValueError."""
    _need(isinstance(name, str) and bool(_PROJECT.fullmatch(name)), "a project has a name of a-z, 0-9 and hyphens")


def check(held: Check, about: object) -> None:
    """Refuse a check that the API could not have made. Raises ValueError."""
    where = f"the check {held.id}"
    _need(_is_uuid(held.id), f"{where}: its id is not a UUID in lower case")
    texts = {
        "name": (held.name, NAME_CHARS),
        "tags": (held.tags, TAGS_CHARS),
        "desc": (about, ABOUT_CHARS),
        "channels": (held.channels, CHANNELS_CHARS),
        "start_kw": (held.filters.start, KEYWORDS_CHARS),
        "success_kw": (held.filters.success, KEYWORDS_CHARS),
        "failure_kw": (held.filters.failure, KEYWORDS_CHARS),
    }
    for name, (text, limit) in texts.items():
        _text(text, f"{where}: {name}", limit)
    _need(isinstance(held.slug, str) and bool(_SLUG.fullmatch(held.slug)), f"{where}: its slug is not one")
    _need(held.methods in {"", "POST"}, f"{where}: methods are POST or all")
    _need(held.channels in {"", ALL} or all(map(_ID.fullmatch, held.channels.split(","))), f"{where}: its channels")
    flags = (held.manual_resume, held.flapping, *_flags(held))
    _need(all(isinstance(flag, bool) for flag in flags), f"{where}: a switch is not true or false")
    _need(held.flap_limit in FLAP_LIMITS, f"{where}: flap_limit is 0 to 100")
    _spans(held, where)
    _times(held, where)
    _counts(held, where)
    _schedule(held, where)


def channel(channel_id: str, document: Mapping[str, Any]) -> None:
    """Refuse a channel that the API could not have made. Raises ValueError."""
    where = f"the channel {channel_id}"
    _need(bool(_ID.fullmatch(channel_id)), f"{where}: its id")
    name, target = document.get("name"), document.get("target")
    _text(name, f"{where}: its name", NAME_CHARS)
    _need(bool(str(name).strip()) and "," not in str(name) and name != ALL, f"{where}: its name")
    _text(target, f"{where}: its target", TARGET_CHARS)
    via = Via(document["via"])
    if via is Via.EMAIL:
        _need(bool(_ADDRESS.fullmatch(str(target))), f"{where}: its target is not an e-mail address")
    elif via is Via.SMS:
        _need(bool(_NUMBER.fullmatch(str(target))), f"{where}: its target is not a number like +491701234567")
    else:
        _url(str(target), where, schemes=("http", "https") if via is Via.WEBHOOK else ())
    _texts(document.get("tags", []), f"{where}: its tags")
    _texts(document.get("statuses", []), f"{where}: its statuses")
    _need(set(document.get("statuses", [])) <= {"down", "up"}, f"{where}: its statuses are down and up")
    for flag in ("default",):
        _need(isinstance(document.get(flag, True), bool), f"{where}: {flag} is true or false")
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
    _text(document.get("channels", ALL), "the project's channels", CHANNELS_CHARS)
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


def _url(target: str, where: str, *, schemes: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(target)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{where}: its target is not a URL") from error
    is_right = parts.scheme in schemes and bool(parts.hostname) if schemes else bool(parts.scheme)
    _need(is_right, f"{where}: its target is not a URL")
    _need(port is None or port in PORTS, f"{where}: its target's port")
    bracketed = "[" in parts.netloc
    _need(not bracketed or ":" in (parts.hostname or ""), f"{where}: only IPv6 stands in brackets in a URL")


def _flags(held: Check) -> Iterable[object]:
    filters = held.filters
    return filters.http_body, filters.subject, filters.body, filters.default_fail


def _spans(held: Check, where: str) -> None:
    for name, span in (("grace", held.grace), ("reminder", held.reminder)):
        _need(span is None or SPANS[0] <= span <= SPANS[1], f"{where}: {name} is a minute to a year")
    duration = held.last_duration
    _need(duration is None or timedelta(0) <= duration <= TIMES[1] - TIMES[0], f"{where}: how long its last run took")


def _times(held: Check, where: str) -> None:
    names = ("created", "since", "reminded", "snoozed_until", "last_ping", "last_start", "wake_at")
    named = [(name, getattr(held, name)) for name in names] + [("recent", at) for at in held.recent]
    for name, at in named:
        _need(at is None or TIMES[0] <= at < TIMES[1], f"{where}: {name} is not between the years 1970 and 2200")


def _counts(held: Check, where: str) -> None:
    for name in ("n_pings", "rev", "flips", "announced"):
        _need(0 <= getattr(held, name) < COUNT_LIMIT, f"{where}: {name} is not a count")
    _need(held.announced <= held.flips, f"{where}: more changes were announced than there are")
    _need(held.incident is None or 0 < held.incident <= held.flips, f"{where}: its incident")


def _schedule(held: Check, where: str) -> None:
    if isinstance(held.schedule, Period):
        _need(SPANS[0] <= held.schedule.period <= SPANS[1], f"{where}: its period is a minute to a year")
        return
    try:
        next_due(held.schedule, held.created or TIMES[0])
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
