"""A check and its state machine: every rule of when a check is up, late or down.

Lives here: the values Check, Ping, Flip, and the transitions pinged, woken, paused, resumed, configured, with the
deadline and the appearance that follow from a check. Everything that affects a status must live here.
Never here: a clock, a store, AWS. Each function takes values and returns values; nothing is changed in place.
Read next: schedule.py (when a ping is expected), store.py (how a decision is written), message.py (what is told).

Stored status (new, up, down, paused) and what moves it. "alert" = a flip that people are told about:

  signal          new             up              down            paused           paused, manual resume
  success         up              last ping       up, alert       up               ignored
  fail            down, alert     down, alert     last ping       down, alert      ignored
  start           run opens       run opens       run opens       run opens        ignored
  log             -               -               -               -                ignored
  deadline        down, alert *   down, alert     -               down, alert *    -
  pause           paused          paused          paused          -                -
  resume          refused         refused         refused         new              new

  * only a run that started and did not end has a deadline here.

Source of the rules: the behaviour of Healthchecks, whose clients we serve. Kinder in five places, each said where it
is decided: a run id that comes twice, an end that overtakes its start, a ping that was overtaken by another or by a
pause, a deadline that nobody had noticed yet, a success while another run hangs. Beyond it: reminders while down,
flapping, and time in which we were blind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from lastseen.core.blind import Window, extended
from lastseen.core.schedule import Period, Schedule, ScheduleError, next_due

SLACK = timedelta(seconds=2)
"""How long after a deadline we wait for a ping that the gateway had already received to be written."""

FLAP_SPAN = timedelta(hours=1)
"""More flips than a check's limit within this span: it flaps. None for as long: it is steady again."""

FLAP_LIMIT = 6

RESENT = timedelta(minutes=10)
"""A start that bears the id of an ended run is that run's, sent again, so long after its end; later it is a new run."""


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


class NotPausedError(Exception):
    """Only a paused check can be resumed."""


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
    methods: str = ""  # "POST": other methods are logged and ignored
    filters: Filters = Filters()
    manual_resume: bool = False
    channels: str = "*"  # "*" all of the project, "" none, else ids by comma
    reminder: timedelta | None = None  # how often people are told again while it is down
    snoozed_until: datetime | None = None  # no reminders until then
    flap_limit: int = FLAP_LIMIT  # flips in an hour that are told one by one; 0: all are
    created: datetime | None = None

    # What is.
    status: Status = Status.NEW
    since: datetime | None = None  # when the status began
    incident: int | None = None  # number of the flip that brought it down; None when it is not down
    reminded: datetime | None = None  # when people were last told again
    recent: tuple[datetime, ...] = ()  # of the last flips between up and down, those that may count as flapping
    flapping: bool = False
    last_ping: datetime | None = None  # success or fail
    last_start: datetime | None = None  # of the run that is open; None when none is
    start_rid: str | None = None  # run id of the open run
    end_rid: str | None = None  # run id of the last end; None if it bore none
    last_duration: timedelta | None = None
    n_pings: int = 0
    wake_at: datetime | None = None  # when time alone next changes something; None: never
    rev: int = 0  # bumped by every change that another decision depends on
    flips: int = 0  # status changes so far
    announced: int = 0  # how many of them need no telling any more


STEADY = frozenset({"last_ping", "last_duration", "n_pings", "wake_at", "announced"})
"""What may change without a new `rev`: so that simultaneous success pings of one check never conflict."""

