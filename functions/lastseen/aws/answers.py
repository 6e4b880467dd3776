"""What comes back over a connection: an answer of HTTP/1.1, read from its bytes.

Python's http.client reads headers with a parser of e-mail: a large part of a cold start, and of each call. AWS's
answers need less: a status, headers, and a body of a known length, in chunks, or up to the end of the connection.
Lives here: that reading, with its limits. Pure: bytes come from a function. A test compares it with http.client.
Never here: connections (connections.py), what an answer means (client.py).

Errors: EndedError, BadAnswerError.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

HEAD_LIMIT_BYTES = 65_536
BODY_LIMIT_BYTES = 17 * 1024 * 1024
"""No answer of DynamoDB is longer: 16 MB is the most that one call reads."""

SWITCHING, FINAL, WITHOUT_BODY = 101, 200, frozenset({204, 304})

_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: |$)", re.ASCII)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_CHUNK = re.compile(r"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,15}", re.ASCII)


class EndedError(Exception):
    """The connection ended before the answer did."""


class BadAnswerError(Exception):
    """What comes is no answer of HTTP/1.1, or one without end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    data: bytes
    is_last: bool = False
    """Whether nothing can be asked over the same connection any more."""


class Reader:
    """Reads the answers that come over one connection."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        """`receive`: waits for bytes and returns some, or none at the end of the connection."""
        self._receive = receive
        self._bytes = bytearray()
        self.has_begun = False
        """Whether anything of the answer that is asked for has come."""

    def answer(self) -> Answer:
        """Return the next answer. Raises EndedError, BadAnswerError, and what `receive` raises."""
        self.has_begun = False
        version, status, headers = self._head()
        while status < FINAL:  # 100 Continue, 103 Early Hints: the answer itself comes after them
            if status == SWITCHING:
                raise BadAnswerError("It goes on in another protocol.")
            version, status, headers = self._head()
        data, up_to_the_end = self._body(status, headers)
        closes = version == "0" or "close" in headers.get("connection", "").lower()
        return Answer(status, headers, data, is_last=closes or up_to_the_end or bool(self._bytes))

    def _head(self) -> tuple[str, int, dict[str, str]]:
        """Return minor version, status and headers."""
        first, *lines = _lines(self._up_to(b"\r\n\r\n"))
        matched = _STATUS.match(first)
        if not matched:
            raise BadAnswerError("It does not begin as one of HTTP/1.1.")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            name, value = name.lower(), value.strip(" \t")
            if not colon or not _NAME.fullmatch(name):
                raise BadAnswerError("A line of its headers is none.")
            if name == "content-length" and headers.get(name, value) != value:
                raise BadAnswerError("It has two lengths.")
            headers[name] = f"{headers[name]}, {value}" if name in headers and name != "content-length" else value
        return matched[1], int(matched[2]), headers

    def _body(self, status: int, headers: dict[str, str]) -> tuple[bytes, bool]:
        """Return the body, and whether it was all up to the end of the connection."""
        coding = headers.get("transfer-encoding", "")
        if coding:
            if coding.lower() != "chunked" or status in WITHOUT_BODY:
                raise BadAnswerError("Its coding is unknown.")
            return self._chunks(), "content-length" in headers
        if status in WITHOUT_BODY:
            return b"", False
        if "content-length" not in headers:
            return self._rest(), True
        if not _LENGTH.fullmatch(headers["content-length"]):
            raise BadAnswerError("Its length is no number.")
        return self._take(int(headers["content-length"])), False

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            [line] = _lines(self._up_to(b"\r\n"))
            matched = _CHUNK.fullmatch(line)
            if not matched:
                raise BadAnswerError("A chunk has no size.")
            size = int(matched[1], 16)
            if not size:
                break
            if len(body) + size > BODY_LIMIT_BYTES:
                raise BadAnswerError("It is too long.")
            body += self._take(size)
            if self._take(2) != b"\r\n":
                raise BadAnswerError("A chunk is longer than its size.")
        while _lines(self._up_to(b"\r\n")) != [""]:  # headers that come after the body: nothing is read from them
            pass
        return bytes(body)

    def _rest(self) -> bytes:
        while received := self._receive():
            self._bytes += received
            if len(self._bytes) > BODY_LIMIT_BYTES:
                raise BadAnswerError("It is too long.")
        return self._cut(len(self._bytes))

    def _up_to(self, end: bytes) -> bytes:
        """Return what comes before some bytes, and leave these out."""
        searched = 0
        while (found := self._bytes.find(end, searched)) < 0:
            if len(self._bytes) > HEAD_LIMIT_BYTES:
                raise BadAnswerError("Its head is too long.")
            searched = max(len(self._bytes) - len(end) + 1, 0)
            self._more()
        return self._cut(found + len(end))[: -len(end)]

    def _take(self, size: int) -> bytes:
        if size > BODY_LIMIT_BYTES:
            raise BadAnswerError("It is too long.")
        while len(self._bytes) < size:
            self._more()
        return self._cut(size)

    def _cut(self, size: int) -> bytes:
        taken = bytes(self._bytes[:size])
        del self._bytes[:size]
        return taken

    def _more(self) -> None:
        received = self._receive()
        if not received:
            raise EndedError("The connection ended before the answer did.")
        self.has_begun = True
        self._bytes += received


def _lines(text: bytes) -> list[str]:
    """Return the lines of a head. An end of a line in another form would be one to some readers, and not to others."""
    lines = text.decode("latin-1").split("\r\n")
    if any("\r" in line or "\n" in line for line in lines):
        raise BadAnswerError("A line of it has no proper end.")
    return lines
