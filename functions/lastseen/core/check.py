"""A check and what befalls it, as values: Check, Ping, Flip, Outcome.

Lives here: what there is. Frozen values. Never here: a rule. What a ping, a pause, a change do: machine.py. What time
does: moments.py. What is waited for: dues.py. Open runs: runs.py. The log, and who is notified: log.py.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from lastseen.core.limits import FLAP_LIMIT
from lastseen.core.schedule import Period, Schedule


class Status(StrEnum):
    """What is stored. "grace" and "started" are appearances, computed when somebody looks: see `appearance`."""

    NEW = "new"
    UP = "up"
    DOWN = "down"
    PAUSED = "paused"


class Kind(StrEnum):
    """What a ping says. The values are the words of the management API."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"
    LOG = "log"
    IGNORED = "ign"


class Reason(StrEnum):
    """Why a status changed."""

    MISSED = "missed"  # no success came by the deadline
    STUCK = "stuck"  # a run started and did not end in time
    FAILED = "failed"  # the job said so
    PINGED = "pinged"  # a success
    PAUSED = "paused"
    RESUMED = "resumed"
    REMINDED = "reminded"  # no change: still down
    STEADY = "steady"  # no change: it flapped, and does so no more
    UNASSIGNED = "unassigned"  # no change: its channels or tags were, so some of those who saw it begin hear no more
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Filters:
    """How a ping's body decides what the ping says. Keywords are comma lists of case-sensitive substrings."""

    http_body: bool = False
    subject: bool = False  # subject and body are for pings by e-mail; kept for clients that set them
    body: bool = False
    default_fail: bool = False
    start: str = ""
    success: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that started and has not ended."""

    started: datetime
    rid: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class End:
    """An end with a run id."""

    at: datetime
    rid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One job that is watched: what was asked for, and what is. All times are aware and in UTC."""

    # What was asked for.
    id: str  # UUID, lower case with hyphens: the credential in the ping URL
    project: str = "default"
    name: str = ""
    slug: str = ""
    tags: str = ""  # separated by blanks
    schedule: Schedule = Period(timedelta(days=1))
    grace: timedelta = timedelta(hours=1)
    early: timedelta | None = None  # how much before its time a success counts for it; None: a part of the interval
    methods: str = ""  # "POST": other methods are logged and ignored
    filters: Filters = Filters()
    manual_resume: bool = False
    channels: str = "*"  # "*" all of the project, "" none, else ids by comma
    reminder: timedelta | None = None  # how often people are notified again while it is down
    snoozed_until: datetime | None = None  # no reminders until then
    flap_limit: int = FLAP_LIMIT  # flips in an hour with an alert each; 0: all have one
    created: datetime | None = None

    # What is.
    status: Status = Status.NEW
    since: datetime | None = None  # when the status began
    incident: int | None = None  # number of the flip that began what is not over: it is down, or it flaps
    reminded: datetime | None = None  # when the last reminder was sent
    recent: tuple[datetime, ...] = ()  # of the last flips between up and down, those that may count as flapping
    flapping: bool = False
    recovered: datetime | None = None  # when it last ceased to be down
    last_ping: datetime | None = None  # success or fail
    runs: tuple[Run, ...] = ()  # that are open, oldest first
    ended: tuple[End, ...] = ()  # the last ends with a run id, oldest first: their starts may still come
    last_duration: timedelta | None = None
    n_pings: int = 0
    schedule_changed: datetime | None = None  # earlier times are not held against it
    grace_changed: datetime | None = None  # the same
    wake_at: datetime | None = None  # when time alone next changes something; None: never
    rev: int = 0  # bumped by every change that another decision depends on
    flips: int = 0  # status changes so far
    announced: int = 0  # how many of them need no notification any more

    @property
    def running_since(self) -> datetime | None:
        """When the oldest open run started."""
        return self.runs[0].started if self.runs else None


STEADY = frozenset({"last_ping", "last_duration", "n_pings", "wake_at", "announced"})
"""What may change without a new `rev`: so that simultaneous success pings of one check never conflict."""

ASKED = frozenset(f.name for f in fields(Check)) - STEADY - {
    "id", "project", "created", "status", "since", "incident", "reminded", "recent", "flapping",
    "recovered", "runs", "ended", "schedule_changed", "grace_changed", "rev", "flips",
}  # fmt: skip
"""What `configured` may change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """One request to a ping URL, as it was received."""

    at: datetime  # the gateway's time of receipt, UTC
    kind: Kind = Kind.SUCCESS
    rid: str | None = None  # UUID, lower case with hyphens
    over: Literal["", "1", "again"] = ""  # of a log: its run is over; "again": a retry with another id follows
    exit_status: int | None = None
    note: str = ""  # an exit status that is no number of 0..255, to the letter
    body: bytes = b""
    method: str = "GET"
    scheme: str = "https"
    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One entry of the alert log: a change of status, or a note on one that lasts. `event_id` names it for ever."""

    n: int
    at: datetime  # of a missed deadline: the deadline, not the time of noticing
    was: Status
    status: Status
    reason: Reason
    notify: bool  # people are notified; pauses of what is not down, a first success and most flapping are silent
    incident: int | None = None  # number of the flip that began the incident that this one begins, repeats or ends
    flapping: bool = False  # no more alerts until the check is steady
    held: timedelta | None = None  # how far the deadline was moved because no pings could reach us
    since: datetime | None = None  # when the status that ends here began
    expected: datetime | None = None  # when the ping that did not come was expected
    last_ping: datetime | None = None
    started: datetime | None = None  # of the run that ended, or of the oldest that was open
    runs: int = 0  # that were open
    duration: timedelta | None = None  # of the last run
    exit_status: int | None = None
    note: str = ""
    body: bytes = b""  # the end of the ping's body
    channels: tuple[str, ...] = ()  # ids of those notified of what opens an incident, or of what ends it for them alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a transition decided: the check as it should be, and the flips on the way, oldest first."""

    check: Check
    flips: tuple[Flip, ...] = ()
    kind: Kind | None = None  # what the ping said after filters; None if it was no ping
    duration: timedelta | None = None  # of the run that this ping ended
    fault: str = ""  # why no deadline could be computed; empty if all is well


def unique_key(check_id: str) -> str:
    """Return a check's public name, as the peer makes it: SHA-1, in hex, of the first 16 hex digits of the UUID."""
    return hashlib.sha1(check_id.replace("-", "")[:16].encode(), usedforsecurity=False).hexdigest()


def event_id(check_id: str, n: int) -> str:
    """Name a check's n-th flip for ever, so that a receiver that gets it twice can drop the double."""
    return f"{unique_key(check_id)}:{n}"
