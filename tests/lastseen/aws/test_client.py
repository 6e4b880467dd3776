"""AWS over the wire: what goes out, what comes back, and when a call is made again."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zlib import crc32

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.retryhandler import EXCEPTION_MAP

from lastseen.aws import client as aws
from lastseen.aws import connections
from lastseen.aws.client import LAST_TRY_SECONDS, PASSING, SQS, TRIES, Aws, CallRefusedError, DynamoDB, SpoiledError
from lastseen.aws.connections import LostError

KEY = {"TableName": "checks", "Key": {"id": {"S": "1"}}}
PUT = {"TableName": "checks", "Item": {"id": {"S": "1"}}}
BOTH = {"TransactItems": [{"Put": PUT}, {"Delete": KEY}]}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
    "AWS_SESSION_TOKEN": "a-token",
}

Reply = tuple[int, dict[str, str], bytes]
"""Status, headers and body; a status of 0: hang up without a word."""

HANG_UP: Reply = (0, {}, b"")


def refusal(code: str, status: int = 400, **more: Any) -> Reply:
    said = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "words", **more}
    return status, {"x-amzn-requestid": "R1"}, json.dumps(said).encode()


def taken(**answer: Any) -> Reply:
    return 200, {}, json.dumps(answer).encode()


@dataclass
class Wire:
    """A stand-in for a service of AWS that gives the replies it was told, in their order; the last one for good."""

    url: str = ""
    replies: list[Reply] = field(default_factory=lambda: [taken()])
    asked: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    pauses: list[float] = field(default_factory=list)

    def will(self, *replies: Reply) -> None:
        self.replies = list(replies)

    @property
    def bodies(self) -> list[Any]:
        return [body for _, body in self.asked]

    def dynamodb(self, **options: Any) -> DynamoDB:
        environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": self.url}
        return DynamoDB(Aws(environment), pause=self.pauses.append, **options)


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[Wire]:
    wire = Wire()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            wire.asked.append(({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
            wire.connections.add(self.client_address)
            status, headers, answer = wire.replies.pop(0) if len(wire.replies) > 1 else wire.replies[0]
            if not status:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """Whoever hung up is gone."""

    server = Server(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    wire.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def wire() -> Iterator[Wire]:
    with listening() as wire:
        yield wire


# --- What goes out ---


def test_a_call_is_signed_as_botocore_signs_and_names_its_operation(wire: Wire) -> None:
    wire.dynamodb().get_item(**KEY)
    [(headers, body)] = wire.asked
    assert body == KEY
    assert headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert headers["x-amz-security-token"] == "a-token"
    signed = ("content-type", "x-amz-target", "x-amz-date", "x-amz-security-token")
    again = AWSRequest("POST", f"{wire.url}/", {name: headers[name] for name in signed}, json.dumps(KEY).encode())
    again.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "a-secret", "a-token"), "dynamodb", "eu-central-1")
    canonical = signer.canonical_request(again)
    signature = signer.signature(signer.string_to_sign(again, canonical), again)
    assert headers["authorization"].endswith(f"Signature={signature}")
    assert "a-secret" not in str(headers)


@pytest.mark.parametrize(
    ("call", "target", "asked"),
    [
        ("get_item", "GetItem", KEY),
        ("put_item", "PutItem", PUT),
        ("update_item", "UpdateItem", KEY),
        ("transact_write_items", "TransactWriteItems", BOTH),
    ],
)
def test_each_call_is_that_of_its_name(wire: Wire, call: str, target: str, asked: dict[str, Any]) -> None:
    getattr(wire.dynamodb(), call)(**asked)
    assert wire.asked[0][0]["x-amz-target"] == f"DynamoDB_20120810.{target}"


def test_wakes_go_to_the_queue(wire: Wire) -> None:
    wire.will(taken(Successful=[], Failed=[{"Id": "0", "Code": "x", "SenderFault": False}]))
    sqs = SQS(Aws({**ENVIRONMENT, "AWS_ENDPOINT_URL_SQS": wire.url}))
    answer = sqs.send_message_batch(QueueUrl="https://q", Entries=[{"Id": "0", "MessageBody": "{}"}])
    assert wire.asked[0][0]["x-amz-target"] == "AmazonSQS.SendMessageBatch"
    assert answer["Failed"][0]["Id"] == "0"


def test_bytes_are_bytes_on_both_sides_however_deep(wire: Wire) -> None:
    item = {"b": {"B": b"\0\xff"}, "m": {"M": {"l": {"L": [{"B": b"deep"}, {"S": "B"}]}, "B": {"S": "a name"}}}}
    wire.dynamodb().put_item(TableName="t", Item=item)
    sent = wire.bodies[0]["Item"]
    assert sent["b"] == {"B": base64.b64encode(b"\0\xff").decode()}
    wire.will(taken(Item=sent))
    assert wire.dynamodb().get_item(**KEY)["Item"] == item


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "https://dynamodb.eu-central-1.amazonaws.com/"),
        ({"URL_SUFFIX": "amazonaws.com.cn"}, "https://dynamodb.eu-central-1.amazonaws.com.cn/"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "http://127.0.0.1:1/"),
        ({"AWS_ENDPOINT_URL": "http://all/", "AWS_ENDPOINT_URL_DYNAMODB": "http://one/"}, "http://one/"),
    ],
)
def test_it_finds_where_the_service_is(given: dict[str, str], url: str) -> None:
    assert Aws({**ENVIRONMENT, **given}).endpoint("dynamodb") == url


@pytest.mark.parametrize("region", ["eu-central-1", "us-gov-west-1", "cn-north-1"])
def test_each_partition_is_where_botocore_finds_it(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    ours = Aws({**ENVIRONMENT, "AWS_DEFAULT_REGION": region, "URL_SUFFIX": suffix})
    session = botocore.session.get_session()
    for service in ("dynamodb", "sqs"):
        client = session.create_client(service, region_name=region)
        assert ours.endpoint(service) == f"{client.meta.endpoint_url}/"


def test_who_calls_does_not_show_what_is_secret() -> None:
    shown = repr(Aws(ENVIRONMENT).credentials())
    assert "a-secret" not in shown
    assert "a-token" not in shown


# --- What comes back ---


def test_a_refusal_is_the_error_that_botocores_client_raises(wire: Wire) -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Message": "m"}]
    wire.will(refusal("TransactionCanceledException", CancellationReasons=reasons))
    with pytest.raises(CallRefusedError) as raised:
        wire.dynamodb().transact_write_items(**BOTH)
    response: Any = raised.value.response
    assert response["Error"] == {"Code": "TransactionCanceledException", "Message": "words"}
    assert response["CancellationReasons"] == reasons
    assert response["ResponseMetadata"] == {"HTTPStatusCode": 400, "RequestId": "R1"}
    theirs = ClientError(response, "TransactWriteItems")
    assert (str(raised.value), raised.value.operation_name) == (str(theirs), theirs.operation_name)
    assert len(wire.asked) == 1  # no second try mends it


def test_what_is_no_json_is_an_error_of_its_status(wire: Wire) -> None:
    wire.will((403, {}, b"<html>Forbidden"))
    with pytest.raises(CallRefusedError) as raised:
        wire.dynamodb().get_item(**KEY)
    assert raised.value.response["Error"]["Code"] == "403"


# --- When a call is made again ---


PASSES = [refusal(code) for code in sorted(PASSING)]
PASSES += [refusal("InternalServerError", 500), (503, {}, b"busy"), (429, {}, b"slow down"), HANG_UP]


@pytest.mark.parametrize("trouble", PASSES, ids=lambda reply: f"{reply[0]} {reply[2][:70].decode()}"[:90])
def test_what_passes_by_itself_is_tried_again(wire: Wire, trouble: Reply) -> None:
    wire.will(trouble, trouble, taken(Item={"id": {"S": "1"}}))
    assert wire.dynamodb().get_item(**KEY) == {"Item": {"id": {"S": "1"}}}
    assert len(wire.asked) == 3
    assert 0.025 <= wire.pauses[0] <= 0.05 <= wire.pauses[1] <= 0.1


@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "AccessDeniedException", "ValidationException"])
def test_what_does_not_pass_is_said_at_once(wire: Wire, code: str) -> None:
    wire.will(refusal(code))
    with pytest.raises(CallRefusedError, match=code):
        wire.dynamodb().get_item(**KEY)
    assert (len(wire.asked), wire.pauses) == (1, [])


def test_no_code_is_left_out_after_which_botocore_tries_again() -> None:
    rules = botocore.session.get_session().get_component("data_loader").load_data("_retry")
    held = [*rules["definitions"].values(), *rules["retry"]["dynamodb"]["__default__"]["policies"].values()]
    policies = [rule.get("applies_when", {}).get("response", {}) for rule in held if isinstance(rule, dict)]
    policies += [rule["applies_when"]["response"] for rule in rules["retry"]["__default__"]["policies"].values()
                 if "response" in rule.get("applies_when", {})]  # fmt: skip
    codes = {each["service_error_code"] for each in policies if "service_error_code" in each}
    s3_and_ec2 = {"PriorRequestNotComplete", "RequestTimeout", "RequestTimeoutException", "EC2ThrottledException"}
    s3_and_ec2 |= {"BandwidthLimitExceeded", "LimitExceededException", "TooManyRequestsException", "SlowDown"}
    assert codes
    assert codes - PASSING <= s3_and_ec2 | {"CRC32Error"}
    assert EXCEPTION_MAP["GENERAL_CONNECTION_ERROR"]  # which is LostError here


def test_a_transaction_that_is_sent_again_bears_the_same_token(wire: Wire) -> None:
    wire.will(HANG_UP, refusal("InternalServerError", 500), taken())
    dynamodb = wire.dynamodb()
    dynamodb.transact_write_items(**BOTH)
    dynamodb.transact_write_items(**BOTH)
    first, second, third, other = [body["ClientRequestToken"] for body in wire.bodies]
    assert first == second == third != other


def test_it_gives_up_after_its_tries_with_the_last_failure(wire: Wire) -> None:
    wire.will(refusal("ThrottlingException"))
    with pytest.raises(CallRefusedError, match="Throttling"):
        wire.dynamodb().get_item(**KEY)
    assert len(wire.asked) == TRIES
    assert max(wire.pauses) <= aws.LONGEST_WAIT


def test_it_gives_up_while_the_function_still_has_time_to_say_so(wire: Wire) -> None:
    wire.will(HANG_UP)
    times: Iterator[float] = iter(range(100))
    with pytest.raises(LostError):
        wire.dynamodb(clock=lambda: 2.0 * next(times)).get_item(**KEY)
    assert len(wire.asked) == 4
    assert (
        LAST_TRY_SECONDS + connections.CONNECT_SECONDS + connections.READ_SECONDS <= 10.5
    )  # and a try that hangs ends soon after


def test_a_call_that_hangs_is_given_up_and_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_SECONDS", 0.05)
    pauses: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as mute:
        place = {**ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{mute.getsockname()[1]}"}
        with pytest.raises(LostError, match="TimeoutError"):
            DynamoDB(Aws(place), tries=2, pause=pauses.append).get_item(**KEY)
    assert len(pauses) == 1


def test_a_connection_that_was_closed_while_the_function_slept_costs_no_ping(wire: Wire) -> None:
    dynamodb = wire.dynamodb()
    wire.will((200, {"Connection": "close"}, b"{}"), taken())
    dynamodb.get_item(**KEY)
    time.sleep(0.05)
    assert dynamodb.get_item(**KEY) == {}


def test_connections_are_kept_and_shared_by_threads(wire: Wire) -> None:
    dynamodb = wire.dynamodb()
    for _ in range(5):
        dynamodb.get_item(**KEY)
    assert len(wire.connections) == 1
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: dynamodb.get_item(**KEY), range(64))) == [{}] * 64
    assert len(wire.connections) <= 10


def test_an_answer_that_was_spoiled_on_the_way_is_asked_for_again(wire: Wire) -> None:
    body = b'{"Item": {"id": {"S": "1"}}}'
    spoiled, whole = {"x-amz-crc32": "1"}, {"x-amz-crc32": str(crc32(body))}
    wire.will((200, spoiled, body), (200, whole, body))
    assert wire.dynamodb().get_item(**KEY)["Item"] == {"id": {"S": "1"}}
    wire.will((200, spoiled, body))
    with pytest.raises(SpoiledError):
        wire.dynamodb().get_item(**KEY)


# --- Whom it trusts ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    line = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    subprocess.run(["openssl", *line.split(), *files], check=True, capture_output=True)
    return folder


def test_a_stranger_is_not_trusted_and_an_authority_of_ones_own_is(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert", certificate / "key")
    pause: Callable[[float], None] = lambda _: None  # noqa: E731 - no wait
    with listening(context) as wire:
        place = {**ENVIRONMENT, "AWS_ENDPOINT_URL": wire.url}
        with pytest.raises(LostError, match="CERTIFICATE_VERIFY_FAILED"):
            DynamoDB(Aws(place), pause=pause).get_item(**KEY)
        assert wire.asked == []
        assert DynamoDB(Aws({**place, "AWS_CA_BUNDLE": str(certificate / "cert")})).get_item(**KEY) == {}
