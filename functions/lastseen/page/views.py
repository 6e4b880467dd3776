"""What the pages show: checks, pings and flips turned into rows, facts and sentences. Pure.

A status is the appearance at the present time, right whether or not a sweep has run. A ping URL is in no view of a
reader who may not write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from lastseen.core.channel import ALL_CHANNELS
from lastseen.core.check import Check, Flip, Status, unique_key
from lastseen.core.dues import appearance, deadline, expectation
from lastseen.core.history import Recorded
from lastseen.core.runs import awaits_retry, under_way
from lastseen.core.schedule import Period, ScheduleError
from lastseen.core.zones import ZoneError, zone
from lastseen.page.phrases import When, expected, expression, lasting, when
from lastseen.text.happened import check_name, happened
from lastseen.text.words import clock, harmless, one_line, shown_output, span

ROWS = 500
"""Checks on the page; what needs a look comes first, and filters find the rest."""

TAGS = 40
BODY_LIMIT = 10_000
OUTPUT_LIMIT = 2_000
ABOUT_LIMIT = 4_000

WORDS = {"down": "Down", "grace": "Late", "up": "Up", "new": "New", "paused": "Paused"}
"""Statuses in the order in which they need a look, and their words."""

_CURL = "curl -fsS -m 10 --retry 5 -o /dev/null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who looks."""

    project: str
    may_write: bool
    token: str  # what forms must send along


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One check in the list."""

    key: str
    name: str
    status: str
    word: str
    running: bool
    flapping: bool
    tags: tuple[str, ...]
    schedule: str
    last: When | None
    next: tuple[str, When | None]  # what comes next or lasts, and when


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A filter: how many it finds, whether it is chosen, and the link that turns it."""

    value: str
    word: str
    count: int
    chosen: bool
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The list of checks."""

    rows: tuple[Row, ...]
    found: int  # rows that there are, shown or not
    total: int  # checks of the project
    down: int
    late: int
    statuses: tuple[Choice, ...]
    tags: tuple[Choice, ...]
    unreadable: tuple[str, ...]
    at: When


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One entry of a check's history."""

    n: int
    at: When
    kind: str
    words: str
    mark: str  # which status or signal, for its shape
    body: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPage:
    """One check."""

    row: Row
    sentence: str
    facts: tuple[tuple[str, str], ...]
    about: str
    output: str  # the end of what the failing run said; "" for a session that may only read
    ping_url: str  # "" for a session that may only read
    curl: str
    can_pause: bool
    can_resume: bool
    pings: tuple[HistoryEntry, ...]
    flips: tuple[HistoryEntry, ...]
    at: When


def listing(
    checks: Sequence[Check],
    now: datetime,
    *,
    tags: Sequence[str] = (),
    statuses: Sequence[str] = (),
    unreadable: Iterable[str] = (),
) -> Listing:
    """Return the list: checks that have every one of the tags and have one of the statuses, if asked."""
    tags, statuses = tuple(dict.fromkeys(tags)), tuple(one for one in WORDS if one in statuses)
    tagged = [_row(check, now) for check in checks if set(tags) <= set(check.tags.split())]
    found = [row for row in tagged if not statuses or row.status in statuses]
    order = {status: place for place, status in enumerate(WORDS)}
    found.sort(key=lambda row: (order[row.status], row.name.casefold(), row.key))
    counts = Counter(row.status for row in tagged)
    everywhere = Counter(appearance(check, now) for check in checks)
    return Listing(
        rows=tuple(found[:ROWS]),
        found=len(found),
        total=len(checks),
        down=everywhere["down"],
        late=everywhere["grace"],
        statuses=tuple(
            Choice(
                value=status,
                word=word,
                count=counts[status],
                chosen=status in statuses,
                link=_link(tags, _turned(statuses, status)),
            )
            for status, word in WORDS.items()
            if counts[status] or status in statuses
        ),
        tags=_tag_choices(tagged, tags, statuses),
        unreadable=tuple(unreadable),
        at=when(now, now),
    )