ASKED = frozenset(f.name for f in fields(Check)) - STEADY - {
    "id", "project", "created", "status", "since", "incident", "reminded", "recent", "flapping",
    "last_start", "start_rid", "end_rid", "rev", "flips",
}  # fmt: skip
"""What `configured` may change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """One request to a ping URL, as it was received."""

    at: datetime  # the gateway's time of receipt, UTC
    kind: Kind = Kind.SUCCESS
    rid: str | None = None  # UUID, lower case with hyphens
    exit_status: int | None = None
    note: str = ""  # an exit status that is no number of 0..255, to the letter
    body: bytes = b""
    method: str = "GET"
    scheme: str = "https"
    address: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One entry of the alert log: a change of status, or a word on one that lasts.

    It holds what an alert needs to know of that moment; `event_id` names it for ever.
    """

    n: int
    at: datetime  # a missed deadline bears the deadline, not the time of noticing
    was: Status
    status: Status
    reason: Reason
    told: bool  # whether people are told; pause, resume, a first success and most flapping are silent
    incident: int | None = None  # number of the flip that began the incident that this one begins, repeats or ends
    flapping: bool = False  # people are told of no more flips until the check is steady
    held: timedelta | None = None  # how far the deadline was moved because we could not hear
    since: datetime | None = None  # when the status that ends here began
    expected: datetime | None = None  # when the ping that did not come was expected
    last_ping: datetime | None = None
    started: datetime | None = None  # of the run that was open
    duration: timedelta | None = None  # of the last run
    exit_status: int | None = None
    note: str = ""
    body: bytes = b""  # the end of the ping's body


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a transition decided: the check as it should be, and the flips on the way, oldest first."""

    check: Check
    flips: tuple[Flip, ...] = ()
    kind: Kind | None = None  # what the ping said after filters; None if it was no ping
    duration: timedelta | None = None  # of the run that this ping ended
    fault: str = ""  # why no deadline could be computed; empty if all is well


FLIP_BODY_LIMIT = 2_000
"""Bytes of a ping's body that a flip keeps for the alert: its end, where errors stand."""


# --- Transitions ---


def pinged(check: Check, ping: Ping, blind: Sequence[Window] = ()) -> Outcome:
    """Decide what a ping does to a check. `blind` matters only to one that `is_late`.

    1. Time first: what passed unnoticed before this ping is a flip of its own, so that what people are told does not
       depend on when somebody looked.
    2. Filters turn the signal into what it says; sticky pause, method and keywords can make it an ignored one.
    3. The signal moves the state machine. Each ping is counted, whatever it says.
    """
    present, past = _passed(check, ping.at, blind)
    kind = _said(present, ping)
    moved = replace(present, n_pings=present.n_pings + 1)
    flips: tuple[Flip, ...] = ()
    duration = None
    if kind is Kind.START:
        moved = _started(moved, ping)
    elif kind is Kind.SUCCESS:
        moved, flips, duration = _succeeded(moved, ping)
    elif kind is Kind.FAIL:
        moved, flips, duration = _failed(moved, ping)
    after, fault = _settled(check, moved)
    return Outcome(check=after, flips=past + flips, kind=kind, duration=duration, fault=fault)


def woken(check: Check, now: datetime, blind: Sequence[Window] = ()) -> Outcome:
    """Decide what the passing of time does to a check.

    1. It goes down if its deadline is more than `SLACK` ago, where time in which we were blind does not count; and a
       check that flapped is steady when it has not flipped for `FLAP_SPAN`.
    2. People are told again of a check that stays down, as often as it asks for.

    A check that cannot compute its deadline is never late; the fault is said, at each wake until it is mended.
    """
    present, past = _passed(check, now, blind)
    after, reminder = _reminded(present, now)
    settled, fault = _settled(check, after)
    if fault:
        settled = replace(settled, wake_at=check.wake_at)
    return Outcome(check=settled, flips=past + reminder, fault=fault)


def paused(check: Check, now: datetime) -> Outcome:
    """Stop watching. Silent; an open run is forgotten. Pausing a paused check changes nothing."""
    if check.status is Status.PAUSED:
        return Outcome(check=check)
    still, flip = _flipped(check, Status.PAUSED, Reason.PAUSED, now, told=False)
    return _outcome(check, replace(still, last_start=None, start_rid=None), flip)


def resumed(check: Check, now: datetime) -> Outcome:
    """Watch again, as if new: the next ping starts the clock.

    Raises NotPausedError for a check that is not paused.
    """
    if check.status is not Status.PAUSED:
        raise NotPausedError(f"The check is {check.status}, not paused.")
    fresh, flip = _flipped(check, Status.NEW, Reason.RESUMED, now, told=False)
    return _outcome(check, replace(fresh, last_ping=None, last_start=None, start_rid=None), flip)


def configured(check: Check, **asked: Any) -> Outcome:
    """Change what was asked for. Never changes the status; the deadline follows the new schedule at once.

    A pause that becomes sticky forgets the open run, whose end would be ignored. Raises TypeError for a field that is
    not of `ASKED`.
    """
    if unknown := set(asked) - ASKED:
        raise TypeError(f"Not settings of a check: {', '.join(sorted(unknown))}.")
    after = replace(check, **asked)
    if after.status is Status.PAUSED and after.manual_resume:
        after = replace(after, last_start=None, start_rid=None)
    return _outcome(check, after)


