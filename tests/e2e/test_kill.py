"""Processes of the deployed functions are killed at random during a storm; afterwards every flip was told.

To people on the topic, and to a webhook in the order in which it happened.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from lastseen.core.channel import Channel, Via
from lastseen.core.check import Check, Status, event_id, unique_key
from lastseen.core.machine import configured
from lastseen.core.schedule import Period
from lastseen.storage.documents import CHANNELS
from lastseen_cli.local.inbox import Inbox
from tests.conftest import Figure
from tests.e2e.conftest import SECOND, Deployed
from tests.lastseen.delivery.receiver import Receiver, listening
from tests.waiting import eventually

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

CHECKS = 24
PINGS = 6
VICTIMS = ("ping", "alert", "deliver", "sweep", "alert", "deliver") * 2
START_SECONDS = 20.0  # until a function that was killed runs again
HEALED_SECONDS = 150.0  # two sweeps of the real schedule and what a busy machine adds
THREADS = 4
HIDDEN_SECONDS = 15
"""For how long a delivery is hidden whose function was killed: 360 as deployed, which is long for a test."""


def kill(scratch: Path, function: str, after_seconds: float) -> bool:
    """Kill a process of a function, a moment after there is one; return whether there was."""
    if not eventually(lambda: bool(workers_of(scratch, function)), seconds=START_SECONDS):
        return False
    time.sleep(after_seconds)
    for process in workers_of(scratch, function)[:1]:
        os.kill(process, signal.SIGKILL)
    return True


def workers_of(scratch: Path, function: str) -> list[int]:
    """Return the processes of a function in the emulator whose temporary folder is `scratch`, the newest first."""
    marks = {f"TMPDIR={scratch}".encode(), f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()}
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marks <= set((process / "environ").read_bytes().split(b"\0")):
                found.append(int(process.name))
        except OSError:
            continue  # it ended while we looked
    return sorted(found, reverse=True)


@pytest.fixture
def impatient(deployed: Deployed) -> Iterator[Deployed]:
    """A deployment that tries a delivery again soon after its function was killed."""
    sqs, queue = deployed.cloud.client("sqs"), deployed.live.stack.output("DeliveriesQueueUrl")
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(HIDDEN_SECONDS)})
    yield deployed
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)


def test_whatever_process_is_killed_every_flip_is_told(impatient: Deployed, figure: Figure) -> None:
    with listening() as receiver:
        _kill_and_heal(impatient, receiver, figure)


def _kill_and_heal(deployed: Deployed, receiver: Receiver, figure: Figure) -> None:
    rng = random.Random(7)  # noqa: S311 - no secret
    hook = Channel(id=str(uuid4()), project="default", name="kill", via=Via.WEBHOOK, target=f"{receiver.url}/x")
    CHANNELS.write(deployed.live.store, replace(hook, default=False))
    store, told = deployed.live.store, Told(Inbox(deployed.cloud, deployed.live.stack.output("TopicArn"), name="kill"))
    now = datetime.now(UTC)  # noqa: TID251 - tests are an entry point
    up = Check(id="", schedule=Period(SECOND), grace=SECOND, status=Status.UP, last_ping=now, flips=1, announced=1)
    checks = [
        configured(replace(up, id=str(uuid4()), channels=hook.id), now, name=f"kill {n}").check for n in range(CHECKS)
    ]
    for check in checks:
        store.create(check)
    taken: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    with ThreadPoolExecutor(THREADS) as threads:
        for name in VICTIMS:
            function = deployed.function(name)
            sweeping = threads.submit(sweep, deployed)
            pings = [
                threads.submit(ping, deployed, check.id, rng.random() < 0.3) for check in rng.sample(checks, PINGS)
            ]
            killed[name] += kill(deployed.emulator.scratch, function, rng.uniform(0, 0.5))
            sweeping.result()
            taken.update(check_id for check_id in (answer.result() for answer in pings) if check_id)
    missing: set[str] = set()

    def healed() -> bool:
        sweep(deployed)
        missing.clear()
        log = told_flips(deployed, checks)
        missing.update((log - told.ids()) | (log - set(heard_of(receiver))))
        return not missing

    assert eventually(healed, seconds=HEALED_SECONDS), missing
    log = told_flips(deployed, checks)
    assert told.ids(of=log) <= log  # and nothing else was told of them
    heard = list(dict.fromkeys(heard_of(receiver)))
    assert set(heard) <= log
    for check in checks:
        numbers = [int(n) for key, _, n in (each.partition(":") for each in heard) if key == unique_key(check.id)]
        assert numbers == sorted(numbers)
    kept = store.get_many([check.id for check in checks])
    assert all(kept[check_id].n_pings >= count for check_id, count in taken.items())
    assert all(killed[name] for name in VICTIMS)
    assert len(log) > CHECKS  # each missed its deadline, some came back and some failed
    assert taken.total() > 0
    figure(f"{killed.total()} processes killed, {len(log)} flips told, {told.doubles()} of them twice, none lost")


def heard_of(receiver: Receiver) -> list[str]:
    """Return the ids of the flips that a webhook was sent, doubles too, in their order."""
    events = [received.json for received in receiver.received]
    flips = (flip for event in events for flip in event.get("flips", [event]) if event["type"] in {"flip", "digest"})
    return [flip["id"] for flip in flips]


class Told:
    """The ids of the flips that people were told of."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._ids: list[str] = []

    def ids(self, *, of: set[str] | None = None) -> set[str]:
        """Return them, with what has come since; only those of the checks whose flips are given, if any are."""
        while come := self._inbox.receive(wait_seconds=1):
            for notice in come:
                self._ids += [flip["id"] for flip in notice.event.get("flips", [notice.event])]
        keys = {one.rpartition(":")[0] for one in of} if of is not None else None
        return {one for one in self._ids if keys is None or one.rpartition(":")[0] in keys}

    def doubles(self) -> int:
        return len(self._ids) - len(set(self._ids))


def sweep(deployed: Deployed) -> None:
    """Sweep, or try to: the process may be killed, and the next minute's sweep goes on."""
    deployed.cloud.client("lambda").invoke(FunctionName=deployed.function("sweep"), Payload=b"{}")


def ping(deployed: Deployed, check_id: str, fails: bool) -> str:  # noqa: FBT001 - what it says
    """Ping; return the id if the ping was taken. One that was not would be sent again."""
    url = f"{deployed.live.url}/ping/{check_id}"
    try:
        answered = deployed.ping(f"{url}/fail" if fails else url)
    except httpx.HTTPError:
        return ""
    return check_id if answered == httpx.codes.OK else ""


def told_flips(deployed: Deployed, checks: list[Check]) -> set[str]:
    """Return the ids of all flips in the logs that people are to be told of."""
    return {
        event_id(check.id, flip.n) for check in checks for flip in deployed.live.store.flips(check.id) if flip.notify
    }
