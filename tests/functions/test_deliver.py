"""The chat function itself, on a queue and tables as moto plays them, and receivers on loopback that hang."""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lastseen.core.channel import Channel, Via
from lastseen.delivery import deliver as chat
from lastseen.delivery import guarded as line
from lastseen.delivery.judging import SILENT
from lastseen.delivery.sender import DELIVERY_SECONDS, sender
from lastseen.storage.documents import CHANNELS
from lastseen.storage.store import Store, TableStore
from lastseen.storage.tables import Tables
from lastseen.text.event import to_json
from tests import gallery
from tests.infra.test_alarms import watched
from tests.infra.test_stack import function, of_type
from tests.lastseen.delivery.receiver import Reply, listening
from tests.tables import made

pytestmark = pytest.mark.filterwarnings(
    "ignore:'imghdr' is deprecated",  # of Apprise, where Python is older than ours
)

FUNCTIONS = Path(__file__).parents[2] / "functions"
REGION = "us-east-1"
CONTEXT = SimpleNamespace(
    function_name="deliver",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:deliver",
    aws_request_id="1",
    get_remaining_time_in_millis=lambda: 60_000,
)
SECRET = "xoxb-no-log-shows-this"
DOWN, FAILED = gallery.messages()["The job failed"], gallery.flip_event("The job failed")


