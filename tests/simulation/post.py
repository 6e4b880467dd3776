"""Behind the topic: SNS, the FIFO queue of deliveries, and the deliver function that works on both.

Here SQS and SNS are played as AWS documents them; the rest is the program's own. Services answer in services.py.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from lastseen.aws.deliveries import Deliveries, read
from lastseen.aws.fan_out import fan_out, read_notification
from lastseen.aws.topic import Topic, to_channels
from lastseen.core.times import moment
from lastseen.delivery.deliver import Ways, attempt
from lastseen.delivery.sender import sender
from lastseen.text.message import Message
from tests.simulation.clockwork import MINUTE, SECOND, Op
from tests.sns import ARN, CHANNELS_ARN

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

    from tests.simulation.world import World

VISIBILITY = 360 * SECOND
RECEIVES = 12
AT_ONCE = 3
DROPS_DOUBLES = 5 * MINUTE
"""As the template sets them, and as SQS does. tests/infra holds these figures against the template."""

ASYNC_RETRIES = (60 * SECOND, 120 * SECOND)
"""When Lambda tries an event again that a function failed on; then it lies with the lost events."""


@dataclass(eq=False, slots=True)
class Queued:
    """A message of the FIFO queue."""

    body: str
    group: str
    sent_at: int
    receipt: str
    received: int = 0
    visible_at: int = 0


@dataclass(slots=True)
class Fifo:
    """The client of an SQS FIFO queue, and the queue."""

    world: World
    groups: dict[str, deque[Queued]] = field(default_factory=dict)
    dead: list[Queued] = field(default_factory=list)
    _accepted: dict[str, int] = field(default_factory=dict)  # id -> when, to drop doubles by
    _in_flight: dict[str, Queued] = field(default_factory=dict)  # by receipt
    _ready: deque[str] = field(default_factory=deque)  # groups whose first message may be received
    _busy: int = 0
    _count: int = 0

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803, ARG002
        self.world.hook("send_deliveries", "before")
        failed = []
        for entry in Entries:
            if self.world.chance(self.world.weather.refused):
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
            else:
                self._accept(entry["MessageBody"], entry["MessageGroupId"], entry["MessageDeduplicationId"])
        self.world.hook("send_deliveries", "after")
        return {"Successful": [], "Failed": failed}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803, ARG002
        self.world.hook("postpone", "before")
        self._in_flight[ReceiptHandle].visible_at = self.world.clock.now + VisibilityTimeout * SECOND
        self.world.hook("postpone", "after")

    def _accept(self, body: str, group: str, name: str) -> None:
        now = self.world.clock.now
        if now - self._accepted.get(name, -DROPS_DOUBLES) < DROPS_DOUBLES:
            self.world.books.count["doubles that SQS dropped"] += 1
            return
        self._accepted[name] = now
        self._count += 1
        waiting = self.groups.setdefault(group, deque())
        waiting.append(Queued(body, group, now, f"receipt-{self._count}"))
        if len(waiting) == 1:
            self.world.clock.at(now + self.world.rng.randint(5, 50), partial(self._show, group))

    def _show(self, group: str) -> None:
        self._ready.append(group)
        self.hand_over()

    def hand_over(self) -> None:
        """Give messages to the function for as long as a place is free: of each group the first alone."""
        while self._ready and self._busy < AT_ONCE:
            message = self.groups[self._ready.popleft()][0]
            message.received += 1
            if message.received > RECEIVES:
                self.dead.append(message)
                self._next(message)
                continue
            message.visible_at = self.world.clock.now + VISIBILITY
            self._in_flight[message.receipt] = message
            self._busy += 1
            self.world.post.deliver(message)

    def done(self, message: Queued, *, handled: bool) -> None:
        """Note that the function is through with a message."""
        del self._in_flight[message.receipt]
        self._busy -= 1
        if handled:
            self._next(message)
        else:
            self.world.clock.at(message.visible_at, partial(self._show, message.group))
        self.world.clock.at(self.world.clock.now, self.hand_over)  # not within the operation that ends here

    def _next(self, message: Queued) -> None:
        waiting = self.groups[message.group]
        assert waiting.popleft() is message
        if waiting:
            self._ready.append(message.group)
        else:
            del self.groups[message.group]


@dataclass(slots=True)
class Sns:
    """The client of SNS: what is published is in the books at once, and with the deliver function a moment later."""

    world: World

    def publish(self, **said: Any) -> None:
        world = self.world
        world.hook("publish", "before")
        attributes = {
            name: {"Type": value["DataType"], "Value": value["StringValue"]}
            for name, value in said["MessageAttributes"].items()
        }
        event = json.loads(said["Message"])["default"]
        ids = json.loads(attributes["channel_ids"]["Value"])
        world.books.told(json.loads(event), ids, world.clock.now)
        sns = {"TopicArn": said["TopicArn"], "Message": event, "MessageAttributes": attributes}
        world.post.hand_on(sns)
        world.hook("publish", "after")


class Speaker(Topic):
    """The topic, as the alert function has it: it paces itself, and a call may be sent twice."""

    def __init__(self, world: World, gap: int, deliveries: Deliveries) -> None:
        into_queue = to_channels(world.store, deliveries)
        super().__init__(cast("SNSClient", Sns(world)), ARN, CHANNELS_ARN, to_channels=into_queue)
        self.world, self.gap = world, gap

    def publish(self, message: Message) -> None:
        clock = self.world.clock
        op = clock.current
        clock.sleep(op, op.free_at - clock.now)
        op.free_at = clock.now + self.gap
        self.world.twice(partial(super().publish, message))


@dataclass(slots=True)
class Post:
    """The deliver function, and who calls it."""

    world: World
    fifo: Fifo = field(init=False)
    deliveries: Deliveries = field(init=False)

    def __post_init__(self) -> None:
        self.fifo = Fifo(self.world)
        self.deliveries = Deliveries(cast("SQSClient", self.fifo), "queue")

    def hand_on(self, sns: dict[str, Any]) -> None:
        """Carry a publication to the deliver function: as a rule once, and soon, and in order."""
        world = self.world
        if sns["TopicArn"] == ARN:
            return  # the deployment's; no channel's
        delay = world.rng.randint(20, 100)
        if world.chance(world.weather.wake_late):
            delay += world.rng.randint(1, 60) * SECOND
        world.clock.at(world.clock.now + delay, partial(self._fan_out, sns, 0))
        if world.chance(world.weather.wake_twice):
            world.clock.at(world.clock.now + delay + world.rng.randint(0, 5_000), partial(self._fan_out, sns, 0))

    def _fan_out(self, sns: dict[str, Any], tried: int) -> None:
        world = self.world

        def work(_op: Op) -> None:
            try:
                notification = read_notification(sns)
                assert notification
                fan_out(
                    notification.event,
                    notification.attributes,
                    store=world.store,
                    deliveries=self.deliveries,
                )
            except world.troubles:
                if tried == len(ASYNC_RETRIES):
                    world.books.count["lost events"] += 1
                    return
                world.clock.at(world.clock.now + ASYNC_RETRIES[tried], partial(self._fan_out, sns, tried + 1))

        world.run(Op("fan out", now=world.skewed(world.clock.now)), work)

    def deliver(self, message: Queued) -> None:
        """Try a delivery as functions/deliver.py does."""
        world = self.world
        delivery = read(message.body)

        def work(op: Op) -> None:
            skew = op.now - world.clock.now
            world.books.count["tries of deliveries"] += 1
            send = sender(allow_private=False, clock=lambda: moment(world.clock.now + skew))

            def timed(*asked: Any) -> Any:
                world.in_hand, world.in_hand_since, world.took = delivery, message.sent_at, 0
                outcome = send(*asked)
                world.hook("send", "after")
                world.clock.sleep(op, world.took)
                return outcome

            ways = Ways(store=world.store, topic=world.topic, deliveries=self.deliveries, send=timed)
            handled = False
            try:
                tried = attempt(
                    delivery,
                    receipt=message.receipt,
                    tries=message.received,
                    sent_at=moment(message.sent_at),
                    ways=ways,
                    now=moment(world.clock.now + skew),
                )
                world.books.count[f"deliveries {tried.result}"] += 1
                handled = tried.wait is None
            except world.troubles:
                world.books.count["deliveries cut off"] += 1
            self.fifo.done(message, handled=handled)

        world.run(Op("deliver", now=world.skewed(world.clock.now)), work, waits=True)
