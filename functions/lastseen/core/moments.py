"""What time does to a check: a table of rules, each with its next moment, and one loop over them.

The loop takes the earliest moment that is over, lets it happen and looks again. So the order of the log is the order
of happening however late somebody looked, and no pair of rules needs code of its own. `wake_at` is the earliest moment
of the same table: no rule can be forgotten there. A schedule that is broken has no deadline, and keeps a wake, so that
each look names it until it is fixed.

Never here: a clock. Read next: dues.py (what a check waits for), blind.py (time that does not count).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lastseen.core.blind import Window, extended
from lastseen.core.check import STEADY, Check, Flip, Outcome, Reason, Status
from lastseen.core.dues import waits_for
from lastseen.core.log import FLAP_SPAN, flipped, noted
from lastseen.core.schedule import ScheduleError

SLACK = timedelta(seconds=2)
"""How long after a deadline we wait for a ping that the gateway had already received to be written."""

MOMENTS_LIMIT = 20
"""More than can happen to a check that is not looked at: each rule ends what it begins."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that time alone does."""

    at: datetime  # when it happens, as the log says it
    sure: datetime  # when no ping that is still on its way can prevent it any more
    does: Callable[[Check, datetime], tuple[Check, Flip]]  # given the check and the time of looking


Rule = Callable[[Check, Sequence[Window]], Moment | None]


def steady_again(check: Check, _blind: Sequence[Window]) -> Moment | None:
    """A check that flapped is steady when it has not flipped for `FLAP_SPAN`; one that is down counts as reminded."""
    if not check.flapping or check.since is None:
        return None
    at = check.since + FLAP_SPAN

    def settles(check: Check, _now: datetime) -> tuple[Check, Flip]:
        down = check.status is Status.DOWN
        steady, flip = noted(
            replace(check, flapping=False, recent=(), reminded=at if down else None), Reason.STEADY, at
        )
        return replace(steady, incident=steady.incident if down else None), flip

    return Moment(at, at, settles)


def deadline_over(check: Check, blind: Sequence[Window]) -> Moment | None:
    """A check goes down when its deadline is over; time in which we were blind does not count."""
    due = waits_for(check)
    if due is None:
        return None
    over = extended(due.deadline, since=due.at, windows=blind)

    def falls(check: Check, _now: datetime) -> tuple[Check, Flip]:
        down, flip = flipped(check, Status.DOWN, due.reason, over, notify=True)
        return down, replace(flip, expected=due.at, held=over - due.deadline or None)

    return Moment(over, over + SLACK, falls)


def reminder_due(check: Check, _blind: Sequence[Window]) -> Moment | None:
    """People are notified again of a check that stays down: once, however many reminders were missed meanwhile."""
    last_alert = check.reminded or check.since
    if check.status is not Status.DOWN or check.reminder is None or last_alert is None or check.flapping:
        return None
    at = max(last_alert + check.reminder, check.snoozed_until or last_alert)
    return Moment(at, at, lambda check, now: noted(replace(check, reminded=now), Reason.REMINDED, now))


TRUTHS: tuple[Rule, ...] = (steady_again, deadline_over)
"""What is true although nobody looked. Of two at the same time, the first."""

RULES: tuple[Rule, ...] = (*TRUTHS, reminder_due)


def passed(check: Check, now: datetime, blind: Sequence[Window], rules: Sequence[Rule]) -> tuple[Check, list[Flip]]:
    """Let time pass: the earliest moment that is over happens, again and again until none is."""
    flips: list[Flip] = []
    for _ in range(MOMENTS_LIMIT):
        over = [moment for moment, _ in _moments(check, blind, rules) if moment and moment.sure <= now]
        if not over:
            return check, flips
        check, flip = min(over, key=lambda moment: moment.at).does(check, now)
        flips.append(flip)
    raise AssertionError(f"time does not end: {flips[-3:]}")


def woken(check: Check, now: datetime, blind: Sequence[Window] = ()) -> Outcome:
    """Decide what the passing of time does to a check.

    A check that cannot compute its deadline is never late; the fault is said, at each wake until it is fixed.
    """
    return outcome(check, *passed(check, now, blind, RULES))


def outcome(before: Check, after: Check, flips: Sequence[Flip] = ()) -> Outcome:
    """Return a decision with what follows from it: when to wake next, and whether other decisions must look again.

    Every transition ends here, so what holds for each of them is stated here.
    """
    moments, faults = zip(*_moments(after, (), RULES), strict=True)
    fault = next(filter(None, faults), "")
    wakes = [moment.at for moment in moments if moment]
    if fault:  # a fault keeps its wake; what a ping found broken is looked at soon
        assert after.last_ping is not None, "only the next success has a schedule"
        known = before.wake_at if before.last_ping == after.last_ping else None
        wakes.append(known or after.last_ping)
    after = replace(after, wake_at=min(wakes, default=None))
    looks_same = replace(after, **{name: getattr(before, name) for name in STEADY}) == before
    after = after if looks_same else replace(after, rev=before.rev + 1)
    assert after.announced <= after.flips, "nobody is notified of what did not happen"
    assert [flip.n for flip in flips] == list(range(before.flips + 1, after.flips + 1)), "no flip is lost"
    assert after.wake_at is None or after.wake_at.tzinfo, "times are aware"
    return Outcome(check=after, flips=tuple(flips), fault=fault)


def _moments(check: Check, blind: Sequence[Window], rules: Sequence[Rule]) -> Iterator[tuple[Moment | None, str]]:
    """Return the next moment of each rule, or why it cannot be computed."""
    for rule in rules:
        try:
            yield rule(check, blind), ""
        except ScheduleError as error:
            yield None, str(error)


def is_late(check: Check, at: datetime) -> bool:
    """Return whether a ping at that time comes after a deadline that nobody has noticed yet."""
    return check.wake_at is not None and check.status is not Status.DOWN and at >= check.wake_at + SLACK
