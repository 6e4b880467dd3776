"""Connections against servers that hang up, stammer, stop in the middle, or answer late: what each call comes to."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from lastseen.aws import connections
from lastseen.aws.client import Aws, CallRefusedError, DynamoDB
from lastseen.aws.connections import LostError
from tests.judge import parsed
from tests.waiting import eventually

ASKED = "asked"  # wait for a request
RESET = "reset"  # hang up as a host does that has forgotten the connection
Step = str | bytes | float
READ_SECONDS = 0.2
DATE = "Date: Sat, 28 Nov 2026 01:00:00 GMT"
LONG_SECONDS = 0.3
"""Where a server does nothing for that long, it is waiting for what the client does."""

PUT = {"TableName": "t", "Item": {"id": {"S": "1"}}}


def ok(number: int, *headers: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    body = json.dumps({"Attributes": {"n": {"N": str(number)}}}).encode()
    return "\r\n".join([status, f"Content-Length: {len(body)}", *headers, "", ""]).encode() + body


def refused(code: str, *headers: str) -> bytes:
    body = json.dumps({"__type": f"com.amazon.coral.service#{code}", "message": "Signature expired"}).encode()
    return "\r\n".join(["HTTP/1.1 400 x", f"Content-Length: {len(body)}", *headers, "", ""]).encode() + body


def in_chunks(answer: bytes) -> bytes:
    body = answer.partition(b"\r\n\r\n")[2]
    parts = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in (body[:3], body[3:]))
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n"


def compressed(answer: bytes) -> bytes:
    body = gzip.compress(answer.partition(b"\r\n\r\n")[2])
    return f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Server:
    """Plays the steps of one script on each connection, in the order in which they are made, then hangs up."""

    scripts: list[Sequence[Step]]
    requests: list[bytes] = field(default_factory=list)
    connected: int = 0
    busy: set[socket.socket] = field(default_factory=set)

    def play(self, connection: socket.socket) -> None:
        steps = self.scripts[self.connected]
        self.connected += 1
        with connection, suppress(OSError):
            for step in steps:
                is_waiting = step == ASKED or (isinstance(step, float) and step >= LONG_SECONDS)
                (self.busy.discard if is_waiting else self.busy.add)(connection)
                if step == ASKED:
                    self.requests.append(_request(connection))
                    self.busy.add(connection)
                elif step == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif isinstance(step, bytes):
                    connection.sendall(step)
                else:
                    time.sleep(float(step))
        self.busy.discard(connection)


def _request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    size = int(parsed(received)[2]["content-length"])
    while len(received.partition(b"\r\n\r\n")[2]) < size:
        received += _some(connection)
    return received


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise OSError
    return received


@contextmanager
def playing(*scripts: Sequence[Step]) -> Iterator[tuple[Server, DynamoDB, list[float]]]:
    server, pauses = Server(list(scripts)), list[float]()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        played: list[tuple[socket.socket, threading.Thread]] = []

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    thread = threading.Thread(target=server.play, args=(connection,), daemon=True)
                    played.append((connection, thread))
                    thread.start()

        accepting = threading.Thread(target=serve, daemon=True)
        accepting.start()
        try:
            endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}"
            environment = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "eu-west-1"}
            yield server, DynamoDB(Aws({**environment, "AWS_ENDPOINT_URL": endpoint}), pause=pauses.append), pauses
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for connection, thread in played:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                thread.join()


KEPT: list[Step] = [ASKED, ok(1)]
DROPS = [step for byte in ok(1) for step in (bytes([byte]), 0.05)]
CASES: dict[str, tuple[list[Sequence[Step]], list[Any], int, int]] = {
    # what the server does on each connection; what the calls come to; requests that it got; waits before a retry
    "closed while it was idle": ([[*KEPT], [ASKED, ok(2)]], [1, 2], 2, 0),
    "closed when asked": ([[*KEPT, ASKED], [ASKED, ok(2)]], [1, 2], 3, 0),
    "reset when asked": ([[*KEPT, ASKED, RESET], [ASKED, ok(2)]], [1, 2], 3, 0),
    "closed when asked, and the new one too": ([[*KEPT, ASKED], [ASKED], [ASKED, ok(2)]], [1, 2], 4, 1),
    "a new one is closed": ([[ASKED], [ASKED, ok(1)]], [1], 2, 1),
    "a new one is reset": ([[ASKED, RESET], [ASKED, ok(1)]], [1], 2, 1),
    "closed in the head": ([[*KEPT, ASKED, ok(2)[:20]], [ASKED, ok(2)]], [1, 2], 3, 1),
    "closed in the body": ([[*KEPT, ASKED, ok(2)[:-2]], [ASKED, ok(2)]], [1, 2], 3, 1),
    "closed in a chunk": ([[ASKED, in_chunks(ok(1))[:-9]], [ASKED, ok(1)]], [1], 2, 1),
    "reset in the body": ([[ASKED, ok(1)[:-2], 0.05, RESET], [ASKED, ok(1)]], [1], 2, 1),
    "says that it closes": ([[ASKED, ok(1, "Connection: close")], [ASKED, ok(2)]], [1, 2], 2, 0),
    "an old server": ([[ASKED, ok(1, status="HTTP/1.0 200 OK")], [ASKED, ok(2)]], [1, 2], 2, 0),
    "continue first": ([[ASKED, b"HTTP/1.1 100 Continue\r\n\r\n", ok(1), ASKED, ok(2)]], [1, 2], 2, 0),
    "hints first": ([[ASKED, b"HTTP/1.1 103 x\r\nLink: <x>\r\n\r\n", 0.02, ok(1), ASKED, ok(2)]], [1, 2], 2, 0),
    "in chunks": ([[ASKED, in_chunks(ok(1)), ASKED, in_chunks(ok(2))]], [1, 2], 2, 0),
    "in pieces": ([[ASKED, ok(1)[:9], 0.02, ok(1)[9:40], 0.02, ok(1)[40:], ASKED, ok(2)]], [1, 2], 2, 0),
    "without a length": ([[ASKED, b"HTTP/1.1 200 OK\r\n\r\n{}"], [ASKED, ok(2)]], [None, 2], 2, 0),
    "garbage": ([[ASKED, b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n", 0.3], [ASKED, ok(1)]], [1], 2, 1),
    "another protocol": ([[ASKED, b"HTTP/1.1 101 x\r\n\r\n", 0.3], [ASKED, ok(1)]], [1], 2, 1),
    "no JSON": ([[ASKED, ok(1)[:-5] + b"#####", ASKED, ok(1)]], [1], 2, 1),
    "nothing at all": ([[ASKED, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ASKED, ok(1)]], [1], 2, 1),
    "no object": ([[ASKED, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", ASKED, ok(1)]], [1], 2, 1),
    "compressed": ([[ASKED, compressed(ok(1)), ASKED, ok(1)]], [1], 2, 1),
    "a wrong checksum": ([[ASKED, ok(1, "x-amz-crc32: 1"), ASKED, ok(1)]], [1], 2, 1),
    "more than it said": ([[ASKED, ok(1) + ok(7), 0.3], [ASKED, ok(2)]], [1, 2], 2, 0),
    "more than it said, later": ([[ASKED, ok(1), 0.02, b"HTTP/1.1 408 x\r\n\r\n", 0.3], [ASKED, ok(2)]], [1, 2], 2, 0),
    "no answer in time": ([[ASKED, 0.4, ok(7), 0.2], [ASKED, ok(1)]], [1], 2, 1),
    "an answer that is too late is nobody's": ([[*KEPT, ASKED, 0.3, ok(7), 0.2], [ASKED, 0.15, ok(2), ASKED, ok(3)]],
                                              [1, 2, 3], 4, 1),
    "drop by drop": ([[ASKED, *DROPS], [ASKED, ok(1)]], [1], 2, 1),
    "the clock is wrong": ([[ASKED, refused("InvalidSignatureException", DATE), ASKED, ok(2)]],
                           ["InvalidSignatureException", 2], 2, 0),
    "the clock is wrong, by another name": ([[ASKED, refused("RequestTimeTooSkewed"), ASKED, ok(2)]],
                                            ["RequestTimeTooSkewed", 2], 2, 0),
    "too many calls": ([[ASKED, refused("ThrottlingException"), ASKED, ok(1)]], [1], 2, 1),
}  # fmt: skip

SLOW = [CASES[name][0] for name in ("no answer in time", "an answer that is too late is nobody's", "drop by drop")]


@pytest.mark.parametrize(("scripts", "results", "requests", "pauses"), CASES.values(), ids=CASES)
def test_what_a_call_comes_to(
    scripts: list[Sequence[Step]], results: list[Any], requests: int, pauses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if scripts in SLOW:
        monkeypatch.setattr(connections, "READ_SECONDS", READ_SECONDS)
    with playing(*scripts) as (server, dynamodb, paused):
        for number, expected in enumerate(results):
            if isinstance(expected, str):
                with pytest.raises(CallRefusedError, match=expected):
                    dynamodb.update_item(**_update(number))
            else:
                answer = dynamodb.update_item(**_update(number))
                assert answer == ({} if expected is None else {"Attributes": {"n": {"N": str(expected)}}})
            assert eventually(lambda: not server.busy)  # the function sleeps, and what comes meanwhile has come
    asked = [json.loads(request.partition(b"\r\n\r\n")[2])["Key"]["id"]["S"] for request in server.requests]
    assert asked == sorted(asked)  # never an older call after a newer one
    assert (len(asked), len(paused), server.connected) == (requests, pauses, len(scripts))


def _update(number: int) -> dict[str, Any]:
    return {"TableName": "t", "Key": {"id": {"S": str(number)}}, "ReturnValues": "UPDATED_NEW"}


def test_what_was_sent_stands_in_no_error() -> None:
    with playing(*[[ASKED]] * 10) as (_, dynamodb, _), pytest.raises(LostError) as raised:
        dynamodb.put_item(TableName="t", Item={"id": {"S": "a ping URL"}})
    shown = f"{raised.value!r} {raised.value.__cause__!r}"
    assert "EndedError" in shown
    assert "ping URL" not in shown


def test_a_host_that_nobody_has_is_a_call_that_was_lost() -> None:
    pauses: list[float] = []
    environment = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "eu-west-1"}
    aws = Aws({**environment, "AWS_ENDPOINT_URL": "https://nobody.invalid"})
    with pytest.raises(LostError, match="gaierror"):
        DynamoDB(aws, pause=pauses.append).put_item(**PUT)
    assert len(pauses) == 9
