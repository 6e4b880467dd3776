"""The resource "checks": what each request does, from a model to a document.

Lives here: authority over a check, the match of `unique`, and what a request says as settings of a check.
Never here: HTTP (app.py), the rules of a check (core/machine.py), how long a lost race waits (storage/decide.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import Any

from lastseen.api.calls import Call
from lastseen.api.errors import BadRequestError, ForbiddenError, RefusedError, UnknownError
from lastseen.api.locks import exclusively
from lastseen.api.models import CheckRequest
from lastseen.aws.wakes import Wake
from lastseen.core.blind import Window
from lastseen.core.channel import ALL_CHANNELS
from lastseen.core.check import Check, Filters, Outcome, Reason, unique_key
from lastseen.core.dialects import understood
from lastseen.core.ids import as_uuid, is_random
from lastseen.core.limits import SLUG_CHARS
from lastseen.core.machine import NotPausedError, configured, paused, resumed
from lastseen.core.moments import is_late
from lastseen.core.schedule import Cron, Period, Schedule, ScheduleError, validated
from lastseen.core.zones import ZoneError, canonical_zone
from lastseen.health.canary import blind_windows
from lastseen.storage.checks import FIRST_PLACE, Place
from lastseen.storage.decide import DECIDE_TRIES, attempts
from lastseen.storage.documents import CHANNELS
from lastseen.storage.errors import BusyError, ConflictError
from lastseen.storage.fresh import new_id
from lastseen.storage.projects import default_channels
from lastseen.storage.store import Store

_UNIQUE_KEY = re.compile(r"[0-9a-f]{40}", re.ASCII)
_FULL = "a project has at most {limit:,} checks: delete some, or make another project for the rest"
_UNANNOUNCED = (
    "People are still to be notified that its incident is over. The check is paused; delete it again in a minute."
)
_RACED = "Too many changes of this check at once. Nothing was changed; try again."

DELETE_TRIES = 60
DELETE_FIRST_WAIT_SECONDS = 0.05
"""How often it is looked whether people were notified, in a quarter of a minute or so, before a check is deleted."""

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


@dataclass(frozen=True, slots=True)
class Listed:
    """Checks of a project."""

    checks: Sequence[Described]
    unreadable: Sequence[str] = ()  # unique keys of those that cannot be read: they are there, and somebody must look
    cursor: str = ""  # where the next page begins


class Checks:
    """The checks of one project, as its keys may see and change them."""

    def __init__(self, call: Call) -> None:
        self._remembered = call.remembered
        self._store = call.deployment.store
        self._wakes = call.deployment.wakes
        self._pause = call.deployment.pause
        self._limit = call.deployment.checks_per_project
        self._project = call.project
        self._now = call.now

    def all(self, *, slug: str | None = None, tags: Sequence[str] = ()) -> Listed:
        """Return the checks, by name: those of a slug, and those that have every one of the tags, if asked."""
        listed = self._listed(self._store.project(self._project, slug=slug or ""), slug=slug, tags=tags)
        return replace(listed, checks=sorted(listed.checks, key=_by_name))

    def page(self, *, cursor: str, limit: int, slug: str | None = None, tags: Sequence[str] = ()) -> Listed:
        """Return some of the checks, in an order of their own, and where they go on.

        Only these are read, so that a page costs the same however many there are. With `tags`, a page may have few.
        Raises BadRequestError for a cursor that we did not give.
        """
        abouts, last = self._store.project_page(self._project, after=self._place(cursor), limit=limit)
        return replace(self._listed(abouts, slug=slug, tags=tags), cursor=self._cursor(last) if last else "")

    def one(self, key: str, *, by_unique_key: bool = True) -> Described:
        """Return a check by its UUID, or by its public key.

        Raises UnknownError if there is none, ForbiddenError if it is another project's.
        """
        named = as_uuid(key)
        check_id = named or (self._of_unique_key(key) if by_unique_key else "")
        check = self._store.get(check_id, strong=True) if check_id else None
        if check is None or (not named and check.project != self._project):
            raise UnknownError("not found")
        if check.project != self._project:
            raise ForbiddenError("not a check of this key's project")
        return Described(check, self._store.about(check))

    def create(self, request: CheckRequest, *, version: int, dry: bool = False) -> tuple[Described, bool]:
        """Make a check, or update the first that matches `unique`; return it, and whether it was made.

        `dry`: write nothing, return what would be.
        """
        if dry or not request.unique or "slug" in request.unique:  # a slug has a lock of its own: its item in `names`
            return self._create(request, version=version, dry=dry)
        with exclusively(self._store, f"unique:{self._project}", now=self._now, pause=self._pause):
            return self._create(request, version=version, dry=dry)

    def _create(self, request: CheckRequest, *, version: int, dry: bool) -> tuple[Described, bool]:
        asked_id = _asked_id(request)
        for _ in attempts(DECIDE_TRIES, pause=self._pause):
            match, sole = self._matching(request, asked_id)
            if asked_id and not (match and match.check.id == asked_id):
                self._refuse_taken(asked_id, is_other_matched=match is not None)
            if match:
                return self.update(match.check.id, request, version=version, dry=dry), False
            channels = "" if "channels" in request.model_fields_set else default_channels(self._store, self._project)
            blank = Check(id=asked_id or new_id(), project=self._project, channels=channels, created=self._now)
            check = replace(
                configured(blank, self._now, **self._settings(blank, request, version=version)).check, rev=0
            )
            if self._remembered.check_counts.of(self._project, self._now) >= self._limit:
                raise RefusedError(_FULL.format(limit=self._limit))
            if dry:
                return Described(check, request.desc), True
            try:
                self._store.create(check, about=request.desc, sole=sole)
            except ConflictError:
                continue
            self._remembered.unique_keys.add(self._project, [check.id])
            self._remembered.check_counts.one_more(self._project)
            return Described(check, request.desc), True
        raise ConflictError(_RACED)

    def update(self, key: str, request: CheckRequest, *, version: int, dry: bool = False) -> Described:
        """Change the settings that the request names. The status stays; the deadline follows.

        `dry`: write nothing, return what would be.
        """
        about = request.desc if "desc" in request.model_fields_set else None
        described = self._change(
            key,
            lambda check: configured(
                check, self._now, self._blind(check), **self._settings(check, request, version=version)
            ),
            about=about,
            dry=dry,
        )
        return described if about is None else replace(described, about=about)

    def list_channels(self, key: str, decide: Callable[[str], str]) -> Described:
        """Change which channels a check lists; `decide` gets the present list."""
        return self._change(
            key,
            lambda check: configured(check, self._now, self._blind(check), channels=decide(check.channels)),
        )

    def pause(self, key: str) -> Described:
        """Stop watching."""
        return self._change(key, lambda check: paused(check, self._now, self._blind(check)))

    def resume(self, key: str) -> Described:
        """Watch again. Raises RefusedError for a check that is not paused."""
        try:
            return self._change(key, lambda check: resumed(check, self._now, self._blind(check)))
        except NotPausedError as error:
            raise RefusedError(str(error)) from error

    def delete(self, key: str) -> Described:
        """Remove a check and return what it was, once people were notified of all that is to be said of it.

        1. If it has an incident, log that this is over: from here on the sweep goes on with what is cut off.
        2. Wait until all is announced. If that takes long, say so: the check stays, and can be deleted once more.
        3. Remove it, if nothing has happened to it since.
        """
        described = self.one(key, by_unique_key=False)
        check = described.check
        for tried in attempts(DELETE_TRIES, pause=self._pause, first=DELETE_FIRST_WAIT_SECONDS):
            check = check if tried == 1 else self.one(key, by_unique_key=False).check
            with suppress(ConflictError):  # a ping came first
                if check.incident is not None:
                    self._store.save(check, paused(check, self._now, self._blind(check), reason=Reason.DELETED))
                    self._wakes.send([Wake(check.id)])
                elif check.announced == check.flips:
                    self._store.delete(check)
                    return described
        raise BusyError(_UNANNOUNCED)

    def _blind(self, check: Check) -> Sequence[Window]:
        """Return when no pings could reach Lastseen, where that matters: what passed before a change comes first."""
        return blind_windows(self._store, self._now) if is_late(check, self._now) else ()

    def _change(
        self, key: str, decide: Callable[[Check], Outcome], *, about: str | None = None, dry: bool = False
    ) -> Described:
        """Read, decide, write; after a lost race read and decide again. Raises ConflictError if every try lost."""
        for _ in attempts(DECIDE_TRIES, pause=self._pause):
            described = self.one(key, by_unique_key=False)
            outcome = decide(described.check)
            if dry:
                return Described(outcome.check, described.about)
            try:
                self._store.save(described.check, outcome, about=about)
            except ConflictError:
                continue
            if outcome.check.announced < outcome.check.flips:
                self._wakes.send([Wake(outcome.check.id)])
            return Described(outcome.check, described.about)
        raise ConflictError(_RACED)

    def _listed(self, abouts: Mapping[str, str], *, slug: str | None, tags: Sequence[str]) -> Listed:
        broken: list[str] = []
        found = self._store.get_many(list(abouts), corrupt=broken)
        checks = [
            Described(check, abouts[check.id])
            for check in found.values()
            if (slug is None or check.slug == slug) and set(tags) <= set(check.tags.split())
        ]
        return Listed(checks, unreadable=sorted(unique_key(check_id) for check_id in broken))

    def _place(self, cursor: str) -> Place:
        if not cursor:
            return FIRST_PLACE
        opened = self._remembered.seal.opened(f"cursor:{self._project}", cursor)
        if opened is None:
            raise BadRequestError("cursor must be the `next` of the page before, to the letter")
        slug, _, check_id = opened.decode().partition("\n")
        return Place(slug, check_id)

    def _cursor(self, place: Place) -> str:
        """Return a place as a client may see it: it holds an id, which is a ping URL, so it is sealed."""
        return self._remembered.seal.closed(f"cursor:{self._project}", "\n".join(place).encode())

    def _of_unique_key(self, key: str) -> str:
        is_one = _UNIQUE_KEY.fullmatch(key)
        return self._remembered.unique_keys.find(self._project, key, self._now) if is_one else ""

    def _refuse_taken(self, check_id: str, *, is_other_matched: bool) -> None:
        """Raise RefusedError if no new check can have this id.

        That of a deleted check is refused as long as its history is kept: it would be the new one's, also in another
        project, and alerts are named by id and number for ever.
        """
        if is_other_matched:
            raise RefusedError("uuid: the check that `unique` matches has another UUID, and a UUID never changes")
        if self._store.get(check_id, strong=True):
            raise RefusedError("uuid: there is a check with this UUID already")
        last_flip = next(self._store.flips_back(check_id), None)
        if last_flip or self._store.pings(check_id, limit=1):
            raise RefusedError("uuid: a check with this UUID was deleted here, and its history is still kept")

    def _matching(self, request: CheckRequest, asked_id: str) -> tuple[Described | None, bool]:
        """Return the first check that agrees with the request in every field of `unique`; and whether a slug is sole.

        Of several, that of the UUID which is asked for is the first. A field that the request does not set matches
        nothing. Where the slug is among them, only its bearers are read, and if there is none, a new check must be its
        only one: so of many such requests at once, one makes it.
        """
        if not request.unique or not set(request.unique) <= request.model_fields_set:
            return None, False
        wanted: dict[str, Any] = {name: getattr(request, name) for name in request.unique}
        slug = wanted.get("slug")
        found = self.all(slug=slug).checks
        matches = [each for each in found if _matches(each.check, wanted)]
        match = next((each for each in matches if each.check.id == asked_id), matches[0] if matches else None)
        return match, bool(slug) and not found

    def _settings(self, check: Check, request: CheckRequest, *, version: int) -> dict[str, Any]:
        """Return the settings of a check that a request changes."""
        sent = request.model_fields_set
        same = {name: getattr(request, name) for name in _SAME if name in sent}
        settings: dict[str, Any] = same | self._timing(check, request)
        if version < 3 and "name" in sent and "slug" not in sent:  # noqa: PLR2004 - the API's version
            settings["slug"] = slug_of(request.name)
        if "channels" in sent:
            settings["channels"] = channels_of(self._store, self._project, request.channels, listed=check.channels)
        if "reminder" in sent:
            settings["reminder"] = timedelta(seconds=request.reminder) or None
        if "early" in sent:
            settings["early"] = None if request.early is None else timedelta(seconds=request.early)
        if "snoozed_until" in sent:
            settings["snoozed_until"] = request.snoozed_until.astimezone(UTC) if request.snoozed_until else None
        if "flap_limit" in sent:
            settings["flap_limit"] = request.flap_limit
        settings["filters"] = _filters(check.filters, request)
        return settings

    def _timing(self, check: Check, request: CheckRequest) -> dict[str, Any]:
        """Return grace and schedule, if the request names them; a `schedule` wins over a `timeout`.

        A stored schedule that is not named is not judged again: one that is over has still a name and tags to change.
        """
        sent = request.model_fields_set
        timing: dict[str, Any] = {"grace": timedelta(seconds=request.grace)} if "grace" in sent else {}
        try:
            tz = canonical_zone(request.tz) if "tz" in sent else check.schedule.tz
        except ZoneError as error:
            raise BadRequestError(f"tz: {error}") from error
        try:
            if request.schedule:
                timing["schedule"] = understood(
                    request.schedule,
                    tz,
                    after=self._now,
                    skipped_hour=request.skipped_hour or None,
                    otherwise=check.schedule.skipped_hour if isinstance(check.schedule, Cron) else "run",
                )
            elif "timeout" in sent:
                timing["schedule"] = Period(timedelta(seconds=request.timeout), tz)
            elif sent & {"tz", "skipped_hour"}:
                moved = _moved(check.schedule, tz, request)
                timing["schedule"] = moved if isinstance(moved, Period) else validated(moved, after=self._now)
        except ScheduleError as error:
            raise BadRequestError(f"schedule: {error}") from error
        if request.skipped_hour and not isinstance(timing.get("schedule", check.schedule), Cron):
            raise BadRequestError("skipped_hour: is for cron schedules only")
        return timing


def _asked_id(request: CheckRequest) -> str:
    """Return the id that a new check is to have, or "" for one that is drawn here. Raises BadRequestError."""
    asked_id = as_uuid(request.uuid)
    if request.uuid and not is_random(asked_id):
        raise BadRequestError("uuid must be a random UUID (version 4): it is the ping URL, so nobody may guess it")
    return asked_id


def _filters(before: Filters, request: CheckRequest) -> Filters:
    """Return the filters that a request leaves, where the peer's older names have a meaning too."""
    sent = request.model_fields_set
    filters = before
    older = {"subject": "success", "subject_fail": "failure"}
    if words := {older[name]: getattr(request, name) for name in older if name in sent}:
        filters = replace(filters, **words)
        filters = replace(filters, subject=bool(filters.success or filters.failure))
    return replace(filters, **{_FILTERS[name]: getattr(request, name) for name in _FILTERS if name in sent})


