"""What should be told, and when: the rules a second time, so that the program is not its own judge.

Lives here: a plain reading of the table of signals, the deadlines, slack, blindness, flapping and reminders. It is fed
with what was asked of the program and in which order that came to be written, never with what the program decided.
Never here: anything of machine.py, moments.py, runs.py or blind.py. When a schedule is due is taken from schedule.py,
which has proofs of its own. Times are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from lastseen.core.schedule import Period, Schedule, ScheduleError, next_due
from lastseen.core.times import millis, moment
from tests.simulation.clockwork import HOUR, MINUTE, SECOND

SLACK = 2 * SECOND
STALE = 150 * SECOND
HOLD = 15 * MINUTE
RESENT = 10 * MINUTE
MARGIN = 15 * SECOND
"""A silence of the canary that is this close to being stale may or may not have been noticed."""


@dataclass(frozen=True, slots=True)
class Said:
    """A ping, as the rules see it."""

    at: int  # the gateway's time
    kind: str  # success, start, fail, log
    rid: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of the API."""

    what: str  # pause, resume, change
    at: int
    wish: Wish | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for a check."""

    schedule: Schedule
    grace: int
    sticky: bool = False
    limit: int = 0  # flips in an hour
    reminder: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log, as it should be."""

    n: int
    at: int
    status: str
    reason: str
    told: bool
    flaps: bool = False


@dataclass(slots=True)
class Gap:
    """The canary was silent from `start` to `end`."""

    start: int
    end: int
    noticed: int | None  # when a sweep first wrote it down, if one did before its end
    noted: int | None = None  # when that was first written down after its end


Silence = tuple[int, int, bool]
"""Start, end, and whether it counts in full: no sweep ran, or what it wrote is forgotten."""


@dataclass(slots=True)
class Hearing:
    """When the canary was heard."""

    last: int | None = None
    noticed: int | None = None
    gaps: list[Gap] = field(default_factory=list)

    def heard(self, at: int) -> None:
        if self.last is not None and at - self.last > STALE - MARGIN:
            self.gaps.append(Gap(self.last, at, self.noticed))
        if self.last is None or at > self.last:
            self.last, self.noticed = at, None

    def noted(self, now: int) -> None:
        if self.noticed is None and self.last is not None and now - self.last > STALE - MARGIN:
            self.noticed = now
        for gap in self.gaps[-3:]:
            if gap.noted is None and gap.end < now:
                gap.noted = now

    def moved(self, deadline: int, since: int, now: int) -> tuple[int, int]:
        """Return a deadline moved by what was surely noticed of our deafness, and by the most that may have been."""
        silent = now - self.last if self.last is not None else 0
        if not self.gaps and silent <= STALE - MARGIN:
            return deadline, deadline
        sure, most = [], []
        for gap in self.gaps:
            if gap.end - gap.start > STALE + MARGIN:
                sure += _least(gap.start, gap.noticed, min(gap.end, now))
            most += _most(gap.start, gap.noticed, max(gap.end, gap.noted or now) + 2 * MINUTE)
        if self.last is not None and silent > STALE - MARGIN:
            most += _most(self.last, self.noticed or now, now)
            if silent > STALE + SECOND:
                sure += _least(self.last, self.noticed or now, now)
        least = _moved(deadline, since, sure)
        return least, max(_moved(deadline, since, most), least)


def _least(start: int, noticed: int | None, end: int) -> list[Silence]:
    if noticed is None or noticed - start <= HOLD + MARGIN:
        return [(start, end, False)]
    return [(start, noticed - MARGIN, True), (noticed - MARGIN, end, False)]


def _most(start: int, noticed: int | None, end: int) -> list[Silence]:
    if noticed is not None and noticed - start <= HOLD - MARGIN:
        return [(start, end, False)]
    awake = (noticed or end) + MARGIN
    return [(start, awake, True), (awake, end, False)]


def _moved(deadline: int, since: int, gaps: Sequence[Silence]) -> int:
    for start, end, full in gaps:
        begins = max(start, since)
        if begins < min(deadline, end):
            deadline += end - begins if full else min(end - begins, HOLD)
    return deadline