# --- What follows from a check ---


def expectation(check: Check) -> datetime | None:
    """When lateness begins: the next expected success, or the start of the open run if that is earlier.

    None when nothing is expected. Raises ScheduleError if the stored schedule is broken.
    """
    due = _due(check)
    return due[0] if due else None


def deadline(check: Check) -> datetime | None:
    """When the check goes down unless a ping comes: expectation plus grace, in real time. None: never."""
    expected = expectation(check)
    return expected + check.grace if expected else None


def is_late(check: Check, at: datetime) -> bool:
    """Tell whether a ping at that time comes after a deadline that nobody has noticed yet."""
    return check.wake_at is not None and check.status is not Status.DOWN and at >= check.wake_at + SLACK


def appearance(check: Check, now: datetime) -> str:
    """Return the status as people see it: new, up, grace, down or paused; right whether or not a sweep has run.

    A check with a broken schedule keeps the status that is stored.
    """
    if _hangs(check, now):
        return "down"
    if check.status is not Status.UP:
        return str(check.status)
    try:
        expected = next_due(check.schedule, check.last_ping) if check.last_ping else None
    except ScheduleError:
        return "up"
    if expected is None or now < expected:
        return "up"
    return "grace" if now < expected + check.grace else "down"


def unique_key(check_id: str) -> str:
    """Return the name of a check that reveals nothing of its ping URL, for logs, alerts and read-only readers.

    It is the peer's: SHA-1, in hex, of the first 16 hex digits of the UUID.
    """
    return hashlib.sha1(check_id.replace("-", "")[:16].encode(), usedforsecurity=False).hexdigest()


def event_id(check_id: str, n: int) -> str:
    """Name a check's n-th flip for ever, so that whoever hears of it twice can drop the double."""
    return f"{unique_key(check_id)}:{n}"


# --- The moves of the machine, private ---


def _due(check: Check) -> tuple[datetime, Reason] | None:
    """Return what is expected next and what its absence would be called; the earlier of schedule and open run."""
    dues = []
    if check.status is Status.UP and check.last_ping:
        expected = next_due(check.schedule, check.last_ping)
        if expected:
            dues.append((expected, Reason.MISSED))
    if check.last_start and check.status is not Status.DOWN:
        dues.append((check.last_start, Reason.STUCK))
    return min(dues, default=None)


def _hangs(check: Check, at: datetime) -> bool:
    """Tell whether the open run should have ended by then."""
    return check.last_start is not None and at >= check.last_start + check.grace


@dataclass(frozen=True, slots=True)
class _Lapse:
    """A deadline that is over."""

    at: datetime  # the deadline, moved by the time in which we were blind
    expected: datetime
    reason: Reason
    held: timedelta


def _passed(check: Check, now: datetime, blind: Sequence[Window]) -> tuple[Check, tuple[Flip, ...]]:
    """Let time pass: the end of flapping and a missed deadline, in the order in which they came.

    A broken schedule has no deadline; `_settled` says the fault.
    """
    try:
        lapse = _lapse(check, now, blind)
    except ScheduleError:
        lapse = None
    calm, steady = _steadied(check, lapse.at if lapse else now)
    if lapse is None:
        return calm, steady
    down, flip = _flipped(calm, Status.DOWN, lapse.reason, lapse.at, told=True)
    missed = replace(flip, expected=lapse.expected, held=lapse.held or None)
    after, quiet = _steadied(down, now)
    return after, (*steady, missed, *quiet)


def _lapse(check: Check, now: datetime, blind: Sequence[Window]) -> _Lapse | None:
    due = _due(check)
    if due is None:
        return None
    expected, reason = due
    asked = expected + check.grace
    over = extended(asked, since=expected, windows=blind)
    return _Lapse(at=over, expected=expected, reason=reason, held=over - asked) if now >= over + SLACK else None


def _steadied(check: Check, now: datetime) -> tuple[Check, tuple[Flip, ...]]:
    """Tell that a check is steady again, and how; of one that is down that counts as a reminder."""
    at = _steady_at(check)
    if at is None or now < at:
        return check, ()
    reminded = at if check.status is Status.DOWN else None
    return _noted(replace(check, flapping=False, recent=(), reminded=reminded), Reason.STEADY, at)


