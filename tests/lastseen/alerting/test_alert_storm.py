"""Many checks at once: what is written side by side is told as if it were written one by one."""

from dataclasses import replace
from uuid import UUID

from lastseen.alerting import alert
from lastseen.core.check import Check, Ping, Status
from lastseen.core.machine import pinged
from tests.memory import MemoryStore, MemoryTopic
from tests.times import T0, hours

CHECKS = 60
SITE = "https://example.com"


def crowd(store: MemoryStore) -> list[str]:
    """Put checks into the store that missed their ping."""
    ids = [str(UUID(int=number + 1)) for number in range(CHECKS)]
    for number, check_id in enumerate(ids):
        fresh = Check(id=check_id, name=f"job-{number}", slug=f"job-{number}", grace=hours(1))
        store.create(replace(pinged(fresh, Ping(at=T0)).check, announced=1))
    return ids


def test_checks_that_are_written_at_once_are_all_told_in_the_order_of_their_wakes() -> None:
    store, topic = MemoryStore(), MemoryTopic()
    ids = crowd(store)
    told = alert.run(ids, store=store, topic=topic, clock=lambda: T0 + hours(26), site_url=SITE, at_once=8)
    assert (told.flips, told.alerts, told.messages) == (CHECKS, CHECKS, 1)
    named = [line.split()[1] for line in topic.published[0].email.splitlines() if line.startswith("- job-")]
    assert named == [f"job-{number}" for number in range(CHECKS)]
    assert {(store.checks[each].status, store.checks[each].announced) for each in ids} == {(Status.DOWN, 2)}


def test_one_that_cannot_be_written_stops_none_of_those_beside_it() -> None:
    store, topic = MemoryStore(), MemoryTopic()
    ids = crowd(store)
    store.corrupt.add(ids[7])
    told = alert.run(ids, store=store, topic=topic, clock=lambda: T0 + hours(26), site_url=SITE, at_once=8)
    assert (told.alerts, len(told.broken), told.failed) == (CHECKS - 1, 1, ())