def check_page(
    check: Check,
    now: datetime,
    *,
    about: str,
    pings: Sequence[Recorded],
    flips: Sequence[Flip],
    cause: Flip | None,
    ping_url: str,
    may_write: bool,
    reaches_nobody: bool = False,
) -> CheckPage:
    """Return one check: its newest flips, and the one that brought it down, which may be older than those.

    `ping_url` is the public base. Bodies and addresses are for those who may write. `reaches_nobody`: none of its
    channels would be notified.
    """
    own_url = f"{ping_url}/{check.id}" if may_write else ""
    return CheckPage(
        row=_row(check, now),
        sentence=_sentence(check, now, cause),
        facts=tuple((name, value) for name, value in _facts(check, now, reaches_nobody=reaches_nobody) if value),
        about=harmless(about)[:ABOUT_LIMIT].strip(),
        output=shown_output(cause.body, OUTPUT_LIMIT) if cause and may_write else "",
        ping_url=own_url,
        curl=f"{_CURL} {own_url}" if own_url else "",
        can_pause=may_write and check.status is not Status.PAUSED,
        can_resume=may_write and check.status is Status.PAUSED,
        pings=tuple(_ping(one, now, whole=may_write) for one in pings),
        flips=tuple(_flip(one, now) for one in reversed(flips)),
        at=when(now, now),
    )


def first_ping(ping_url: str) -> str:
    """Return the line that makes a project's first check."""
    return f'{_CURL} "{ping_url}/$LASTSEEN_PING_KEY/nightly-report?create=1"'


# --- Rows ---


def _row(check: Check, now: datetime) -> Row:
    status = appearance(check, now)
    return Row(
        key=unique_key(check.id),
        name=check_name(check),
        status=status,
        word=WORDS[status],
        running=bool(under_way(check)),
        flapping=check.flapping,
        tags=tuple(check.tags.split()),
        schedule=expected(check.schedule),
        last=when(check.last_ping, now) if check.last_ping else None,
        next=_next(check, status, now),
    )


def _next(check: Check, status: str, now: datetime) -> tuple[str, When | None]:
    """Return what happens next to a check, or since when it is as it is."""
    try:
        due, over = expectation(check), deadline(check)
    except ScheduleError:
        return "its schedule is broken", None
    if status == "down":
        began = check.since if check.status is Status.DOWN else over
        return "down for", lasting(began, now) if began else None
    if status == "paused":
        return "paused for", lasting(check.since, now) if check.since else None
    if check.running_since is not None and over and due == check.running_since:
        return "must be retried" if awaits_retry(check, due) else "must end", when(over, now)
    if status == "grace" and over:
        return "alert", when(over, now)
    if status == "new" or due is None:
        return "waits for a ping" if status == "new" else "nothing more is expected", None
    return "", when(due, now)


def _turned(chosen: Sequence[str], one: str) -> tuple[str, ...]:
    return tuple(each for each in chosen if each != one) if one in chosen else (*chosen, one)


def _link(tags: Sequence[str], statuses: Sequence[str]) -> str:
    query = urlencode([*(("tag", tag) for tag in tags), *(("status", status) for status in statuses)])
    return f"/?{query}" if query else "/"


def _tag_choices(rows: Sequence[Row], tags: Sequence[str], statuses: Sequence[str]) -> tuple[Choice, ...]:
    """Return the tags of the shown checks, the chosen ones first, then by how many checks have them."""
    counts = Counter(tag for row in rows for tag in set(row.tags))
    others = sorted((tag for tag in counts if tag not in tags), key=lambda tag: (-counts[tag], tag))
    return tuple(
        Choice(
            value=tag,
            word=one_line(tag, 40),
            count=counts[tag],
            chosen=tag in tags,
            link=_link(_turned(tags, tag), statuses),
        )
        for tag in [*tags, *others][:TAGS]
    )


# --- One check ---


def _sentence(check: Check, now: datetime, cause: Flip | None) -> str:
    """Return the state of a check as a person would say it."""
    status = appearance(check, now)
    if status == "down":
        unnoticed = check.status is not Status.DOWN  # by any sweep yet
        what = "did not ping in time" if unnoticed else happened(cause) if cause else "is not well"
        word, began = _next(check, status, now)
        return f"It {what}: {word} {began.relative}." if began else f"It {what}."
    if status == "paused":
        wakes = "only a person can resume it" if check.manual_resume else "its next ping, or a person, resumes it"
        return f"It is not watched: {wakes}."
    if status == "new":
        running = "It is running. " if under_way(check) else ""
        return f"{running}It has not ended yet since it was made or resumed: its first ping starts the clock."
    word, moment = _next(check, status, now)
    if moment is None:
        return "It is up."
    return {
        "must end": f"It is running, and must end {moment.relative}.",
        "must be retried": f"Its last attempt is over, and must be retried {moment.relative}.",
        "alert": f"It is late. An alert is sent {moment.relative}, unless it pings before.",
    }.get(word, f"The next ping is expected {moment.relative}.")