@lru_cache(maxsize=100_000)
def _due(schedule: Schedule, after: int) -> int | None:
    """Return when a ping is expected. Raises ScheduleError."""
    due = next_due(schedule, moment(after))
    return millis(due) if due else None


@dataclass(slots=True)
class Rules:
    """One check, as it should be."""

    wish: Wish
    status: str = "new"
    since: int | None = None
    last_end: int | None = None
    run: int | None = None
    run_rid: str | None = None
    ended_rid: str | None = None
    recent: list[int] = field(default_factory=list)
    flapping: bool = False
    reminded: int | None = None
    rescheduled: int | None = None  # when another schedule was asked for
    regraced: int | None = None  # when another grace was
    log: list[Entry] = field(default_factory=list)
    _new: list[Entry] = field(default_factory=list)

    # What happens to it. Each returns the entries that it makes. `missed` is when the program says that the deadline
    # was missed, if it does: it has the choice only within the bounds of `passes`.

    def ping(self, said: Said, hearing: Hearing, missed: int | None) -> list[Entry]:
        self._passes(said.at, hearing, missed)
        if self.status == "paused" and self.wish.sticky:
            return self._made()
        if said.kind == "start":
            self._start(said)
        elif said.kind == "success":
            self._success(said)
        elif said.kind == "fail":
            self._fail(said)
        return self._made()

    def looked_at(self, now: int, hearing: Hearing, missed: int | None) -> list[Entry]:
        self._passes(now, hearing, missed)
        if self.status == "down" and self.wish.reminder is not None and not self.flapping:
            told = self.reminded if self.reminded is not None else self.since or 0
            if now >= told + self.wish.reminder:
                self._word("reminded", now)
                self.reminded = now
        return self._made()

    def asked(self, asked: Asked, hearing: Hearing, missed: int | None) -> list[Entry]:
        before = self.status
        self._passes(asked.at, hearing, missed)
        if asked.wish:
            self.rescheduled = self.rescheduled if asked.wish.schedule == self.wish.schedule else asked.at
            self.regraced = self.regraced if asked.wish.grace == self.wish.grace else asked.at
            self.wish = asked.wish
            if self.status == "paused" and self.wish.sticky:
                self.run = self.run_rid = None  # its end would be ignored
        elif asked.what == "pause" and self.status != "paused":
            self._flip("paused", "paused", asked.at, told=False)
            self.run = self.run_rid = None
        elif asked.what == "resume" and before == "paused":
            self._flip("new", "resumed", asked.at, told=False)
            self.last_end = self.run = self.run_rid = None
        return self._made()

    def deadline(self) -> tuple[int, int, str] | None:
        """Return when lateness begins, when it is too late, and what that is called; None: never."""
        dues = []
        if self.status == "up" and self.last_end is not None:
            try:
                due = self._expected(self.last_end)
            except ScheduleError:
                return None
            if due:
                dues.append((due, "missed"))
        if self.run is not None and self.status != "down":
            dues.append((self.run, "stuck"))
        lates = [(max(since, self.regraced or 0) + self.wish.grace, since, reason) for since, reason in dues]
        if not lates:
            return None
        late, expected, reason = min(lates)
        return expected, late, reason

    def _expected(self, last_end: int) -> int | None:
        """A job that moved to another time is expected at its first new time; one that runs oftener, from now on."""
        moved = max(last_end, self.rescheduled or 0)
        if not isinstance(self.wish.schedule, Period):
            return _due(self.wish.schedule, moved)
        due = _due(self.wish.schedule, last_end)
        return max(due, moved) if due else None

    # Time

    def _passes(self, now: int, hearing: Hearing, missed: int | None) -> None:
        """Let time pass: a missed deadline and the end of flapping, in the order in which they came."""
        at, reason = self._too_late(now, hearing, missed)
        if at is not None and self.since is not None:
            at = max(at, self.since)
        quiet = self._quiet_at()
        if quiet is not None and quiet <= now and (at is None or quiet <= at):
            self._steady(quiet)
        if at is not None:
            self._flip("down", reason, at, told=True)
            quiet = self._quiet_at()
            if quiet is not None and quiet <= now:
                self._steady(quiet)

    def _too_late(self, now: int, hearing: Hearing, missed: int | None) -> tuple[int | None, str]:
        due = self.deadline()
        if due is None or now < due[1] + SLACK:
            return None, ""
        least, most = hearing.moved(due[1], due[0], now)
        must, may = now >= most + SLACK, now >= least + SLACK
        if must or (may and missed is not None):
            return (missed if missed is not None and least <= missed <= most else least), due[2]
        return None, ""

    def _quiet_at(self) -> int | None:
        return self.since + HOUR if self.flapping and self.since is not None else None

    def _steady(self, at: int) -> None:
        self._word("steady", at)
        self.flapping, self.recent = False, []
        if self.status == "down":
            self.reminded = at

    # Signals

    def _start(self, said: Said) -> None:
        if self.run is not None and said.rid is not None and said.rid == self.run_rid:
            self.run = min(self.run, said.at)  # one run, that began with the earlier
            return
        if self.last_end is not None:
            if said.rid is not None and said.rid == self.ended_rid:
                if said.at < self.last_end + RESENT:
                    return  # the run that has ended, sent again
            elif (said.rid is None or self.ended_rid is None or self.status == "down") and said.at <= self.last_end:
                return  # it began before an end that ends every run
        if not self._before_pause(said) and (self.run is None or said.at >= self.run):
            self.run, self.run_rid = said.at, said.rid

    def _success(self, said: Said) -> None:
        self._end(said, any_run=said.rid is None)
        if self._overtaken(said):
            return
        self.last_end = said.at
        hangs = self.run is not None and said.at >= self.run + self.wish.grace
        if self.status == "up" or (self.status == "down" and hangs) or self._before_pause(said):
            return  # beside a run that hangs it stays down, as it is shown
        self._flip("up", "pinged", said.at, told=self.status == "down")

    def _fail(self, said: Said) -> None:
        self._end(said, any_run=True)
        overtaken = self._overtaken(said)
        if not overtaken:
            self.last_end = said.at
        if self.status == "down":
            return
        if not overtaken:
            self._flip("down", "failed", said.at, told=True)
        elif self.status == "up" and not self._was_down_after(said.at):
            self._flip("down", "failed", said.at, told=True)
            self._flip("up", "pinged", self.last_end or 0, told=True)

    def _end(self, said: Said, *, any_run: bool) -> None:
        same = self.run is not None and said.rid == self.run_rid and (said.rid is not None or said.at >= self.run)
        if same or (any_run and self.run is not None and self.run <= said.at):
            self.run = self.run_rid = None
        if not self._overtaken(said):
            self.ended_rid = said.rid  # that of the last end, as `last_end` is its time

    def _overtaken(self, said: Said) -> bool:
        return self.last_end is not None and said.at < self.last_end

    def _was_down_after(self, at: int) -> bool:
        """Tell whether people know already that it did not go well: it was down then, or later."""
        ends = [entry.at for was, entry in pairwise(self.log) if was.status == "down" and entry.status != "down"]
        return any(at < end for end in ends)

    def _before_pause(self, said: Said) -> bool:
        return self.status == "paused" and self.since is not None and said.at < self.since

    # The log

    def _flip(self, status: str, reason: str, at: int, *, told: bool) -> None:
        at = max(at, self.since or at)
        self.recent = [past for past in self.recent if past > at - HOUR] + ([at] if told else [])
        flaps = told and not self.flapping and 0 < self.wish.limit < len(self.recent)
        self.recent = self.recent[-self.wish.limit - 1 :] if self.wish.limit else []
        self.status, self.since, self.reminded = status, at, None
        silent = self.flapping and self.wish.limit > 0
        self._enter(reason, at, told=told and not silent, flaps=flaps)
        self.flapping = self.flapping or flaps

    def _word(self, reason: str, at: int) -> None:
        self._enter(reason, at, told=True)

    def _enter(self, reason: str, at: int, *, told: bool, flaps: bool = False) -> None:
        entry = Entry(len(self.log) + 1, at, self.status, reason, told, flaps)
        self.log.append(entry)
        self._new.append(entry)

    def _made(self) -> list[Entry]:
        made, self._new = self._new, []
        return made
