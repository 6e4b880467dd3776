"""One visit to a deployment: what the steps share, and what they make there, which is removed however it ends.

Everything is made in a project of its own, under fixed names, so that a visit that was killed is tidied up by the next
one. Two visits at the same time would disturb each other.
Never here: what is measured.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from lastseen.core.check import Check
from lastseen.core.keys import Scope
from lastseen.core.times import moment
from lastseen.storage.documents import KEYS, PROJECTS
from lastseen.storage.errors import ConflictError
from lastseen.storage.fresh import new_key
from lastseen.storage.records import Project
from lastseen.storage.store import Store
from lastseen_cli.deployment import Deployment, present
from lastseen_cli.doctor import Finding, Level

PROJECT = "_doctor"  # no name that users can give: all that is in it may be removed
QUEUE_NAME_CHARS = 80
KEY_NAME = "lastseen doctor --deep"
DELETE_TRIES = 10
MESSAGES_AT_ONCE = 10
POLL_SECONDS = 5
QUEUE_SECONDS = 3_600  # what comes in after the visit is forgotten
WAIT_AFTER_DELETE_SECONDS = 60  # AWS refuses a queue of a name that was deleted a moment ago


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is tried."""

    deadlines: int = 10
    failures: int = 10
    apart: timedelta = timedelta(seconds=25)  # between two deadlines, so that each finds the queues quiet
    failures_apart: timedelta = timedelta(seconds=3)
    ahead: timedelta = timedelta(seconds=125)  # of the first deadline: no check of the API has less than two minutes
    requests: int = 300  # at once, to find the throttle
    sweeps: int = 60  # whose gaps are measured

    @property
    def lasts(self) -> timedelta:
        """About how long all of it takes."""
        return self.ahead + self.apart * self.deadlines + self.failures_apart * self.failures + timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a step found: for people, and for the file of facts, in which no secret may stand."""

    findings: list[Finding]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """One alert about one check, as a subscriber got it."""

    key: str  # the public key of the check
    reason: str
    at: datetime  # of the deadline, or of the failure
    arrived: datetime  # at the subscriber's queue, by AWS's clock

    @property
    def lateness(self) -> timedelta:
        """How long after its cause it came."""
        return self.arrived - self.at


@dataclass
class Visit:
    """A visit, from the making of its project to its removal."""

    deployment: Deployment
    plan: Plan
    say: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], datetime] = present
    nonce: str = field(default_factory=lambda: secrets.token_hex(3))
    ping_key: str = field(default="", repr=False)
    heard: list[Heard] = field(default_factory=list)
    _ear: Ear | None = None

    @property
    def store(self) -> Store:
        """The tables."""
        return self.deployment.store

    def name(self, what: str, number: int) -> str:
        """Return the name of a check of this visit, which says to whoever gets its alert that nothing is wrong."""
        return f"TEST of lastseen doctor: {what} {number} ({self.nonce})"

    def create(self, name: str, **settings: Any) -> Check:
        """Make a check in the project of the visit, which notifies no channel."""
        check = Check(id=str(uuid4()), project=PROJECT, name=name, channels="", created=self.clock())
        check = replace(check, **settings)
        self.store.create(check, about="This is a test that somebody asked for. Nothing has to be done.")
        return check

    def listen(self) -> Ear:
        """Return the subscriber to all alerts of the deployment; at the first call it subscribes."""
        if self._ear is None:
            ear = Ear(self.deployment, self.pause)
            ear.open()
            self._ear = ear
        return self._ear

    def wait_for(self, keys: set[str], *, until: datetime) -> None:
        """Wait until there was an alert about each of these checks, or until a time."""
        ear = self.listen()
        while keys - {each.key for each in self.heard} and self.clock() < until:
            self.heard += ear.receive()

    def tidy_up(self) -> list[str]:
        """Remove everything that this visit, or one before that was killed, has made; return what could not be."""
        works: dict[str, Callable[[], object]] = {
            "its queue and subscription": Ear(self.deployment, self.pause).remove,
            "its checks": self._delete_checks,
            "its ping key": self._drop_keys,
            "its project": lambda: PROJECTS.drop(self.store, PROJECT),
        }
        return [what for what, work in works.items() if not _is_done(work)]

    def begin(self) -> None:
        """Make the project and its ping key."""
        now = self.clock()
        PROJECTS.write(self.store, Project(name=PROJECT, created=now, channels=""))
        self.ping_key, key = new_key(Scope.PING, PROJECT, KEY_NAME, now)
        KEYS.write(self.store, key)

    def _delete_checks(self) -> None:
        for check_id in self.store.project(PROJECT):
            self._delete(check_id)

    def _drop_keys(self) -> None:
        for key in KEYS.all(self.store).values:
            if key.project == PROJECT:
                KEYS.drop(self.store, key.hash)

    def _delete(self, check_id: str) -> None:
        for _ in range(DELETE_TRIES):
            stored_check = self.store.get(check_id, strong=True)
            if stored_check is None:
                return
            try:
                self.store.delete(stored_check)
            except ConflictError:
                continue  # an alert was just noted in it
            return
        raise ConflictError(f"{DELETE_TRIES} races lost in a row.")


@contextlib.contextmanager
def visiting(deployment: Deployment, plan: Plan, say: Callable[[str], None]) -> Iterator[Visit]:
    """Prepare a visit, and tidy up after it: also when it fails, is interrupted or terminated."""
    visit = Visit(deployment, plan, say)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        visit.tidy_up()
        visit.begin()
        yield visit
    finally:
        say("Tidying up.")
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # it takes seconds: a second Ctrl-C must not leave half of it
        for what in visit.tidy_up():
            say(f"Could not remove {what}. Run `lastseen doctor --deep` again, it begins with that.")
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _is_done(work: Callable[[], object]) -> bool:
    try:
        work()
    except (ClientError, BotoCoreError, ConflictError):
        return False
    return True


def queue_name(stack: str) -> str:
    """Return the name of the queue of a visit."""
    return f"lastseen-doctor-{stack}"[:QUEUE_NAME_CHARS]


class Ear:
    """A queue of our own, subscribed to the topic that gets every alert."""

    def __init__(self, deployment: Deployment, pause: Callable[[float], None]) -> None:
        self._sqs, self._sns = deployment.client("sqs"), deployment.client("sns")
        self._topic = deployment.output("TopicArn")
        self._name = queue_name(deployment.name)
        self._pause = pause
        self._url = ""

    def open(self) -> None:
        """Make the queue and subscribe it."""
        self._url = self._created()
        arn = self._arn(self._url)
        policy = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self._topic}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": document})
        self._sns.subscribe(TopicArn=self._topic, Protocol="sqs", Endpoint=arn)

    def _created(self) -> str:
        wanted = {"QueueName": self._name, "Attributes": {"MessageRetentionPeriod": str(QUEUE_SECONDS)}}
        try:
            return str(self._sqs.create_queue(**wanted)["QueueUrl"])
        except ClientError as error:
            if not error.response["Error"].get("Code", "").endswith("QueueDeletedRecently"):
                raise
            self._pause(WAIT_AFTER_DELETE_SECONDS)
            return str(self._sqs.create_queue(**wanted)["QueueUrl"])

    def _arn(self, url: str) -> str:
        attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        return str(attributes["QueueArn"])

    def receive(self) -> list[Heard]:
        """Return the alerts that have come, waiting a few seconds for the first."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=MESSAGES_AT_ONCE,
            WaitTimeSeconds=POLL_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        heard: list[Heard] = []
        for message in answer.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            arrived = moment(message["Attributes"]["SentTimestamp"])
            heard += heard_of(json.loads(json.loads(message["Body"])["Message"]), arrived)
        return heard

    def remove(self) -> None:
        """Remove the subscription and the queue, whoever made them."""
        try:
            url = self._sqs.get_queue_url(QueueName=self._name)["QueueUrl"]
        except ClientError as error:
            if error.response["Error"].get("Code", "").endswith(("NonExistentQueue", "QueueDoesNotExist")):
                return
            raise
        arn = self._arn(url)
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._topic)
        for subscription in [each for page in pages for each in page["Subscriptions"]]:
            if subscription["Endpoint"] == arn and subscription["SubscriptionArn"].startswith("arn:"):
                self._sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        self._sqs.delete_queue(QueueUrl=url)


def heard_of(event: dict[str, Any], arrived: datetime) -> list[Heard]:
    """Return the alerts in an event: one, or those of a digest. Messages about Lastseen itself are none."""
    flips = {"digest": event.get("flips", []), "flip": [event]}.get(str(event.get("type")), [])
    return [
        Heard(flip["id"].partition(":")[0], flip["reason"], datetime.fromisoformat(flip["at"]), arrived)
        for flip in flips
    ]


def not_here(about: str, says: str) -> Finding:
    """Return the finding that something cannot be tried where we are."""
    return Finding(Level.OK, about, f"Not here: {says}")
