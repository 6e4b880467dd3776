"""The JSON event: what webhooks, incident tools, queues and our own chats get of an alert, as typed values.

Lives here: every field of it, with its meaning; `to_json` and `read_event`. docs/alerts.md is made from this file.
Never here: the words in it (message.py, own.py), how a value becomes JSON (wire.py). Pure.

A promise to users: `version` is 1; fields may be added, none is removed and none changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from lastseen.core.check import Reason, Status
from lastseen.text.wire import DocumentError, from_document, json_schema, to_document

EVENT_VERSION = 1

Id = Annotated[str, "names the event for ever, to drop doubles by; of a flip `<check>:<number>`"]
Incident = Annotated[
    str | None,
    "the id of the event that began what this one begins, repeats or ends: incident tools and threads key on it",
]
Channels = Annotated[
    tuple[str, ...] | None, "ids of the channels that the event is for; null: each finds out by itself (older events)"
]
Subject = Annotated[str, "one line in ASCII, below 100 characters"]
Title = Annotated[str, "the same with every character of the name"]
Lead = Annotated[str, "what happened, in one or two sentences"]
Text = Annotated[str, "the mail"]
Todo = Annotated[str | None, "what to do: the check's description; or, where there is none, a general advice"]
At = Annotated[datetime, "when it happened; of a missed ping the deadline"]
Url = Annotated[str | None, "where to look"]
FlipStatus = Annotated[Status, "`down` or `up`; `paused` or `new` where a person ended the incident"]
FlipReason = Annotated[
    Reason,
    "`missed`, `stuck`, `failed`, `pinged`, `reminded`, `steady`, `paused`, `resumed`, `deleted`; `unassigned`: its "
    "channels or tags were changed, and this one hears no more of it",
]
Flapping = Annotated[bool, "it goes up and down too often: no more alerts of this check until it is steady"]


class OwnKind(StrEnum):
    """What Lastseen says about itself."""

    DEAF = "deaf"  # it cannot hear pings
    HEARING = "hearing"  # it hears them again
    CHANNEL = "channel"  # a channel takes no alerts
    CHANNEL_BACK = "channel_back"  # it takes them again
    SUBSCRIPTION = "subscription"  # addresses get no alerts
    SUBSCRIPTION_BACK = "subscription_back"  # all of them do again
    TEST = "test"


ENDS = frozenset({OwnKind.HEARING, OwnKind.CHANNEL_BACK, OwnKind.SUBSCRIPTION_BACK})
"""What ends an incident that another event about Lastseen began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCheck:
    """The check that an event is about."""

    key: Annotated[str, "its public key; it cannot ping"]
    name: Annotated[str, "what it is called: its name, else its slug, else the start of its key"]
    slug: str
    project: str
    tags: tuple[str, ...]
    url: Annotated[str, "its page; empty if it was deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipEvent:
    """What happened to one check."""

    version: int = EVENT_VERSION
    type: Literal["flip"] = "flip"
    id: Id
    incident: Incident = None
    status: FlipStatus
    was: Annotated[Status | None, "the status before"] = None
    reason: FlipReason
    flapping: Flapping = False
    at: At
    since: Annotated[datetime | None, "since when it had been as it was"] = None
    expected: Annotated[datetime | None, "when the ping that did not come was expected"] = None
    started: Annotated[datetime | None, "when the run began that ended, or the oldest that was open"] = None
    open_runs: Annotated[int, "how many runs were open"] = 0
    last_ping: Annotated[datetime | None, "the last ping before"] = None
    held_seconds: Annotated[float | None, "how far the deadline was moved because Lastseen could not hear"] = None
    duration_seconds: Annotated[float | None, "how long the run took"] = None
    exit_status: Annotated[int | None, "of the run"] = None
    note: Annotated[str | None, "an exit status that is no number, in words"] = None
    output: Annotated[str | None, "the run's output: its head and its tail, with a mark of what is left out"] = None
    error: Annotated[str | None, "the line of the output that names the error"] = None
    last_address: Annotated[str | None, "where the last ping came from"] = None
    last_agent: Annotated[str | None, "the User-Agent of the last ping"] = None
    runs_count: Annotated[int | None, "how many of the last runs are known; null if fewer than three"] = None
    runs_good: Annotated[int | None, "how many of these were good"] = None
    usual_seconds: Annotated[float | None, "how long a good run takes: the middle one of these"] = None
    about: Annotated[str | None, "the check's description"] = None
    also_down: Annotated[
        tuple[str, ...], "what else is down in the project: up to ten names; not looked at above 100 checks"
    ] = ()
    also_down_count: Annotated[int, "how many are"] = 0
    project: str
    check: EventCheck
    subject: Subject
    title: Title
    lead: Lead
    hint: Annotated[
        str | None, "a likely cause that the pings before hint at: a wrong time zone, a clock that is ahead"
    ] = None
    todo: Todo = None
    text: Text
    channels: Channels = None

    @property
    def url(self) -> str | None:
        """Where to look."""
        return self.check.url or None

    @property
    def ends(self) -> bool:
        """Whether the incident is over. One that flaps is not, whatever its status is at the moment."""
        return self.status is not Status.DOWN and not self.flapping

    @property
    def momentary(self) -> bool:
        """Whether it begins an incident that nothing ends."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestFlip:
    """One check's part of a digest."""

    id: Id
    incident: Incident = None
    check: Annotated[str, "what the check is called"]
    status: Annotated[Status | None, "`down` or `up`; null in older events: the digest's"] = None
    reason: FlipReason
    flapping: Flapping = False
    what: Annotated[str, "what happened, after the name: `got stuck`"]
    error: Annotated[str | None, "the line of the output that names the error"] = None
    at: At

    @property
    def key(self) -> str:
        """The public key of the check."""
        return self.id.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestEvent:
    """What happened to many checks."""

    version: int = EVENT_VERSION
    type: Literal["digest"] = "digest"
    id: Id
    subject: Subject
    title: Title
    lead: Lead
    status: FlipStatus
    flapping: Annotated[bool, "they go up and down too often: no more alerts of these checks until they are steady"] = (
        False
    )
    project: Annotated[str | None, "null if the checks are of several"]
    at: At
    count: Annotated[int, "how many flips there are, also if not each is listed"]
    flips: tuple[DigestFlip, ...]
    common_tags: Annotated[tuple[str, ...], "tags that all its checks have"] = ()
    common_address: Annotated[str | None, "where the last ping of each of them came from, if that is one place"] = None
    url: Url
    text: Text
    channels: Channels = None

    @property
    def incident(self) -> str | None:
        """None: each flip has its own."""
        return None

    @property
    def todo(self) -> str | None:
        """None: each check has its own."""
        return None

    @property
    def ends(self) -> bool:
        """Whether all incidents in it are over."""
        return self.status is not Status.DOWN and not self.flapping

    @property
    def momentary(self) -> bool:
        """Whether it begins an incident that nothing ends."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEvent:
    """What Lastseen says about itself."""

    version: int = EVENT_VERSION
    type: OwnKind
    id: Id
    incident: Incident = None
    subject: Subject
    title: Title
    lead: Lead
    more: Annotated[str | None, "further words"] = None
    todo: Todo = None
    at: At
    text: Text
    project: Annotated[str | None, "the channel's"] = None
    channel: Annotated[str | None, "the id of the channel that it is about"] = None
    channels: Channels = None

    @property
    def status(self) -> None:
        """None: it is about no check."""

    @property
    def url(self) -> str | None:
        """None: there is no page of it."""
        return None

    @property
    def ends(self) -> bool:
        """Whether an incident is over."""
        return self.type in ENDS

    @property
    def momentary(self) -> bool:
        """Whether it begins an incident that nothing ends: a test, a message about one alert that was refused."""
        return self.incident is None and not self.ends


Event = FlipEvent | DigestEvent | OwnEvent


def to_json(event: Event) -> dict[str, Any]:
    """Return the event as it is published."""
    document: dict[str, Any] = to_document(event)
    return document


def read_event(document: object) -> Event:
    """Return the event that a published document holds. Raises DocumentError if it is none."""
    if not isinstance(document, Mapping):
        raise DocumentError("An event is an object")
    if document.get("type") == "flip":
        return from_document(FlipEvent, _completed(document))
    if document.get("type") == "digest":
        return from_document(DigestEvent, document)
    return from_document(OwnEvent, document)


def _completed(flip: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a flip's document with what the parts of a digest lacked that older functions left in the queue."""
    check = flip.get("check")
    if not isinstance(check, Mapping) or "key" in check:
        return flip
    key = str(flip.get("id")).partition(":")[0]
    known: dict[str, Any] = {
        "key": key,
        "slug": "",
        "project": flip.get("project"),
        "tags": [],
        "url": str(flip.get("url") or ""),
    }
    return {"subject": flip.get("title"), "text": flip.get("lead"), **flip, "check": {**known, **check}}


def event_schema() -> dict[str, Any]:
    """Return the JSON schema of an event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of Lastseen",
        "oneOf": [json_schema(form) for form in (FlipEvent, DigestEvent, OwnEvent)],
    }
