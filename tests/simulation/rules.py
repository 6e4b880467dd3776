"""What should be told, and when: the rules a second time, so that the program is not its own judge.

Lives here: a plain reading of the table of signals, the deadlines, slack, blindness, flapping and reminders. It is fed
with what was asked of the program and in which order that came to be written, never with what the program decided.
Never here: anything of machine.py, moments.py, runs.py, early.py, blind.py or zones.py. When a schedule is due in UTC
is taken from schedule.py, which has proofs of its own. Times are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo  # noqa: TID251 - the program's own door to it is on trial here

from lastseen.core.schedule import Cron, OnCalendar, Period, Schedule, ScheduleError, next_due
from lastseen.core.times import millis, moment
from tests.simulation.clockwork import HOUR, MINUTE, SECOND

SLACK = 2 * SECOND
STALE = 150 * SECOND
HOLD = 15 * MINUTE
RESENT = 10 * MINUTE
RETRY = "waits for its retry"
RETRY_AHEAD = 20 * SECOND
WATCHED = 8
MARGIN = 15 * SECOND
"""A silence of the canary that is this close to being stale may or may not have been noticed."""


@dataclass(frozen=True, slots=True)
class Said:
    """A ping, as the rules see it."""

    at: int  # the gateway's time
    kind: str  # success, start, fail, log; over and again: logs that end their run
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
    incident: int | None = None  # number of the entry that opened what this one tells of


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
    """Return when a ping is expected: in UTC, and then on the clocks of the zone. Raises ScheduleError."""
    due = None if isinstance(schedule, Period) else _due_on_the_clocks(schedule, moment(after))
    due = due or next_due(schedule, moment(after))
    return millis(due) if due else None


def _due_on_the_clocks(schedule: Cron | OnCalendar, after: datetime) -> datetime | None:
    """Return when a ping is expected by rules that are read here; None if the clocks change meanwhile."""
    file = files("tzdata") / "zoneinfo" / schedule.tz
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        clocks = ZoneInfo.from_file(opened)
    offset = after.astimezone(clocks).utcoffset()
    assert offset is not None, "clocks show something"
    due = next_due(replace(schedule, tz="UTC"), after + offset)
    return due - offset if due and (due - offset).astimezone(clocks).utcoffset() == offset else None


@dataclass(slots=True)
class Rules:
    """One check, as it should be."""

    wish: Wish
    status: str = "new"
    since: int | None = None
    last_end: int | None = None
    open: list[tuple[int, str | None]] = field(default_factory=list)  # starts that have no end yet
    over: dict[str, int] = field(default_factory=dict)  # run ids that ended, and when
    took: int = 0  # how long the run of the last end took, as far as that is known
    last_rid: str | None = None  # of the last end
    recent: list[int] = field(default_factory=list)
    flapping: bool = False
    reminded: int | None = None
    incident: int | None = None  # number of the entry that opened what lasts: it is down, or it flaps
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
        elif said.kind in {"over", "again"} and said.rid is not None:
            mine = [run for run in self.open if run[1] == said.rid]
            self.open = [run for run in self.open if run not in mine]
            if said.kind == "again" and not any(self._is_retried(start, said) for start, _ in mine):
                self.open += [(start, RETRY) for start, _ in mine]
                self.open.sort(key=lambda run: (run[0], run[1] or ""))
            self.over[said.rid] = max(said.at, self.over.get(said.rid, said.at))
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
                self.open = []  # their ends would be ignored
        elif asked.what == "pause" and self.status != "paused":
            self._flip("paused", "paused", asked.at, told=self.incident is not None)
            self.open = []
        elif asked.what == "resume" and before == "paused":
            self._flip("new", "resumed", asked.at, told=self.incident is not None)
            self.last_end, self.open = None, []
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
        if self.status != "down":
            dues += [(start, "stuck") for start, _ in self.open]
        lates = [(max(since, self.regraced or 0) + self.wish.grace, since, reason) for since, reason in dues]
        if not lates:
            return None
        late, expected, reason = min(lates)
        return expected, late, reason

    def _expected(self, last_end: int) -> int | None:
        """A job that moved to another time is expected at its first new time; one that runs oftener, from now on.

        A success that came just before a time, a twentieth of the interval or five minutes, was of that time.
        """
        moved = max(last_end, self.rescheduled or 0)
        if not isinstance(self.wish.schedule, Period):
            due = _due(self.wish.schedule, moved)
            following = _due(self.wish.schedule, due) if due else None
            if due is None or following is None:
                return due
            early = due - (last_end - self.took)
            return following if early <= 5 * MINUTE and 20 * early <= following - due else due
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
        self.incident = self.incident if self.status == "down" else None
        if self.status == "down":
            self.reminded = at

    # Signals

    def _start(self, said: Said) -> None:
        known = [run for run in self.open if said.rid is not None and run[1] == said.rid]
        if known:
            self.open.remove(known[0])
            self.open.append((min(known[0][0], said.at), said.rid))  # one run, that began with the earlier
        elif self._has_ended(said) or self._before_pause(said):
            return
        elif said.rid is not None:
            self._retried()
            self.open.append((said.at, said.rid))
        else:
            self._retried()
            nameless = [start for start, rid in self.open if rid is None] + [said.at]
            kept = {max(nameless)} if self.status in {"up", "down"} else {min(nameless), max(nameless)}
            self.open = [run for run in self.open if run[1] is not None] + [(start, None) for start in kept]
        self.open.sort(key=lambda run: (run[0], run[1] or ""))
        if len(self.open) > WATCHED:
            self.open = self.open[-WATCHED:] if self.status == "down" else self.open[:WATCHED]

    def _has_ended(self, said: Said) -> bool:
        """Tell whether the end of the run that starts is known: it overtook the start, or the start comes twice."""
        if said.rid in self.over:
            return said.at < self.over[said.rid] + RESENT
        if self.last_end is None:
            return False
        return (said.rid is None or self.last_rid is None) and said.at <= self.last_end

    def _success(self, said: Said) -> None:
        self._end(said, failed=False)
        if self._overtaken(said):
            return
        self.last_end = said.at
        if self.status == "up" or self._before_pause(said):
            return
        if self.status == "down":  # what hung is known, and the job goes on
            self.open = [run for run in self.open if said.at < max(run[0], self.regraced or 0) + self.wish.grace]
        nameless = [start for start, rid in self.open if rid is None]
        self.open = [run for run in self.open if run[1] is not None or run[0] == max(nameless)]
        self._flip("up", "pinged", said.at, told=self.status == "down")

    def _fail(self, said: Said) -> None:
        self._end(said, failed=True)
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

    def _end(self, said: Said, *, failed: bool) -> None:
        """An end with an id ends its own run, and failing the nameless one too; one without ends what began before."""
        own = [start for start, rid in self.open if rid == said.rid and (rid is not None or start <= said.at)]
        again = not own and said.rid is not None and said.at < self.over.get(said.rid, -RESENT) + RESENT
        took = max(said.at - max(own), 0) if own else 0
        if not own and not again:
            self._retried()
        self.open = [
            (start, rid)
            for start, rid in self.open
            if not (said.rid is not None and rid == said.rid)
            and not (start <= said.at and (said.rid is None or (failed and rid is None)))
        ]
        if said.rid is not None:
            self.over[said.rid] = max(self.over.get(said.rid, 0), said.at)
        if not self._overtaken(said):
            self.took = self.took if again else took
            self.last_rid = said.rid  # that of the last end, as `last_end` is its time

    def _retried(self) -> None:
        """Wait no longer for the first retry that is outstanding."""
        outstanding = [run for run in self.open if run[1] == RETRY]
        if outstanding:
            self.open.remove(outstanding[0])

    def _is_retried(self, start: int, said: Said) -> bool:
        """Tell whether a retry overtook the word that its run is over: a free worker takes it at once."""
        later = [begun for begun, rid in self.open if rid != RETRY]
        if self.last_end is not None:
            later.append(self.last_end - self.took)
        return any(begun > start and begun > said.at - RETRY_AHEAD for begun in later)

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
        counts = told and status in {"up", "down"}
        self.recent = [past for past in self.recent if past > at - HOUR] + ([at] if counts else [])
        flaps = counts and not self.flapping and 0 < self.wish.limit < len(self.recent)
        self.recent = self.recent[-self.wish.limit - 1 :] if self.wish.limit else []
        self.status, self.since, self.reminded = status, at, None
        watched = status in {"up", "down"}
        silent = self.flapping and self.wish.limit > 0 and watched
        if status == "down" and not (self.flapping and self.incident):
            self.incident = len(self.log) + 1
        self._enter(reason, at, told=told and not silent, flaps=flaps)
        self.flapping = (self.flapping or flaps) and watched
        self.recent = self.recent if watched else []
        if status != "down" and not self.flapping:
            self.incident = None

    def _word(self, reason: str, at: int) -> None:
        self._enter(reason, at, told=True)

    def _enter(self, reason: str, at: int, *, told: bool, flaps: bool = False) -> None:
        entry = Entry(len(self.log) + 1, at, self.status, reason, told, flaps, self.incident if told else None)
        self.log.append(entry)
        self._new.append(entry)

    def _made(self) -> list[Entry]:
        made, self._new = self._new, []
        return made