def _reminded(check: Check, now: datetime) -> tuple[Check, tuple[Flip, ...]]:
    """Tell again, once, however many reminders were missed meanwhile."""
    at = _remind_at(check)
    if at is None or now < at:
        return check, ()
    return _noted(replace(check, reminded=now), Reason.REMINDED, now)


def _steady_at(check: Check) -> datetime | None:
    return check.since + FLAP_SPAN if check.flapping and check.since else None


def _remind_at(check: Check) -> datetime | None:
    told = check.reminded or check.since
    if check.status is not Status.DOWN or check.reminder is None or told is None or check.flapping:
        return None
    at = told + check.reminder
    return max(at, check.snoozed_until) if check.snoozed_until else at


def _said(check: Check, ping: Ping) -> Kind:
    """Return what a ping says to this check, after method, keywords and sticky pause."""
    if check.methods and ping.method not in check.methods.split(","):
        return Kind.IGNORED
    kind = _worded(check.filters, ping.body) if check.filters.http_body else ping.kind
    if check.status is Status.PAUSED and check.manual_resume:
        return Kind.IGNORED
    return kind


def _worded(filters: Filters, body: bytes) -> Kind:
    """Return what a body's keywords say: failure before success before start; none of them: ignored, or failure."""
    text = body.decode(errors="replace")
    rules = ((filters.failure, Kind.FAIL), (filters.success, Kind.SUCCESS), (filters.start, Kind.START))
    for keywords, kind in rules:
        if any(word.strip() and word.strip() in text for word in keywords.split(",")):
            return kind
    return Kind.FAIL if filters.default_fail else Kind.IGNORED


def _started(check: Check, ping: Ping) -> Check:
    """Open a run, or restart the clock of the open one.

    A start does nothing if a later one opened a run, or if its own run is over. A client that sends the same start
    twice has one run, which began with the earlier.
    """
    if check.last_start and ping.rid and ping.rid == check.start_rid:
        return replace(check, last_start=min(check.last_start, ping.at))
    superseded = check.last_start is not None and ping.at < check.last_start
    if superseded or _run_is_over(check, ping) or _before_pause(check, ping):
        return check
    return replace(check, last_start=ping.at, start_rid=ping.rid)


def _run_is_over(check: Check, start: Ping) -> bool:
    """Tell whether an end overtook a start: its own, or one that ends every run.

    Of those there are three: an end without id, a failure, and any end for a start without id.
    """
    if check.last_ping is None:
        return False
    if start.rid and start.rid == check.end_rid:
        return start.at < check.last_ping + RESENT
    ends_all = None in (start.rid, check.end_rid) or check.status is Status.DOWN
    return ends_all and start.at <= check.last_ping


def _succeeded(check: Check, ping: Ping) -> tuple[Check, tuple[Flip, ...], timedelta | None]:
    """Record a success. It ends the open run if it bears its id, or no id; another run's end leaves the run open.

    A check that is down because a run hangs stays down until that run ends: were it up, it would be late at once.
    """
    ended, duration = _run_ended(check, ping, any_run=ping.rid is None)
    still_down = check.status is Status.DOWN and _hangs(ended, ping.at)
    if check.status is Status.UP or still_down or _overtaken(check, ping) or _before_pause(check, ping):
        return ended, (), duration
    up, flip = _flipped(ended, Status.UP, Reason.PINGED, ping.at, told=check.status is Status.DOWN)
    return up, (_with_evidence(flip, check, ping),), duration


def _failed(check: Check, ping: Ping) -> tuple[Check, tuple[Flip, ...], timedelta | None]:
    """Record a failure. It ends whichever run is open.

    A failure that a later success overtook is told all the same, as down and up again: nothing true stays untold.
    """
    ended, duration = _run_ended(check, ping, any_run=True)
    overtaken = _overtaken(check, ping)
    was_up = check.status is Status.UP and not (check.since and ping.at < check.since)
    if check.status is Status.DOWN or (overtaken and not was_up):
        return ended, (), duration
    down, flip = _flipped(ended, Status.DOWN, Reason.FAILED, ping.at, told=True)
    failed = _with_evidence(flip, check, ping)
    if not overtaken:
        return down, (failed,), duration
    up, again = _flipped(down, Status.UP, Reason.PINGED, check.last_ping or ping.at, told=True)
    return up, (failed, again), duration