def _facts(check: Check, now: datetime, *, reaches_nobody: bool) -> list[tuple[str, str]]:
    """Return what is known of a check, what is to be expected first; those of which nothing is known are empty."""
    try:
        due, over = expectation(check), deadline(check)
    except ScheduleError as error:
        due, over, broken = None, None, str(error)
    else:
        broken = ""
    running = check.running_since is not None
    snoozed = check.snoozed_until and check.snoozed_until > now
    return [
        ("Trouble", f"The schedule is broken, so nothing is watched: {one_line(broken, 300)}" if broken else ""),
        ("Expected", _at(check, due) if due and not (running and due == check.running_since) else ""),
        ("Running since", _running(check)),
        ("Alert at", _at(check, over)),
        ("Schedule", expected(check.schedule)),
        ("Written as", expression(check.schedule)),
        ("Grace", span(check.grace)),
        ("Last ping", _at(check, check.last_ping) or "never"),
        ("Last run took", span(check.last_duration) if check.last_duration is not None else ""),
        ("Pings", f"{check.n_pings:,}"),
        ("Slug", check.slug),
        ("Accepts", f"{check.methods} only" if check.methods else ""),
        ("Reminders", f"every {span(check.reminder)} while it is down" if check.reminder else ""),
        ("Snoozed until", _at(check, check.snoozed_until) if snoozed else ""),
        ("Flapping", "no more alerts until it has not changed for an hour" if check.flapping else ""),
        ("Notifies", REACHES_NOBODY if reaches_nobody else _notified_by(check)),
    ]


def _running(check: Check) -> str:
    """Return since when a check runs: of several open runs, since when the oldest does."""
    runs = under_way(check)
    since = _at(check, runs[0].started) if runs else ""
    return f"{since}, the oldest of {len(runs)} open runs" if len(runs) > 1 else since


def _at(check: Check, moment: datetime | None) -> str:
    """Return a moment on the clocks of the check's zone and in UTC."""
    if moment is None:
        return ""
    name = "UTC" if isinstance(check.schedule, Period) else check.schedule.tz
    try:
        return clock(moment, zone(name), zone_name=name)
    except ZoneError:
        return clock(moment, UTC)


REACHES_NOBODY = "none of its channels: they were deleted, are off, or filter it out"


def _notified_by(check: Check) -> str:
    if check.channels == ALL_CHANNELS:
        return "every channel of the project"
    named = len([one for one in check.channels.split(",") if one.strip()])
    return f"{named} chosen channel{'s' if named > 1 else ''}" if named else "those who get every alert"


def _ping(recorded: Recorded, now: datetime, *, whole: bool) -> HistoryEntry:
    ping = recorded.ping
    took = f"took {span(recorded.duration)}" if recorded.duration is not None else ""
    status = f"exit status {ping.exit_status}" if ping.exit_status is not None else ""
    said = ", ".join(part for part in (one_line(ping.note, 60) or status, took) if part)
    event = HistoryEntry(
        n=recorded.n, at=when(ping.at, now), kind=_SIGNALS[recorded.kind], words=said, mark=recorded.kind
    )
    if not whole:
        return event
    source = " ".join(part for part in (ping.method, ping.address, one_line(ping.agent, 80)) if part)
    return replace(event, body=shown_output(ping.body, BODY_LIMIT), source=source)


_SIGNALS = {"success": "success", "start": "start", "fail": "failure", "log": "log", "ign": "ignored"}


def _flip(flip: Flip, now: datetime) -> HistoryEntry:
    silent = "" if flip.notify else "silent"
    held = f"we heard nothing for {span(flip.held)} of the wait" if flip.held and flip.held > timedelta(0) else ""
    return HistoryEntry(
        n=flip.n,
        at=when(flip.at, now),
        kind=happened(flip),
        words=", ".join(part for part in (held, silent) if part),
        mark=str(flip.status),
    )
