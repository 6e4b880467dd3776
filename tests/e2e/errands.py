"""What each function does for somebody, as small errands over the deployed template.

An errand uses every call that its function makes, and fails if one of them is refused, even where the function itself
goes on without. Together they need every grant of infra/stack.py: test_grants.py takes the grants away one by one.
A new grant needs an errand that fails without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from lastseen.core.channel import Channel, Via
from lastseen.core.check import Check, Status
from lastseen.core.keys import Scope
from lastseen.core.moments import woken
from lastseen.core.schedule import Period
from lastseen.core.times import millis
from lastseen.delivery.deliver import GIVEN_UP_AFTER
from lastseen.delivery.notes import NOTES, Note, Standing, save_note
from lastseen.delivery.results import Result
from lastseen.health import canary as watch
from lastseen.storage.documents import CHANNELS, KEYS, PROJECTS, SUBSCRIPTIONS
from lastseen.storage.fresh import new_key
from lastseen.storage.records import Project
from lastseen.text.event import Event, to_json
from tests import gallery
from tests.e2e.conftest import Deployed
from tests.lastseen.delivery.receiver import Receiver, listening
from tests.waiting import eventually

Errand = Callable[[Deployed], None]
PROJECT = "errands"


# --- ping ---


def a_ping_is_counted_and_kept(deployed: Deployed) -> None:
    check = _made(deployed)
    assert deployed.ping(f"{deployed.live.url}/ping/{check.id}", "hello") == 200
    seen = deployed.live.store.get(check.id, strong=True)
    assert seen
    assert (seen.status, seen.n_pings) == (Status.UP, 1)
    assert [kept.ping.body for kept in deployed.live.store.pings(check.id, limit=5)] == [b"hello"]


def a_first_ping_by_slug_makes_the_check_and_the_next_finds_it(deployed: Deployed) -> None:
    url = f"{deployed.live.url}/ping/{_key(deployed, Scope.PING)}/{_name()}"
    assert deployed.ping(f"{url}?create=1") == 201
    assert deployed.ping(url) == 200


def a_failure_is_told_at_once(deployed: Deployed) -> None:
    check = _made(deployed)
    assert deployed.ping(f"{deployed.live.url}/ping/{check.id}/fail") == 200
    [told] = deployed.post.about(check.name, count=1, seconds=deployed.patience)
    assert told.event["reason"] == "failed"


# --- sweep ---


def a_sweep_wakes_what_is_due(deployed: Deployed) -> None:
    check = late(deployed)
    deployed.invoke("sweep")
    [told] = deployed.post.about(check.name, count=1, seconds=deployed.patience)
    assert told.event["reason"] == "missed"


def a_sweep_lets_its_canary_ping(deployed: Deployed) -> None:
    store = deployed.live.store
    store.drop_setting("watch", "hearing")
    deployed.invoke("sweep")
    hatched = store.setting("watch", "hearing")
    assert hatched
    assert eventually(lambda: _pings(deployed, hatched["canary"]) > 0, seconds=deployed.patience)


def a_sweep_says_that_it_cannot_hear(deployed: Deployed) -> None:
    store, quiet = deployed.live.store, _now() - 2 * watch.STALE
    canary = Check(
        id=str(uuid4()),
        project=watch.CANARY_PROJECT,
        name="canary",
        schedule=Period(timedelta(days=365)),
        status=Status.UP,
        last_ping=quiet,
        created=quiet,
    )
    store.create(canary)
    heard_nothing: dict[str, object] = {"canary": canary.id, "deaf_since": None, "windows": [], "said_deaf": False}
    store.put_setting("watch", "hearing", heard_nothing)
    before = len(deployed.post.own("deaf", count=0))
    PROJECTS.write(store, Project(name=PROJECT))  # each project's channels are notified
    with listening() as receiver:
        webhook(deployed, receiver)
        try:
            deployed.invoke("sweep")
            told = deployed.post.own("deaf", count=before + 1, seconds=deployed.patience)
            assert told[-1].event["text"].startswith("Lastseen cannot hear pings since")
        finally:
            store.drop_setting("watch", "hearing")  # as if nothing had been: a deaf time moves the deadlines of others
        assert eventually(lambda: bool(receiver.received), seconds=deployed.patience)
        assert receiver.last.json["type"] == "deaf"


def a_sweep_looks_for_lost_subscriptions(deployed: Deployed) -> None:
    store = deployed.live.store
    SUBSCRIPTIONS.drop(store)  # as if a day had passed
    deployed.invoke("sweep")
    assert SUBSCRIPTIONS.read(store)


# --- alert ---


def a_wake_of_a_late_check_is_told_to_people(deployed: Deployed) -> None:
    project = _name()
    neighbour = Check(id=str(uuid4()), project=project, name=_name(), created=_now(), status=Status.DOWN)
    deployed.live.store.create(neighbour)
    check = late(deployed, about="Call the night shift.", project=project)
    assert deployed.invoke("alert", wake(check)) == {"batchItemFailures": []}
    [told] = deployed.post.about(check.name, count=1, seconds=deployed.patience)
    assert told.event["about"] == "Call the night shift."
    assert neighbour.name in told.event["text"]  # what else is down
    seen = deployed.live.store.get(check.id, strong=True)
    assert seen
    assert (seen.status, seen.flips, seen.announced) == (Status.DOWN, 1, 1)


def what_a_crash_left_untold_is_told(deployed: Deployed) -> None:
    check = late(deployed)
    deployed.live.store.save(check, woken(check, _now(), ()))  # and the function that flipped it went no further
    assert deployed.invoke("alert", wake(check)) == {"batchItemFailures": []}
    [told] = deployed.post.about(check.name, count=1, seconds=deployed.patience)
    assert told.event["reason"] == "missed"


# --- api ---


def a_check_is_made_found_changed_and_deleted(deployed: Deployed) -> None:
    key, name = _key(deployed, Scope.WRITE), _name()

    def api(method: str, path: str, expected: int, body: object = None) -> dict[str, object]:
        answer = deployed.api(method, path, body, key=key)
        assert answer.status_code == expected, answer.text
        return dict(answer.json())

    made = api("POST", "/checks/", 201, {"name": name, "slug": name})
    assert made["name"] == name
    url = f"/checks/{made['uuid']}"
    assert api("POST", url, 200, {"desc": "Only its description."})["desc"] == "Only its description."
    assert api("POST", url, 200, {"name": f"{name}-2", "slug": f"{name}-2"})["slug"] == f"{name}-2"
    assert api("POST", url, 200, {"channels": ""})["desc"] == "Only its description."
    listed = deployed.api("GET", f"/checks/?slug={name}-2", key=key)
    assert listed.status_code == 200, listed.text
    assert [each["uuid"] for each in listed.json()["checks"]] == [made["uuid"]]
    assert api("POST", url, 400, {"channels": "nobody"})["error"] == "channels: no channel has the id or name 'nobody'"
    assert deployed.ping(f"{deployed.live.url}/ping/{made['uuid']}", "its output") == 200
    assert api("GET", f"{url}/pings/", 200)["pings"]
    body = deployed.api("GET", f"{url}/pings/1/body", key=key)
    assert (body.status_code, body.text) == (200, "its output")
    assert api("POST", f"{url}/pause", 200)["status"] == "paused"
    assert api("POST", f"{url}/resume", 200)["status"] == "new"
    api("DELETE", url, 200)
    api("GET", url, 404)


def what_is_untold_is_told_when_the_check_is_paused(deployed: Deployed) -> None:
    check, key = late(deployed), _key(deployed, Scope.WRITE)
    deployed.live.store.save(check, woken(check, _now(), ()))  # as an alert function that crashed before it told
    paused = deployed.api("POST", f"/checks/{check.id}/pause", key=key)
    assert paused.status_code == 200, paused.text
    [told] = deployed.post.about(check.name, count=1, seconds=deployed.patience)
    assert told.event["reason"] == "missed"


def a_channel_is_made_tested_confirmed_and_deleted(deployed: Deployed) -> None:
    key = _key(deployed, Scope.WRITE)
    number = {"name": _name(), "via": "sms", "target": f"+1{uuid4().int % 10**10:010d}", "default": False}
    mail = {"name": _name(), "via": "email", "target": f"{_name()}@example.com", "default": False}
    for channel in (number, mail):
        made = deployed.api("POST", "/channels/", channel, key=key)
        assert made.status_code == 201, made.text
    tested = deployed.api("POST", f"/channels/{number['name']}/test", key=key)
    assert tested.status_code == 202, tested.text
    confirmed = deployed.api("POST", f"/channels/{mail['name']}/confirm", {"token": "of-a-mail"}, key=key)
    assert confirmed.status_code in {200, 400}, confirmed.text  # SNS may know no such token
    for channel in (number, mail):
        gone = deployed.api("DELETE", f"/channels/{channel['name']}", key=key)
        assert gone.status_code == 200, gone.text


# --- chat ---


def an_alert_reaches_a_webhook(deployed: Deployed) -> None:
    with listening() as receiver:
        channel, check = webhook(deployed, receiver)
        assert deployed.ping(f"{deployed.live.url}/ping/{check.id}/fail") == 200
        assert eventually(lambda: bool(receiver.received), seconds=deployed.patience)
        assert receiver.last.json["reason"] == "failed"
        assert eventually(lambda: _noted(deployed, channel) == "delivered", seconds=deployed.patience)
        assert eventually(lambda: _all_announced(deployed, check), seconds=deployed.patience)


def _all_announced(deployed: Deployed, check: Check) -> bool:
    stored = deployed.live.store.get(check.id, strong=True)
    return stored is not None and stored.announced == stored.flips > 0


def a_webhook_that_refuses_for_a_day_is_switched_off_and_people_are_notified(deployed: Deployed) -> None:
    with listening() as receiver, listening() as other:
        channel, _ = webhook(deployed, receiver)
        webhook(deployed, other)
        receiver.will(404)
        event = replace(gallery.flip_event("The job failed"), id=_name())
        since = _now() - GIVEN_UP_AFTER
        refusing = Standing(failing_since=since, refused_at=since, refusals=1)
        save_note(deployed.live.store, channel, Note(event="e", at=since, result=Result.AGAIN, standing=refusing))
        assert deployed.invoke("deliver", delivery(channel, event, tries=2)) == {"batchItemFailures": []}
        off = f"channel:{channel.id}:{event.id}:off"  # behind the news that it refuses
        assert eventually(lambda: off in [each.json["id"] for each in other.received], seconds=deployed.patience)
    told = deployed.post.which(
        lambda notice: notice.event.get("id") == f"channel:{channel.id}:{event.id}:off",
        count=1,
        seconds=deployed.patience,
    )
    assert told[0].subject.startswith("LOST: the channel")
    kept = deployed.live.store.setting(CHANNELS.place(PROJECT), channel.id)
    assert kept
    assert kept["disabled"]


ERRANDS: dict[str, tuple[Errand, ...]] = {
    "ping": (
        a_ping_is_counted_and_kept,
        a_first_ping_by_slug_makes_the_check_and_the_next_finds_it,
        a_failure_is_told_at_once,
    ),
    "sweep": (
        a_sweep_wakes_what_is_due,
        a_sweep_lets_its_canary_ping,
        a_sweep_says_that_it_cannot_hear,
        a_sweep_looks_for_lost_subscriptions,
    ),
    "alert": (a_wake_of_a_late_check_is_told_to_people, what_a_crash_left_untold_is_told, an_alert_reaches_a_webhook),
    "api": (
        a_check_is_made_found_changed_and_deleted,
        what_is_untold_is_told_when_the_check_is_paused,
        a_channel_is_made_tested_confirmed_and_deleted,
    ),
    "deliver": (an_alert_reaches_a_webhook, a_webhook_that_refuses_for_a_day_is_switched_off_and_people_are_notified),
}
"""By the function whose grants they need."""


def _name() -> str:
    return f"errand-{uuid4().hex[:12]}"


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the deployment runs by this clock too


def _key(deployed: Deployed, scope: Scope) -> str:
    """Make a key that no function has seen, so that it must be read; and its project."""
    PROJECTS.write(deployed.live.store, Project(name=PROJECT))
    word, key = new_key(scope, PROJECT, "errand", _now())
    KEYS.write(deployed.live.store, key)
    return word


def _made(deployed: Deployed, *, channels: str = "*") -> Check:
    check = Check(id=str(uuid4()), project=PROJECT, name=_name(), created=_now(), channels=channels)
    deployed.live.store.create(check)
    return check


def late(deployed: Deployed, *, about: str = "", project: str = PROJECT) -> Check:
    """Make a check whose ping did not come."""
    now = _now()
    check = Check(
        id=str(uuid4()),
        project=project,
        name=_name(),
        schedule=Period(timedelta(minutes=1)),
        grace=timedelta(minutes=1),
        channels="*",
        created=now - timedelta(minutes=10),
        status=Status.UP,
        last_ping=now - timedelta(minutes=5),
        wake_at=now - timedelta(minutes=3),
    )
    deployed.live.store.create(check, about=about)
    return check


def wake(check: Check) -> dict[str, list[dict[str, Any]]]:
    """Return a wake as the queue hands it to the alert function."""
    record: dict[str, Any] = {
        "messageId": str(uuid4()),
        "receiptHandle": "r",
        "body": json.dumps({"ids": [check.id]}),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(millis(_now()))},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:wakes",
        "awsRegion": "us-east-1",
    }
    return {"Records": [record]}


def delivery(channel: Channel, event: Event, *, tries: int) -> dict[str, object]:
    """Return a delivery as the queue hands it to the chat function for the n-th time."""
    [record] = wake(Check(id=channel.id))["Records"]
    body = json.dumps({"project": channel.project, "channel": channel.id, "event": to_json(event)})
    attributes = record["attributes"] | {"ApproximateReceiveCount": str(tries)} | {"SentTimestamp": str(millis(_now()))}
    return {"Records": [{**record, "body": body, "attributes": attributes}]}


def webhook(deployed: Deployed, receiver: Receiver) -> tuple[Channel, Check]:
    """Make a webhook, and a check whose alerts go there."""
    name = _name()
    channel = Channel(id=name, project=PROJECT, name=name, via=Via.WEBHOOK, target=f"{receiver.url}/x", default=False)
    CHANNELS.write(deployed.live.store, channel)
    return channel, _made(deployed, channels=channel.id)


def _noted(deployed: Deployed, channel: Channel) -> str:
    note = deployed.live.store.setting(NOTES.place(channel.project), channel.id)
    return str(note["result"]) if note else ""


def _pings(deployed: Deployed, check_id: str) -> int:
    check = deployed.live.store.get(check_id, strong=True)
    return check.n_pings if check else 0