def _run_ended(check: Check, ping: Ping, *, any_run: bool) -> tuple[Check, timedelta | None]:
    """Record an end, and how long its run took. It ends the open run if it is this one, or any that began before."""
    start = check.last_start
    its_own = start is not None and ping.rid == check.start_rid and (ping.rid is not None or start <= ping.at)
    duration = max(ping.at - start, timedelta(0)) if start is not None and its_own else None
    repeated = ping.rid is not None and ping.rid == check.end_rid and not its_own
    ended = replace(check, end_rid=ping.rid)
    if its_own or (any_run and start is not None and start <= ping.at):
        ended = replace(ended, last_start=None, start_rid=None)
    if _overtaken(check, ping):
        return ended, duration  # a later end has said the rest
    return replace(ended, last_ping=ping.at, last_duration=check.last_duration if repeated else duration), duration


def _overtaken(check: Check, ping: Ping) -> bool:
    """Tell whether a later end was written before this one: then that one has decided the status."""
    return check.last_ping is not None and ping.at < check.last_ping


def _before_pause(check: Check, ping: Ping) -> bool:
    """Tell whether a ping was on its way when the check was paused: then the pause has decided the status."""
    return check.status is Status.PAUSED and check.since is not None and ping.at < check.since


def _with_evidence(flip: Flip, before: Check, ping: Ping) -> Flip:
    return replace(
        flip,
        last_ping=before.last_ping,
        started=before.last_start,
        exit_status=ping.exit_status,
        note=ping.note,
        body=ping.body[-FLIP_BODY_LIMIT:],
    )


def _flipped(check: Check, status: Status, reason: Reason, at: datetime, *, told: bool) -> tuple[Check, Flip]:
    """Change the status and log it. Flips never go back in time, however late a ping was written.

    One flip too many within `FLAP_SPAN` is told as flapping; those after it are silent until the check is steady,
    unless its limit was lifted meanwhile.
    """
    at = max(at, check.since) if check.since else at
    recent = tuple(moment for moment in check.recent if moment > at - FLAP_SPAN) + ((at,) if told else ())
    flaps = told and not check.flapping and 0 < check.flap_limit < len(recent)
    n = check.flips + 1
    incident = n if status is Status.DOWN else check.incident
    flip = _entry(check, status, reason, at, told=told and not (check.flapping and check.flap_limit))
    flip = replace(flip, incident=incident, flapping=flaps)
    after = replace(
        _logged(check, flip),
        status=status,
        since=at,
        incident=n if status is Status.DOWN else None,
        reminded=None,
        recent=recent[-check.flap_limit - 1 :] if check.flap_limit else (),
        flapping=check.flapping or flaps,
    )
    return after, flip


def _noted(check: Check, reason: Reason, at: datetime) -> tuple[Check, tuple[Flip, ...]]:
    """Log a word on a status that lasts."""
    flip = _entry(check, check.status, reason, at, told=True)
    return _logged(check, flip), (flip,)


def _entry(check: Check, status: Status, reason: Reason, at: datetime, *, told: bool) -> Flip:
    return Flip(
        n=check.flips + 1,
        at=at,
        was=check.status,
        status=status,
        reason=reason,
        told=told,
        incident=check.incident,
        since=check.since,
        last_ping=check.last_ping,
        started=check.last_start,
        duration=check.last_duration,
    )


def _logged(check: Check, flip: Flip) -> Check:
    """Count an entry of the log. A silent one needs no telling, unless others before it still do."""
    nothing_pending = check.announced == check.flips
    announced = flip.n if nothing_pending and not flip.told else check.announced
    return replace(check, flips=flip.n, announced=announced)


def _outcome(before: Check, after: Check, flip: Flip | None = None) -> Outcome:
    settled, fault = _settled(before, after)
    return Outcome(check=settled, flips=(flip,) if flip else (), fault=fault)


def _settled(before: Check, after: Check) -> tuple[Check, str]:
    """Derive what follows from a change: the next moment to wake, and whether other decisions must look again."""
    try:
        due, fault = deadline(after), ""
    except ScheduleError as error:
        due, fault = None, str(error)
    moments = [moment for moment in (due, _steady_at(after), _remind_at(after)) if moment]
    after = replace(after, wake_at=min(moments, default=None))
    looks_same = replace(after, **{name: getattr(before, name) for name in STEADY}) == before
    return (after if looks_same else replace(after, rev=before.rev + 1)), fault