class Chat:
    """The chat function between its queue and the receivers, as Lambda runs it: one delivery at a time."""

    def __init__(self, module: ModuleType, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
        self.module, self.store, self._capsys = module, store, capsys
        self._sqs, self._queue_url = boto3.client("sqs", REGION), module._env["DELIVERIES_QUEUE_URL"]  # noqa: SLF001
        self.log = ""

    def channel(self, name: str, target: str, via: Via = Via.WEBHOOK) -> None:
        channel = Channel(id=f"id-of-{name}", project="default", name=name, via=via, target=target)
        CHANNELS.write(self.store, channel)

    def hear(self, *, checks: int = 1) -> None:
        """Let the topic tell that so many checks are down."""
        attributes = {
            name: {"Type": "String.Array", "Value": json.dumps(value)}
            if isinstance(value, list)
            else {"Type": "String", "Value": value}
            for name, value in DOWN.attributes.items()
        }
        for n in range(checks):
            event = replace(FAILED, id=f"event:{n}", check=replace(FAILED.check, key=f"key-{n}"))
            sns = {"TopicArn": "arn", "Message": json.dumps(to_json(event)), "MessageAttributes": attributes}
            self._run({"EventSource": "aws:sns", "Sns": sns})

    def work(self) -> int:
        """Hand over once each what may come now; return how much has to come again."""
        waiting = []
        while found := self._sqs.receive_message(
            QueueUrl=self._queue_url, MaxNumberOfMessages=1, MessageSystemAttributeNames=["All"]
        ).get("Messages"):
            waiting += found
        again = 0
        for message in waiting:
            handed = {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"]}
            if self._run(handed | {"body": message["Body"], "attributes": message["Attributes"]}):
                again += 1
            else:
                self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
        return again

    def _run(self, record: dict[str, Any]) -> list[dict[str, str]]:
        self.module.logger.registered_handler.stream = sys.stdout  # the one that pytest captures now
        failed: list[dict[str, str]] = self.module.handler({"Records": [record]}, CONTEXT)["batchItemFailures"]
        self.log += "".join(self._capsys.readouterr())
        return failed

    def failed(self) -> list[tuple[str, str]]:
        """Return what was logged of tries that failed: the channel, and why."""
        return [(one["channel"], one["why"]) for one in self._lines() if one.get("message") == "delivery failed"]

    def measured(self) -> list[dict[str, Any]]:
        return [one for one in self._lines() if "_aws" in one]

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(one) for one in self.log.splitlines() if one.startswith("{")]


@pytest.fixture
def chat_function(
    template: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Chat]:
    """Load functions/deliver.py with the environment that the template gives it; it has less patience, to save time."""
    asked = function(template, "deliver")["Environment"]["Variables"]
    credentials = {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    with mock_aws():
        tables = made(boto3.client("dynamodb", REGION), template)
        named = {f"{name.upper()}_TABLE": getattr(tables, name) for name in ("checks", "names", "history", "settings")}
        made_queue = boto3.client("sqs", REGION).create_queue(
            QueueName="deliveries.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "360"}
        )
        topic = boto3.client("sns", REGION).create_topic(Name="alerts")["TopicArn"]
        for_us = {
            "DELIVERIES_QUEUE_URL": made_queue["QueueUrl"],
            "TOPIC_ARN": topic,
            "CHANNELS_TOPIC_ARN": topic,
            "ALLOW_PRIVATE_TARGETS": "true",
        }
        for name, value in (asked | credentials | named | for_us).items():
            monkeypatch.setenv(name, str(value))
        spec = importlib.util.spec_from_file_location("entry_deliver", FUNCTIONS / "deliver.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(line, "READ_SECONDS", 0.3)
        send = sender(allow_private=True, clock=lambda: datetime.now(UTC), seconds=0.6)  # noqa: TID251 - as the entry
        monkeypatch.setattr(module, "_ways", replace(module._ways, send=send))  # noqa: SLF001 - its patience
        yield Chat(module, TableStore(boto3.client("dynamodb", REGION), tables), capsys)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what failed come again at once."""
    monkeypatch.setattr(chat, "wait_before", lambda _tries: timedelta(0))
    monkeypatch.setattr(chat, "REST", timedelta(0))


@contextmanager
def accepting(drips: bytes = b"") -> Iterator[int]:
    """Accept connections, and never answer: not a byte, or one now and then without an end. Yield the port."""
    over = threading.Event()

    def hold(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            for at in range(len(drips)):
                connection.sendall(drips[at : at + 1])
                if over.wait(0.1):
                    return
            over.wait()

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=hold, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        over.set()
        server.shutdown(socket.SHUT_RDWR)


HANGS = {
    "a webhook that never answers": (Via.WEBHOOK, "http://127.0.0.1:{port}/{secret}", b""),
    "a webhook whose answer has no end": (Via.WEBHOOK, "http://127.0.0.1:{port}/{secret}", b"HTTP/1.1 200" + b"0" * 99),
    "a chat that never answers": (Via.CHAT, "mmost://127.0.0.1:{port}/{secret}", b""),
}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("hangs", HANGS)
def test_a_channel_that_hangs_is_tried_again_and_named_and_the_others_are_told(
    hangs: str, chat_function: Chat, template: dict[str, Any]
) -> None:
    via, target, drips = HANGS[hangs]
    with accepting(drips) as port, listening() as receiver:
        chat_function.channel("hung", target.format(port=port, secret=SECRET), via)
        chat_function.channel("other", f"{receiver.url}/other")
        chat_function.hear()
        again = [chat_function.work() for _ in range(chat.LASTING)]
    assert again == [1] * chat.LASTING
    assert [received.json["id"] for received in receiver.received] == ["event:0"]
    assert chat_function.failed() == [("id-of-hung", SILENT)] * chat.LASTING
    [line_of_it] = chat_function.measured()
    assert line_of_it["channel"] == "id-of-hung"
    [directive] = line_of_it["_aws"]["CloudWatchMetrics"]
    [dimensions] = directive["Dimensions"]
    emitted = (directive["Namespace"], directive["Metrics"][0]["Name"], {name: line_of_it[name] for name in dimensions})
    assert emitted == watched(template)["DeliveriesFailing"]
    assert SECRET not in chat_function.log
    assert str(port) not in chat_function.log


@pytest.mark.usefixtures("at_once")
def test_a_channel_that_answers_again_gets_what_it_missed(chat_function: Chat) -> None:
    with listening() as receiver:
        chat_function.channel("hung", f"{receiver.url}/hung")
        receiver.usual = Reply(after_seconds=1)
        chat_function.hear(checks=2)
        assert chat_function.work() == 1  # the other one waits for it
        receiver.received.clear()
        receiver.usual = Reply()
        assert [chat_function.work(), chat_function.work()] == [0, 0]
        assert [received.json["id"] for received in receiver.received] == ["event:0", "event:1"]


def test_many_alerts_for_a_channel_that_hangs_are_waited_for_once(chat_function: Chat) -> None:
    with listening() as hung, listening() as other:
        chat_function.channel("hung", f"{hung.url}/hung")
        chat_function.channel("other", f"{other.url}/other")
        hung.usual = Reply(after_seconds=1)
        chat_function.hear(checks=10)
        assert [chat_function.work() for _ in range(10)] == [1] + [0] * 9
        assert len(hung.received) == 1  # the other nine wait in the queue
        assert len(other.received) == 10


def test_a_try_that_raises_comes_again_as_soon_as_one_in_vain(
    chat_function: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB refused a call, say: the channel must not wait for the six minutes of the queue."""
    monkeypatch.setattr(chat, "wait_before", lambda tries: timedelta(seconds=tries))
    gone = TableStore(boto3.client("dynamodb", REGION), Tables("gone", "gone", "gone", "gone"))
    ways = chat_function.module._ways  # noqa: SLF001 - its tables
    with listening() as receiver:
        chat_function.channel("hook", f"{receiver.url}/hook")
        chat_function.hear()
        with monkeypatch.context() as broken:
            broken.setattr(chat_function.module, "_ways", replace(ways, store=gone))
            with pytest.raises(ClientError):
                chat_function.work()
        assert (chat_function.work(), len(receiver.received)) == (0, 0)
        time.sleep(1.1)
        assert (chat_function.work(), len(receiver.received)) == (0, 1)


def test_what_is_handed_over_together_is_done_before_the_function_is_cut_off(
    template: dict[str, Any],
) -> None:
    [feed] = [one for one in of_type(template, "AWS::Lambda::EventSourceMapping").values() if one["BatchSize"] == 1]
    longest = feed["BatchSize"] * len(chat.FORMS) * DELIVERY_SECONDS
    assert longest + 5 < function(template, "deliver")["Timeout"]
    assert line.CONNECT_SECONDS + line.READ_SECONDS < DELIVERY_SECONDS