def channels_of(store: Store, project: str, asked: str, *, listed: str = "") -> str:
    """Return the ids of the channels that are asked for, by id or by a name that only one of the project's has.

    `listed`: what is listed already, and may stay though there is no such channel any more. Raises BadRequestError.
    """
    if asked in {"", ALL_CHANNELS}:
        return asked
    known = dict.fromkeys(each for each in listed.split(",") if each and each != ALL_CHANNELS)
    channels, unreadable = CHANNELS.all(store, project=project)
    known |= {channel.id: channel.name for channel in channels} | dict.fromkeys(unreadable)
    return ",".join(_channel(word.strip(), known) for word in asked.split(","))


def slug_of(name: str) -> str:
    """Return the slug that versions 1 and 2 derive from a name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain)).strip("-_")[:SLUG_CHARS]


def _by_name(described: Described) -> tuple[str, str]:
    return described.check.name.casefold(), described.check.id


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


def _moved(schedule: Schedule, tz: str, request: CheckRequest) -> Schedule:
    """Return a stored schedule with another zone, and another rule for the hour that clocks skip."""
    if isinstance(schedule, Cron) and request.skipped_hour:
        schedule = replace(schedule, skipped_hour=request.skipped_hour)
    return replace(schedule, tz=tz)


def _channel(word: str, known: Mapping[str, str | None]) -> str:
    if word in known:
        return word
    named = [channel_id for channel_id, name in known.items() if name == word and word]
    if len(named) != 1:
        trouble = "several channels have the name" if named else "no channel has the id or name"
        raise BadRequestError(f"channels: {trouble} {word!r}")
    return named[0]
