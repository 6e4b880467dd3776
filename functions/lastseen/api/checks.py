"""The resource "checks": what each request does, from a model to a document.

Lives here: authority over a check, the match of `unique`, the turning of a request into settings, and the one place
where a lost race is decided anew. Never here: HTTP (app.py), the rules of a check (check.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from lastseen.api.errors import BadRequestError, ForbiddenError, RefusedError, UnknownError
from lastseen.api.models import SLUG_LIMIT, CheckRequest
from lastseen.channel import ALL, kind
from lastseen.check import Check, NotPausedError, Outcome, configured, paused, resumed, unique_key
from lastseen.pingurl import as_uuid
from lastseen.schedule import Period, Schedule, ScheduleError, parse, validated
from lastseen.store import ConflictError, Store
from lastseen.wakes import Wake, Wakes

TRIES = 20
"""How often a change that lost a race is decided anew."""

UNIQUE_KEY_CHARS = 40

_SAME = ("name", "slug", "tags", "manual_resume", "methods")
_FILTERS = {
    "start_kw": "start",
    "success_kw": "success",
    "failure_kw": "failure",
    "filter_subject": "subject",
    "filter_body": "body",
    "filter_http_body": "http_body",
    "filter_default_fail": "default_fail",
}


@dataclass(frozen=True, slots=True)
class Described:
    """A check with its description."""

    check: Check
    about: str


class Checks:
    """The checks of one project, as its keys may see and change them."""

    def __init__(self, store: Store, wakes: Wakes, project: str, now: datetime) -> None:
        self._store = store
        self._wakes = wakes
        self._project = project
        self._now = now

    def all(self, *, slug: str | None = None, tags: Sequence[str] = ()) -> list[Described]:
        """Return the checks, by name: those of a slug, and those that bear every one of the tags, if asked."""
        found = [
            described
            for described in self._described()
            if (slug is None or described.check.slug == slug) and set(tags) <= set(described.check.tags.split())
        ]
        return sorted(found, key=lambda described: (described.check.name.lower(), described.check.id))

    def one(self, key: str, *, by_unique_key: bool = True) -> Described:
        """Return a check by its UUID, or by its public key.

        Raises UnknownError if there is none, ForbiddenError if it is another project's.
        """
        check_id = as_uuid(key)
        if not check_id and by_unique_key and len(key) == UNIQUE_KEY_CHARS:
            check_id = next((each for each in self._store.project(self._project) if unique_key(each) == key), "")
        check = self._store.get(check_id, strong=True) if check_id else None
        if check is None:
            raise UnknownError("not found")
        if check.project != self._project:
            raise ForbiddenError("not a check of this key's project")
        return Described(check, self._store.about(check))

    def create(self, request: CheckRequest, *, version: int) -> tuple[Described, bool]:
        """Make a check, or update the first that matches `unique`; return it, and whether it was made."""
        match = self._matching(request)
        if match:
            return self.update(match.check.id, request, version=version), False
        blank = Check(id=str(uuid4()), project=self._project, channels="", created=self._now)
        check = configured(blank, **self._settings(blank, request, version=version)).check
        self._store.create(replace(check, rev=0), about=request.desc)
        return Described(check, request.desc), True

    def update(self, key: str, request: CheckRequest, *, version: int) -> Described:
        """Change the settings that the request names. The status stays; the deadline follows."""
        about = request.desc if "desc" in request.model_fields_set else None
        described = self._change(
            key,
            lambda check: configured(check, **self._settings(check, request, version=version)),
            about=about,
        )
        return described if about is None else replace(described, about=about)

    def pause(self, key: str) -> Described:
        """Stop watching."""
        return self._change(key, lambda check: paused(check, self._now))

    def resume(self, key: str) -> Described:
        """Watch again. Raises RefusedError for a check that is not paused."""
        try:
            return self._change(key, lambda check: resumed(check, self._now))
        except NotPausedError as error:
            raise RefusedError(str(error)) from error

    def delete(self, key: str) -> Described:
        """Remove a check and return what it was."""
        for _ in range(TRIES):
            described = self.one(key, by_unique_key=False)
            try:
                self._store.delete(described.check)
            except ConflictError:
                continue
            return described
        raise ConflictError("Too many changes of this check at once. Nothing was changed; try again.")

    def _change(self, key: str, decide: Callable[[Check], Outcome], *, about: str | None = None) -> Described:
        """Read, decide, write; whoever lost a race reads and decides anew. Raises ConflictError after `TRIES`."""
        for _ in range(TRIES):
            described = self.one(key, by_unique_key=False)
            outcome = decide(described.check)
            try:
                self._store.save(described.check, outcome, about=about)
            except ConflictError:
                continue
            if outcome.check.announced < outcome.check.flips:
                self._wakes.send([Wake(outcome.check.id)])
            return Described(outcome.check, described.about)
        raise ConflictError("Too many changes of this check at once. Nothing was changed; try again.")

    def _described(self) -> Iterable[Described]:
        abouts = self._store.project(self._project)
        for check_id, check in self._store.get_many(list(abouts)).items():
            yield Described(check, abouts[check_id])

    def _matching(self, request: CheckRequest) -> Described | None:
        """Return the first check that agrees with the request in every field of `unique`.

        A field that the request does not set matches nothing.
        """
        if not request.unique or not set(request.unique) <= request.model_fields_set:
            return None
        wanted: dict[str, Any] = {name: getattr(request, name) for name in request.unique}
        return next((each for each in self.all() if _matches(each.check, wanted)), None)

    def _settings(self, check: Check, request: CheckRequest, *, version: int) -> dict[str, Any]:
        """Return the settings of a check that a request changes."""
        sent = request.model_fields_set
        same = {name: getattr(request, name) for name in _SAME if name in sent}
        settings: dict[str, Any] = same | self._timing(check, request)
        if version < 3 and "name" in sent and "slug" not in sent:  # noqa: PLR2004 - the API's version
            settings["slug"] = slug_of(request.name)
        if "channels" in sent:
            settings["channels"] = self._channels(request.channels)
        if "reminder" in sent:
            settings["reminder"] = timedelta(seconds=request.reminder) or None
        if "snoozed_until" in sent:
            settings["snoozed_until"] = request.snoozed_until.astimezone(UTC) if request.snoozed_until else None
        if "flap_limit" in sent:
            settings["flap_limit"] = request.flap_limit
        if worded := {_FILTERS[name]: getattr(request, name) for name in _FILTERS if name in sent}:
            settings["filters"] = replace(check.filters, **worded)
        return settings

    def _timing(self, check: Check, request: CheckRequest) -> dict[str, Any]:
        """Return grace and schedule, if the request speaks of them; a `schedule` wins over a `timeout`."""
        sent = request.model_fields_set
        timing: dict[str, Any] = {"grace": timedelta(seconds=request.grace)} if "grace" in sent else {}
        try:
            if request.schedule:
                tz = request.tz if "tz" in sent else _zone(check.schedule)
                timing["schedule"] = parse(request.schedule, tz, after=self._now)
            elif "timeout" in sent:
                timing["schedule"] = Period(timedelta(seconds=request.timeout))
            elif "tz" in sent and not isinstance(check.schedule, Period):
                timing["schedule"] = validated(replace(check.schedule, tz=request.tz), after=self._now)
        except ScheduleError as error:
            raise BadRequestError(f"schedule: {error}") from error
        return timing

    def _channels(self, asked: str) -> str:
        """Return the ids of the channels that are asked for, by id or by a name that only one of them has."""
        if asked in {"", ALL}:
            return asked
        documents = self._store.settings(kind(self._project))
        known = {channel_id: document["name"] for channel_id, document in documents.items()}
        return ",".join(_channel(word.strip(), known) for word in asked.split(","))


def slug_of(name: str) -> str:
    """Return the slug that versions 1 and 2 derive from a name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain)).strip("-_")[:SLUG_LIMIT]


def _matches(check: Check, wanted: Mapping[str, Any]) -> bool:
    period = check.schedule.period if isinstance(check.schedule, Period) else timedelta(0)
    held = {
        "name": check.name,
        "slug": check.slug,
        "tags": check.tags,
        "timeout": int(period.total_seconds()),
        "grace": int(check.grace.total_seconds()),
    }
    return all(held[field] == value for field, value in wanted.items())


def _zone(schedule: Schedule) -> str:
    return "UTC" if isinstance(schedule, Period) else schedule.tz


def _channel(word: str, known: Mapping[str, str]) -> str:
    if word in known:
        return word
    named = [channel_id for channel_id, name in known.items() if name == word and word]
    if len(named) != 1:
        trouble = "several channels bear the name" if named else "no channel has the id or name"
        raise BadRequestError(f"channels: {trouble} {word!r}")
    return named[0]
