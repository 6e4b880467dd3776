"""Checks, pings and flips as the API shows them, in the form of each version. Pure.

Source of the forms: Healthchecks' management API, v1 to v3. Beyond it: `skipped_hour`, `early`, `reminder`,
`snoozed_until`, `flap_limit`, `flapping`. Only what is set is sent (`exclude_unset`): a field with a default here may
be absent.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from lastseen.core.check import Check, Flip, Status, unique_key
from lastseen.core.dues import appearance, expectation
from lastseen.core.history import Recorded
from lastseen.core.runs import under_way
from lastseen.core.schedule import Cron, Period, ScheduleError
from lastseen.core.times import peer_time, peer_time_exact

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Document(BaseModel):
    """What the API answers with."""

    model_config = ConfigDict(use_attribute_docstrings=True, serialize_by_alias=True)


class ErrorDocument(Document):
    """Why a request was refused."""

    error: str
    """What is wrong, and what would be right."""


class CheckDocument(Document):
    """A check. Keys that may only read see `unique_key` in place of whatever lets its reader ping or change it."""

    name: str
    slug: str
    tags: str
    desc: str
    grace: int
    """Seconds."""
    n_pings: int
    status: Literal["new", "up", "grace", "down", "paused", "started"]
    """As it is now, whether or not anybody looked. "started" in version 1 only."""
    started: bool
    """Whether a run is open."""
    open_runs: int
    """How many runs are open, each with its own run id."""
    running_since: Time | None
    """When the oldest open run began: it has the deadline."""
    last_ping: Time | None
    next_ping: Time | None
    """When lateness begins: the next expected success, or the start of the open run if that is earlier."""
    manual_resume: bool
    methods: Literal["", "POST"]
    start_kw: str
    success_kw: str
    failure_kw: str
    subject: str
    """`success_kw`, if `filter_subject` is set: its older name."""
    subject_fail: str
    """`failure_kw`, if `filter_subject` is set: its older name."""
    filter_subject: bool
    filter_body: bool
    filter_http_body: bool
    filter_default_fail: bool
    early: int | None
    """Seconds; null: a twentieth of the interval, at most 300."""
    reminder: int
    """Seconds; 0: none."""
    snoozed_until: Time | None
    flap_limit: int
    flapping: bool
    """Whether it changes too often for an alert each time."""
    badge_url: str
    """Shows to anybody whether it is up, and nothing else."""
    last_duration: int = 0
    """Seconds that the last run took; absent if that is not known."""
    timeout: int = 0
    """Seconds; absent if there is a `schedule`."""
    schedule: str = ""
    tz: str = ""
    skipped_hour: Literal["run", "skip"] = "run"
    """Of cron: whether a time that the clocks skip is due when the gap ends; absent for all else."""
    schedule_note: str = ""
    """After a change of `schedule`: as what it was taken, if not to the letter, and what other schedulers read
    differently; absent if there is nothing to say."""
    uuid: str = ""
    ping_url: str = ""
    update_url: str = ""
    pause_url: str = ""
    resume_url: str = ""
    channels: str = ""
    """`*` all channels of the project, empty none, or ids with commas between."""
    reaches_nobody: bool = False
    """True if none of its channels would be notified if it went down: they were deleted, are off, or filter it out. Its
    alerts go to the project's default channels then. Absent otherwise; of one check and of a list only."""
    unique_key: str = ""
    """Names the check without telling its ping URL; for keys that may only read."""


class CheckList(Document):
    """Checks."""

    checks: list[CheckDocument]
    next: str = ""
    """The `cursor` of the next page; absent on the last, and where no page was asked for."""
    unreadable: list[str] = []
    """Unique keys of checks whose stored items cannot be read; absent if all can be."""


class BulkResult(Document):
    """What became of one of many checks."""

    status: int
    """As a request of its own would have been answered: 201 made, 200 updated, 400 and above refused. 503: it can be
    sent again."""
    check: CheckDocument = Field(default_factory=CheckDocument.model_construct)
    """The check; absent if it was refused."""
    error: str = ""
    """Why it was refused; absent if it was not."""


class BulkResults(Document):
    """What became of many checks, in the order in which they were sent."""

    results: list[BulkResult]


class PingDocument(Document):
    """A ping."""

    type: Literal["success", "start", "fail", "log", "ign"]
    """What it said; "ign": it had no effect."""
    date: Time
    n: int
    scheme: str
    remote_addr: str
    method: str
    ua: str
    rid: str | None
    """The run's id."""
    body_url: str | None
    duration: float = 0
    """Seconds of the run that it ended; absent if it ended none."""
    exitstatus: int = 0
    note: str = ""
    """An exit status that is no number of 0 to 255, to the letter."""


class PingList(Document):
    """Pings, newest first."""

    pings: list[PingDocument]


