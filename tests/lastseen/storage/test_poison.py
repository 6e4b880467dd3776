"""One thing is spoiled: the others go on, and the spoiled one is named. On DynamoDB as moto plays it."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError

from lastseen.alerting import alert, sweep
from lastseen.core.check import Check, Ping, unique_key
from lastseen.core.machine import pinged
from lastseen.core.schedule import Cron, Period
from lastseen.storage.store import TableStore
from lastseen.storage.tables import Tables
from tests.memory import MemoryTopic, MemoryWakes
from tests.tables import made
from tests.times import T0, minutes, seconds

LATE = T0 + minutes(20)
NAMES = [f"job {n}" for n in range(4)]


class Poisoned:
    """Four checks that are late, one of which is to be spoiled."""

    def __init__(self, client: Any, tables: Tables) -> None:
        self.client, self.tables = client, tables
        self.store, self.topic = TableStore(client, tables), MemoryTopic()
        self.checks = [self._late(n) for n in range(4)]
        self.bad = self.checks[1]

    def _late(self, n: int) -> Check:
        made = Check(id=str(UUID(int=n + 1 << 64)), name=NAMES[n], schedule=Period(minutes(5)), grace=minutes(5))
        up = pinged(made, Ping(at=T0)).check
        late = replace(up, announced=up.flips)
        self.store.create(late)
        return late

    def spoil(self, expression: str, value: Any) -> None:
        """Change an attribute of the bad check's item, behind the store's back."""
        self.client.update_item(
            TableName=self.tables.checks,
            Key={"id": {"S": self.bad.id}},
            UpdateExpression=expression,
            ExpressionAttributeValues={":value": value},
        )

    def minute(self) -> alert.BatchResult:
        """Sweep, and look at whatever it woke."""
        wakes = MemoryWakes()
        sweep.run(store=self.store, wakes=wakes, clock=lambda: LATE)
        woken = [wake.check_id for wake in wakes.taken()]
        return alert.run(
            woken, store=self.store, topic=self.topic, clock=lambda: LATE + seconds(3), site_url="https://x.test"
        )

    def told(self) -> list[str]:
        return sorted(message.document["check"]["name"] for message in self.topic.published)


@pytest.fixture
def poisoned(dynamodb: Any, template: dict[str, Any]) -> Poisoned:
    return Poisoned(dynamodb, made(dynamodb, template))


def names_it(log: pytest.LogCaptureFixture, check: Check) -> None:
    """The log names the check by its public key, and never by its id, which is a secret."""
    assert unique_key(check.id) in log.text
    assert check.id not in log.text


SPOILS = {
    "a deadline that is text": ("SET w = :value", {"S": "soon"}),
    "a status that is none": ("SET st = :value", {"S": "?"}),
    "a count that is a list": ("SET f = :value", {"L": []}),
    "a time beyond the calendar": ("SET lp = :value", {"N": "99999999999999999"}),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_check_that_cannot_be_read_is_named_and_the_others_are_told(
    spoil: str, poisoned: Poisoned, caplog: pytest.LogCaptureFixture
) -> None:
    poisoned.spoil(*SPOILS[spoil])
    told = poisoned.minute()
    assert poisoned.told() == ["job 0", "job 2", "job 3"]
    assert told.broken == (unique_key(poisoned.bad.id),)
    names_it(caplog, poisoned.bad)


def test_a_check_whose_schedule_is_broken_is_named_at_each_sweep_and_the_others_are_told(
    poisoned: Poisoned, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Cron("61 25 * * *", "Nowhere/Atall")
    poisoned.spoil("SET sc = :value", {"L": [{"S": "cron"}, {"S": broken.expression}, {"S": broken.tz}]})
    for _ in range(2):
        assert poisoned.minute().broken == (unique_key(poisoned.bad.id),)
        names_it(caplog, poisoned.bad)
        caplog.clear()
    assert poisoned.told() == ["job 0", "job 2", "job 3"]


def test_a_check_whose_schedule_is_broken_is_named_after_a_ping_too(
    poisoned: Poisoned, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Cron("61 25 * * *", "Nowhere/Atall")
    poisoned.spoil("SET sc = :value", {"L": [{"S": "cron"}, {"S": broken.expression}, {"S": broken.tz}]})
    seen = poisoned.store.get(poisoned.bad.id, strong=True)
    assert seen
    poisoned.store.save_ping(seen, pinged(seen, Ping(at=T0 + minutes(1)), ()))
    for _ in range(2):
        assert poisoned.minute().broken == (unique_key(poisoned.bad.id),)
        names_it(caplog, poisoned.bad)
        caplog.clear()


def test_a_flip_that_cannot_be_read_is_told_as_the_status_that_it_led_to(
    poisoned: Poisoned, caplog: pytest.LogCaptureFixture
) -> None:
    seen = poisoned.store.get(poisoned.bad.id, strong=True)
    assert seen
    failed = pinged(seen, Ping(at=T0 + minutes(1), body=b"disk full"), ())
    poisoned.store.save_ping(seen, failed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(poisoned.topic, "publish", _unavailable)
        poisoned.minute()  # written, but nobody could be told
    for item in poisoned.client.scan(TableName=poisoned.tables.history)["Items"]:
        if item["id"]["S"] == poisoned.bad.id and item["event"]["S"].startswith("flip#"):
            poisoned.client.put_item(
                TableName=poisoned.tables.history, Item={"id": item["id"], "event": item["event"], "x": {"S": "?"}}
            )
    caplog.clear()
    told = poisoned.minute()
    assert (told.broken, told.failed) == ((unique_key(poisoned.bad.id),), ())
    assert poisoned.told() == NAMES
    names_it(caplog, poisoned.bad)


def test_an_item_of_nearly_400_kb_is_told_like_the_others(poisoned: Poisoned) -> None:
    poisoned.spoil("SET junk = :value", {"S": "x" * (390 * 1024)})
    assert poisoned.minute().failed == ()
    assert poisoned.told() == NAMES


def test_an_item_too_large_to_be_changed_is_handed_back_and_the_others_are_told(
    poisoned: Poisoned, caplog: pytest.LogCaptureFixture
) -> None:
    for size in range(400 * 1024, 390 * 1024, -20):  # as much as it takes
        with suppress(ClientError):
            poisoned.spoil("SET junk = :value", {"S": "x" * size})
            break
    assert poisoned.minute().failed == (poisoned.bad.id,)
    assert poisoned.told() == ["job 0", "job 2", "job 3"]
    names_it(caplog, poisoned.bad)


def _unavailable(_message: object) -> None:
    raise OSError


@pytest.fixture(autouse=True)
def _all_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
