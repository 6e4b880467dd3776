"""Steps: how late alerts are. Test checks miss deadlines and fail; a subscriber's queue says when each alert came.

Both times are AWS's: the deadline or the gateway's time of the failure, and SQS's time of arrival. This machine's clock
plays no part.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from lastseen.alerting.sweep import LOOK_AHEAD
from lastseen.core.check import Status, unique_key
from lastseen.core.schedule import Period
from lastseen.storage.documents import CANARY
from lastseen_cli.deep.visit import Heard, Measured, Visit, not_here
from lastseen_cli.doctor import REQUEST_SECONDS, Finding, Level

PROMISED_SECONDS = 5.0
"""From the deadline to the publication, at p99, while the schedule keeps its minute. See README."""

PATIENCE = timedelta(seconds=180)
"""After the last deadline, or failure: what has not come by then is lost or far too late."""

MINUTE = timedelta(minutes=1)
KEPT_SECONDS = 75.0
"""Two sweeps that are no further apart: the schedule has kept its minute."""


def deadlines(visit: Visit) -> Measured:
    """Let checks miss their deadlines."""
    visit.listen()
    plan, now = visit.plan, visit.clock()
    causes = {}
    for number in range(1, plan.deadlines + 1):
        deadline = now + plan.ahead + plan.apart * (number - 1)
        check = visit.create(
            visit.name("deadline", number),
            schedule=Period(MINUTE),
            grace=MINUTE,
            created=deadline - 3 * MINUTE,
            status=Status.UP,
            since=deadline - 3 * MINUTE,
            last_ping=deadline - 2 * MINUTE,
            wake_at=deadline,
            n_pings=1,
        )
        causes[unique_key(check.id)] = deadline
    last = max(causes.values())
    visit.say(f"{plan.deadlines} test deadlines are missed, the last one at {last:%H:%M:%S} UTC.")
    visit.wait_for(set(causes), until=last + PATIENCE)
    return _measured("deadlines", visit, set(causes), reason="missed")


def failures(visit: Visit) -> Measured:
    """Let checks fail through the public URL."""
    visit.listen()
    plan = visit.plan
    keys, refused = set(), 0
    visit.say(f"{plan.failures} test checks fail.")
    for number in range(1, plan.failures + 1):
        check = visit.create(visit.name("failure", number))
        if _fails(f"{visit.deployment.output('PingUrl')}/{check.id}/fail"):
            keys.add(unique_key(check.id))
        else:
            refused += 1
        visit.pause(plan.failures_apart.total_seconds())
    visit.wait_for(keys, until=visit.clock() + PATIENCE)
    measured = _measured("failures", visit, keys, reason="failed")
    if refused:
        says = f"{refused} of {plan.failures} pings were not taken."
        measured.findings.append(Finding(Level.TROUBLE, "failures", says, "Look at the API's access log."))
    return Measured(measured.findings, measured.facts | {"pings_refused": refused})


def _fails(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, data=b"A test.\n", timeout=REQUEST_SECONDS):  # noqa: S310 - the stack's own URL
            return True
    except (OSError, ValueError):
        return False


def _measured(about: str, visit: Visit, keys: set[str], *, reason: str) -> Measured:
    """Return how late the first alert about each check was, and how many never came."""
    first: dict[str, Heard] = {}
    for heard in visit.heard:
        if heard.key in keys and heard.reason == reason:
            first.setdefault(heard.key, heard)
    late = sorted(heard.lateness.total_seconds() for heard in first.values())
    facts = spread(late) | {"sent": len(keys), "arrived": len(late)}
    findings = []
    if len(late) < len(keys):
        says = f"{len(keys) - len(late)} of {len(keys)} alerts did not come within {PATIENCE.seconds} s."
        fix = "Look at the log of the alert function and at the dead letters of its queue."
        findings.append(Finding(Level.TROUBLE, about, says, fix))
    if late:
        says = f"Alerts reached a subscriber {late[0]:.1f} to {late[-1]:.1f} s after their cause, p50 {facts['p50']} s."
        slow = percentile(late, 0.9) > PROMISED_SECONDS
        fix = "Compare with the gaps between sweeps below; attach the facts (--facts) to an issue if those are regular."
        findings.append(Finding(Level.WARNING if slow else Level.OK, about, says, fix))
    return Measured(findings, facts)


def sweeps(visit: Visit) -> Measured:
    """Measure the gaps between the last sweeps, by the pings of the canary that each of them sends."""
    about, store = "sweep gaps", visit.store
    record = CANARY.read(store)
    pings = store.pings(record.check_id, limit=visit.plan.sweeps) if record else []
    times = sorted(each.ping.at for each in pings)
    gaps = sorted((after - before).total_seconds() for before, after in pairwise(times))
    if not gaps:
        return Measured([not_here(about, "fewer than two sweeps are in the history (history_days=0?).")], {})
    facts = spread(gaps) | {"sweeps": len(times), "second_of_the_minute": _seconds(times)}
    says = f"{len(times)} sweeps were {gaps[0]:.0f} to {gaps[-1]:.0f} s apart, p50 {facts['p50']} s."
    if gaps[-1] > LOOK_AHEAD.total_seconds():
        return Measured([Finding(Level.WARNING, about, says, "Look at the schedule and at the sweep's log.")], facts)
    kept = (
        "" if gaps[-1] <= KEPT_SECONDS else " The schedule did not keep its minute; alerts were in time all the same."
    )
    return Measured([Finding(Level.OK, about, says + kept)], facts)


def _seconds(times: Sequence[datetime]) -> dict[str, int]:
    """Return in which seconds of the minute the first and the last of them were."""
    seconds = sorted(each.second for each in times)
    return {"least": seconds[0], "most": seconds[-1]}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the percentiles of sorted values."""
    if not values:
        return {}
    shares = {"min": 0.0, "p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {name: round(percentile(values, share), 2) for name, share in shares.items()}


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile of sorted values: the nearest rank."""
    return values[min(int(len(values) * share), len(values) - 1)]
