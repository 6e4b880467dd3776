"""What a ping, a pause, a resume and a change of settings do to a check.

Lives here: pinged, paused, resumed, configured. With moments.py (what time does) this is every rule of when a check is
up or down. Four machines make a check: its runs (runs.py), status (here), who is notified (log.py), time (moments.py).
Never here: a clock, a store, AWS. Read next: moments.py; storage/store.py (how a decision is written).

Stored status (new, up, down, paused) and what moves it. "alert" = a flip that people are notified of:

  signal          new             up              down            paused           paused, manual resume
  success         up              last ping       up, alert       up               ignored
  fail            down, alert     down, alert     last ping       down, alert      ignored
  start           run opens       run opens       run opens       run opens        ignored
  log             - **            - **            - **            - **             ignored
  deadline        down, alert *   down, alert     -               down, alert *    -
  pause           paused          paused          paused          -                -
  resume          refused         refused         refused         new              new

  * only a run that started and did not end has a deadline here.
  ** one that says that its run is over stops the clock of that run, at once or when its retry begins.

Source of the rules: the behaviour of Healthchecks, whose clients we serve. Kinder in six places, each said where it is
decided: runs with ids, an id that comes twice, an end that overtakes its start, a ping that was overtaken by another or
by a pause, a deadline that nobody had noticed yet, a job that never ends on a check that is not up. Beyond it:
reminders while down, flapping, and time in which we were blind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from lastseen.core.blind import Window
from lastseen.core.channel import readers_of
from lastseen.core.check import ASKED, Check, Flip, Kind, Outcome, Ping, Reason, Status
from lastseen.core.log import flipped, noted, with_evidence
from lastseen.core.moments import TRUTHS, outcome, passed
from lastseen.core.runs import (
    before_pause,
    ended,
    first_forgotten,
    forgotten,
    given_up,
    hung_forgotten,
    overtaken,
    started,
)
from lastseen.core.schedule import same_times
from lastseen.core.signals import TURNS, meaning


class NotPausedError(Exception):
    """Only a paused check can be resumed."""


Move = tuple[Check, tuple[Flip, ...], timedelta | None]
"""The check after a signal, the flips on the way, and how long the run took that it ended."""


# --- Transitions ---


def pinged(check: Check, ping: Ping, blind: Sequence[Window] = ()) -> Outcome:
    """Decide what a ping does to a check. `blind` matters only to one that `is_late`.

    1. Time first: what passed unnoticed before this ping is a flip of its own, so that alerts do not
       depend on when somebody looked. No reminder, though: the ping may be the end of it.
    2. Filters turn the signal into what it says; sticky pause, method and keywords can make it an ignored one.
    3. The signal moves the state machine. Each ping is counted, whatever it says.
    """
    assert ping.at.tzinfo is not None, "times are aware"
    present, past = passed(check, ping.at, blind, TRUTHS)
    kind = meaning(present, ping)
    counted = replace(present, n_pings=present.n_pings + 1)
    moved, flips, duration = _MOVES[kind](counted, ping) if kind in _MOVES else (counted, (), None)
    return replace(outcome(check, moved, (*past, *flips)), kind=kind, duration=duration)


def paused(check: Check, now: datetime, blind: Sequence[Window] = (), *, reason: Reason = Reason.PAUSED) -> Outcome:
    """Stop watching, time first; open runs are forgotten. Pausing a paused check changes nothing.

    Silent, unless an incident lasts: those who were notified of its beginning are notified that it is over, and why: it
    is paused, or about to be deleted.
    """
    present, past = passed(check, now, blind, TRUTHS)
    if present.status is Status.PAUSED:
        return outcome(check, present, past)
    still, flip = flipped(present, Status.PAUSED, reason, now, notify=present.incident is not None)
    return outcome(check, forgotten(still), (*past, flip))


def resumed(check: Check, now: datetime, blind: Sequence[Window] = ()) -> Outcome:
    """Watch again, time first, and then as if new: the next ping starts the clock.

    Raises NotPausedError for a check that is not paused.
    """
    if check.status is not Status.PAUSED:
        raise NotPausedError(f"The check is {check.status}, not paused.")
    present, past = passed(check, now, blind, TRUTHS)
    fresh, flip = flipped(present, Status.NEW, Reason.RESUMED, now, notify=present.incident is not None)
    return outcome(check, replace(forgotten(fresh), last_ping=None), (*past, flip))


def configured(check: Check, now: datetime, blind: Sequence[Window] = (), /, **asked: Any) -> Outcome:
    """Change what was asked for, time first: a deadline that was over, and that nobody noticed, is not forgotten.

    The change itself never moves the status, and is held against nothing that was before it: see `expected_after` and
    `grace_from`. A pause that becomes sticky forgets the open runs, whose ends would be ignored. Other channels or tags
    while an incident lasts are noted: it ends for those who hear of it no more. Raises TypeError for a field that is
    not of `ASKED`.
    """
    if unknown := set(asked) - ASKED:
        raise TypeError(f"Not settings of a check: {', '.join(sorted(unknown))}.")
    present, past = passed(check, now, blind, TRUTHS)
    after = replace(present, **asked)
    rescheduled = not same_times(after.schedule, present.schedule) or after.early != present.early
    if rescheduled:
        after = replace(after, schedule_changed=now)
    if after.grace != present.grace:
        after = replace(after, grace_changed=now)
    if after.status is Status.PAUSED and after.manual_resume:
        after = forgotten(after)
    if present.incident is not None and readers_of(after) != readers_of(present):
        after, note = noted(after, Reason.UNASSIGNED, now)
        past = [*past, note]
    return outcome(check, after, past)


# --- What a ping does ---


def _started(check: Check, ping: Ping) -> Move:
    return started(check, ping), (), None


def _succeeded(check: Check, ping: Ping) -> Move:
    """Record a success. It ends an incident, and with it the runs that hung: people know of them.

    A run that has still time goes on, and can get stuck later.
    """
    after, duration = ended(check, ping, failed=False)
    if overtaken(check, ping) or before_pause(check, ping):
        return after, (), duration
    if check.status is Status.DOWN:
        after = hung_forgotten(after, ping.at)
    return *_turned(first_forgotten(after), Kind.SUCCESS, check, ping), duration


def _failed(check: Check, ping: Ping) -> Move:
    """Record a failure.

    A failure that a later success overtook is still alerted, as down and up again, unless the check was down
    after it: then people know. Nothing true stays untold.
    """
    after, duration = ended(check, ping, failed=True)
    if not overtaken(check, ping):
        return *_turned(after, Kind.FAIL, check, ping), duration
    was_down_since = check.recovered is not None and ping.at < check.recovered
    if check.status is not Status.UP or was_down_since:
        return after, (), duration
    assert check.last_ping is not None, "a later end was written"
    down, failures = _turned(after, Kind.FAIL, check, ping)
    up, again = flipped(down, Status.UP, Reason.PINGED, check.last_ping, notify=True)
    return up, (*failures, again), duration


def _logged(check: Check, ping: Ping) -> Move:
    return given_up(check, ping) if ping.over and ping.rid else check, (), None


def _turned(check: Check, kind: Kind, before: Check, ping: Ping) -> tuple[Check, tuple[Flip, ...]]:
    """Let a signal change the status as `TURNS` says."""
    turn = TURNS.get((kind, check.status))
    if turn is None:
        return check, ()
    after, flip = flipped(check, turn.status, turn.reason, ping.at, notify=turn.alert)
    return after, (with_evidence(flip, before, ping),)


_MOVES: Mapping[Kind, Callable[[Check, Ping], Move]] = {
    Kind.START: _started,
    Kind.SUCCESS: _succeeded,
    Kind.FAIL: _failed,
    Kind.LOG: _logged,
}
