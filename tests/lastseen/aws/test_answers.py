"""Reading answers: as Python's http.client reads them, and nothing that two readers could understand in two ways."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse
from random import Random
from typing import Any

import pytest

from lastseen.aws import answers
from lastseen.aws.answers import BODY_LIMIT_BYTES, Answer, BadAnswerError, EndedError, Reader

STATUSES = (200, 200, 204, 304, 400, 403, 429, 500, 503)
NAMES = ("x-amz-crc32", "X-Amzn-RequestId", "Content-Type", "Server", "Date", "Via")
VALUES = ("", "0", "application/x-amz-json-1.0", "a, b;c=d", "Sat, 28 Nov 2026 01:00:00 GMT", "x" * 300, "\xe9")
BROKEN = b"\r\n\r\n :;,0123456789abcdefxABCHTTP/1.\t\0\xff"


def drawn(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a test's choices, no secret


def in_pieces(text: bytes, chance: Random) -> Callable[[], bytes]:
    """Return what gives a text bit by bit, as a network does, and then the end."""
    stream = io.BytesIO(text)
    size = chance.choice((1, 7, 100, 100_000))
    return lambda: stream.read(chance.randint(1, size))


def read(text: bytes, chance: Random | None = None) -> Answer:
    return Reader(in_pieces(text, chance or drawn(0))).answer()


def python_reads(text: bytes) -> tuple[int, bytes]:
    class Socket:
        def makefile(self, _mode: str) -> io.BytesIO:
            return io.BytesIO(text)

    response = HTTPResponse(Socket(), method="POST")  # type: ignore[arg-type] # all that it needs of one
    response.begin()
    return response.status, response.read()


def chunked(body: bytes, chance: Random) -> Iterator[bytes]:
    while body:
        size = chance.randint(1, len(body))
        yield f"{size:{chance.choice('xX')}}{chance.choice(('', ';a=b', ' ;a'))}\r\n".encode() + body[:size] + b"\r\n"
        body = body[size:]
    yield b"0\r\n" + chance.choice((b"", b"x-trailer: 1\r\n")) + b"\r\n"


def written(chance: Random) -> bytes:
    """Return an answer as some server could write it."""
    body = chance.randbytes(chance.choice((0, 1, 30, 3_000)))
    lines = [
        f"{chance.choice(NAMES)}:{chance.choice(('', ' '))}{chance.choice(VALUES)}" for _ in range(chance.randrange(6))
    ]
    status = chance.choice(STATUSES)
    kind = chance.randrange(3)
    if status in {204, 304}:
        body, kind = b"", 2
    if kind == 0:
        lines.append(f"{chance.choice(('Content-Length', 'content-length'))}: {len(body)}")
    if kind == 1:
        lines.append(f"Transfer-Encoding: {chance.choice(('chunked', 'Chunked'))}")
        body = b"".join(chunked(body, chance))
    chance.shuffle(lines)
    first = f"HTTP/1.{chance.choice('0111')} {status}{chance.choice(('', ' ', ' OK', ' Not so good'))}"
    informed = b"HTTP/1.1 100 Continue\r\n\r\n" * chance.choice((0, 0, 1, 2))
    return informed + "\r\n".join([first, *lines, "", ""]).encode("latin-1") + body


def test_it_reads_what_http_client_reads() -> None:
    chance = drawn(1)
    for _ in range(3_000):
        text = written(chance)
        answer = read(text, chance)
        assert (answer.status, answer.data) == python_reads(text), text


def test_what_is_broken_is_refused_or_read_as_http_client_reads_it() -> None:
    chance = drawn(2)
    ends: dict[str, int] = {}
    for _ in range(6_000):
        text = bytearray(written(chance))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(text))
            junk = bytes(chance.choices(BROKEN, k=chance.randint(0, 3)))
            text[at : at + chance.randint(0, 3)] = junk
        try:
            answer = read(bytes(text), chance)
        except (BadAnswerError, EndedError) as refused:
            ends[type(refused).__name__] = ends.get(type(refused).__name__, 0) + 1
            continue
        ends["read"] = ends.get("read", 0) + 1
        try:
            theirs = python_reads(bytes(text))
        except (HTTPException, ValueError):
            continue  # it is stricter there
        if theirs[0] > 199:  # it takes any 1xx but 100 for the answer itself
            assert (answer.status, answer.data) == theirs, bytes(text)
    assert min(ends.values()) > 300, ends  # each of the three was tried


def head(*lines: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([status, *lines, "", ""]).encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (head("Content-Length: 2") + b"{}", Answer(200, {"content-length": "2"}, b"{}")),
        (head("Content-Length: 2", "content-length: 2") + b"{}", Answer(200, {"content-length": "2"}, b"{}")),
        (
            head("Content-Length: 0", "Connection: Close"),
            Answer(200, {"content-length": "0", "connection": "Close"}, b"", is_last=True),
        ),
        (head("Content-Length: 0", status="HTTP/1.0 200 OK"), Answer(200, {"content-length": "0"}, b"", is_last=True)),
        (head() + b"{}", Answer(200, {}, b"{}", is_last=True)),
        (head("a: 1", "A: 2", "content-length: 0"), Answer(200, {"a": "1, 2", "content-length": "0"}, b"")),
        (head(status="HTTP/1.1 103 x") + head("Content-Length: 0"), Answer(200, {"content-length": "0"}, b"")),
        (head("Link: x", status="HTTP/1.1 102 x") * 3 + head("a: b", "content-length: 0"),
         Answer(200, {"a": "b", "content-length": "0"}, b"")),
        (head(status="HTTP/1.1 204 No Content"), Answer(204, {}, b"")),
    ],
)  # fmt: skip
def test_an_answer_is_its_own_and_says_whether_another_may_follow(text: bytes, expected: Answer) -> None:
    for seed in range(5):
        assert read(text, drawn(seed)) == expected


def test_nothing_may_follow_an_answer_that_more_came_with_than_it_said() -> None:
    text = head("Content-Length: 2") + b"{}HTTP/1.1 200 OK"
    assert Reader(io.BytesIO(text).read).answer() == Answer(200, {"content-length": "2"}, b"{}", is_last=True)


@pytest.mark.parametrize(
    "text",
    [
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        head(status="HTTP/2 200"),
        head(status="HTTP/1.1 099 x"),
        head(status="HTTP/1.1 101 Switching Protocols"),
        head("Content-Length: 1", "Content-Length: 2") + b"{}",
        head("Content-Length: -1"),
        head("Content-Length: 1_0") + b"x" * 10,
        head("Content-Length: +2") + b"{}",
        head(f"Content-Length: {BODY_LIMIT_BYTES + 1}"),
        head("Content-Length : 2") + b"{}",
        head("a", "Content-Length: 2") + b"{}",
        head("a: b", " c", "Content-Length: 2") + b"{}",
        head("a: b\nContent-Length: 5", "Content-Length: 2") + b"{}",
        head("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
        head("Transfer-Encoding: chunked", status="HTTP/1.1 204 x") + b"0\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"x\r\n",
        head("Transfer-Encoding: chunked") + b"2\r\n{}0\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"FFFFFFFF\r\n",
        head("Transfer-Encoding: chunked") + b"0x1\r\n{\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_refused(text: bytes) -> None:
    with pytest.raises(BadAnswerError):
        read(text)


@pytest.mark.parametrize("text", [b"", b"HTTP/1.1 200 OK\r\nConte", head("Content-Length: 3") + b"{}",
                                  head("Transfer-Encoding: chunked") + b"2\r\n{}\r\n"])  # fmt: skip
def test_what_ends_too_early_is_no_answer(text: bytes) -> None:
    reader = Reader(in_pieces(text, drawn(0)))
    with pytest.raises(EndedError):
        reader.answer()
    assert reader.has_begun == bool(text)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", head(), head("Transfer-Encoding: chunked")])
def test_what_never_ends_is_refused(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "BODY_LIMIT_BYTES", 200_000)
    parts: Any = iter([start] if start else [])
    with pytest.raises(BadAnswerError, match="too long"):
        Reader(lambda: next(parts, b"x" * 1_000)).answer()