class FlipDocument(Document):
    """A change of status."""

    timestamp: Time
    up: Literal[0, 1]
    """Whatever is not up counts as down."""
    status: Literal["new", "up", "down", "paused"]
    reason: Literal["missed", "stuck", "failed", "pinged", "paused", "resumed", "deleted"]


class FlipList(Document):
    """Changes of status, newest first."""

    flips: list[FlipDocument]


class BareFlipList(RootModel[list[FlipDocument]]):
    """The same, for the one client that was written from the peer's manual and not from its answers."""


class BadgeUrls(Document):
    """Where a badge is, in three forms; each with two states (up, down) or with three (up, late, down)."""

    svg: str
    svg3: str
    json_: str = Field(serialization_alias="json")
    json3: str
    shields: str
    shields3: str


class BadgeList(Document):
    """The badges of a project by tag; `*` is that of all its checks."""

    badges: dict[str, BadgeUrls]


class BadgeDocument(Document):
    """What a badge says, in JSON."""

    status: Literal["up", "late", "down"]
    total: int
    grace: int
    down: int


class ShieldsDocument(Document):
    """What a badge says, for shields.io."""

    schemaVersion: Literal[1] = 1  # noqa: N815 - theirs
    label: str
    message: Literal["up", "late", "down"]
    color: Literal["success", "important", "critical"]


def check_document(  # one keyword per thing that the form depends on
    check: Check,
    *,
    about: str,
    version: int,
    now: datetime,
    ping_url: str,
    api_url: str,
    badge_url: str,
    read_only: bool,
) -> CheckDocument:
    """Return a check's document; `ping_url` and `api_url` are the public bases."""
    runs = under_way(check)
    started = bool(runs)
    status = appearance(check, now)
    own = f"{api_url}/v{version}/checks/{check.id}"
    document = CheckDocument.model_construct(
        name=check.name,
        slug=check.slug,
        tags=check.tags,
        desc=about,
        grace=int(check.grace.total_seconds()),
        n_pings=check.n_pings,
        status="started" if version == 1 and started else status,
        started=started,
        open_runs=len(runs),
        running_since=time_or_none(runs[0].started if runs else None),
        last_ping=time_or_none(check.last_ping),
        next_ping=time_or_none(_expected(check)),
        manual_resume=check.manual_resume,
        methods=check.methods,
        start_kw=check.filters.start,
        success_kw=check.filters.success,
        failure_kw=check.filters.failure,
        subject=check.filters.success if check.filters.subject else "",
        subject_fail=check.filters.failure if check.filters.subject else "",
        filter_subject=check.filters.subject,
        filter_body=check.filters.body,
        filter_http_body=check.filters.http_body,
        filter_default_fail=check.filters.default_fail,
        early=int(check.early.total_seconds()) if check.early is not None else None,
        reminder=int(check.reminder.total_seconds()) if check.reminder else 0,
        snoozed_until=time_or_none(check.snoozed_until),
        flap_limit=check.flap_limit,
        flapping=check.flapping,
        badge_url=badge_url,
    )
    if check.last_duration is not None:
        document.last_duration = int(check.last_duration.total_seconds())
    if isinstance(check.schedule, Period):
        document.timeout = int(check.schedule.period.total_seconds())
        if check.schedule.tz != "UTC":
            document.tz = check.schedule.tz
    else:
        document.schedule, document.tz = check.schedule.expression, check.schedule.tz
    if isinstance(check.schedule, Cron):
        document.skipped_hour = check.schedule.skipped_hour
    if read_only:
        document.unique_key = unique_key(check.id)
        return document
    document.uuid = check.id
    document.ping_url = f"{ping_url}/{check.id}"
    document.update_url, document.pause_url, document.resume_url = own, f"{own}/pause", f"{own}/resume"
    document.channels = check.channels
    return document


def ping_document(recorded: Recorded, *, body_url: str | None) -> PingDocument:
    """Return a ping's document."""
    ping = recorded.ping
    document = PingDocument.model_construct(
        type=recorded.kind.value,
        date=peer_time_exact(ping.at),
        n=recorded.n,
        scheme=ping.scheme,
        remote_addr=ping.address,
        method=ping.method,
        ua=ping.agent,
        rid=ping.rid,
        body_url=body_url if ping.body else None,
    )
    if recorded.duration is not None:
        document.duration = round(recorded.duration.total_seconds(), 2)
    if ping.exit_status is not None:
        document.exitstatus = ping.exit_status
    if ping.note:
        document.note = ping.note
    return document


def flip_document(flip: Flip) -> FlipDocument:
    """Return a flip's document."""
    up = int(flip.status is Status.UP)
    return FlipDocument.model_construct(
        timestamp=peer_time(flip.at), up=up, status=flip.status.value, reason=flip.reason.value
    )


def time_or_none(instant: datetime | None) -> str | None:
    """Return an instant in the peer's form, or null for none."""
    return peer_time(instant) if instant else None


def _expected(check: Check) -> datetime | None:
    try:
        return expectation(check)
    except ScheduleError:
        return None
