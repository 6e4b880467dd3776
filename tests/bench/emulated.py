"""The whole way on the emulator, by its real schedule: from a deadline to the alert in a subscriber's hands.

Some checks fall due one by one, then a thousand in one second. All the functions run from the real bundle; what AWS
would take for its own network and machines is not in the figures.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from lastseen.core.check import Check, Status
from lastseen.core.schedule import Period
from lastseen.storage.store import Store
from lastseen_cli.local import emulator, synth
from lastseen_cli.local.front import listen
from lastseen_cli.local.inbox import Inbox
from lastseen_cli.local.live import live
from tests.bench.laboratory import Laboratory
from tests.bench.table import Figure, Section

SINGLE, APART = 12, timedelta(seconds=5)
STORM = 1_000
AHEAD = timedelta(seconds=90)  # the first sweep comes within a minute of the deployment, and looks 125 s ahead
GIVE_UP = timedelta(minutes=4)
HOUR = timedelta(hours=1)


def measure(_laboratory: Laboratory) -> list[Section]:
    """Let checks fall due and wait for the alerts."""
    environ = os.environ  # noqa: TID251 - a bench is an entry point
    assembly, _ = synth.assembly(synth.checkout(), environ=environ)
    with (
        emulator.running(environ=environ) as cloud,
        live(assembly, cloud, listen(0), state=None, now=_now(), on_seen=lambda _: None) as deployment,
    ):
        inbox = Inbox(cloud, deployment.stack.output("TopicArn"), name="bench")
        start = _now() + AHEAD
        singles = {f"single-{n}": start + n * APART for n in range(SINGLE)}
        break_out = start + (SINGLE + 2) * APART
        for name, deadline in singles.items():
            deployment.store.create(_due(name, deadline, project="singles"))
        _fill(deployment.store, break_out)
        lateness, storm, messages = _received(inbox, singles, break_out)
    lateness.sort()
    return [
        Section(
            "On the emulator, by the real schedule, with 2 s of slack for pings on their way",
            (
                Figure("deadline to a subscriber, p50", lateness[len(lateness) // 2], "s", f"{len(lateness)} alerts"),
                Figure("deadline to a subscriber, max", lateness[-1], "s"),
                Figure(f"{STORM:,} due in one second: the last is there after", storm, "s", f"{messages} messages"),
            ),
        )
    ]


def _fill(store: Store, deadline: datetime) -> None:
    for number in range(STORM):
        store.create(_due(f"storm-{number}", deadline, project="storm"))


def _due(name: str, deadline: datetime, *, project: str) -> Check:
    """Return a check that is up and will miss its ping at `deadline`."""
    grace = timedelta(minutes=1)
    fresh = Check(id=str(uuid4()), project=project, name=name, slug=name, schedule=Period(HOUR), grace=grace)
    pinged = deadline - HOUR - grace
    return replace(
        fresh, status=Status.UP, since=pinged, last_ping=pinged, created=pinged, wake_at=deadline, flips=1, announced=1
    )


def _received(inbox: Inbox, singles: dict[str, datetime], storm: datetime) -> tuple[list[float], float, int]:
    """Return how late each single alert came, how late the last of the storm, and in how many messages it came."""
    late: dict[str, float] = {}
    told = messages = 0
    last = 0.0
    give_up = time.monotonic() + (storm - _now() + GIVE_UP).total_seconds()
    while (len(late) < len(singles) or told < STORM) and time.monotonic() < give_up:
        for notice in inbox.receive(wait_seconds=1):
            event = notice.event
            if event.get("project") == "storm" or event.get("check", {}).get("project") == "storm":
                told += int(event.get("count", 1))
                messages += 1
                last = max(last, (notice.arrived - storm).total_seconds())
            elif notice.attributes.get("check") in singles:
                name = notice.attributes["check"]
                late.setdefault(name, (notice.arrived - singles[name]).total_seconds())
    if len(late) < len(singles) or told < STORM:
        raise RuntimeError(f"only {len(late)} of {len(singles)} and {told} of {STORM} alerts came")
    return list(late.values()), last, messages


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a bench is an entry point
