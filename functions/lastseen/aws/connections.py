"""Connections to a service of AWS: made, kept, shared by threads, and made anew when they turn out to be closed.

Lives here: the bytes of a request out, one answer in, and how long that may take.
Never here: how an answer is read (answers.py), which certificates are good (trust.py), when a call is made again
(client.py).

Error: LostError.
"""

from __future__ import annotations

import select
import socket
import time
import weakref
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import SplitResult

from lastseen.aws.answers import Answer, BadAnswerError, EndedError, Reader
from lastseen.aws.trust import Trust

CONNECTIONS = 10
"""Connections to a service that are kept open: as many threads can call at once without opening another."""

CONNECT_SECONDS = 1
READ_SECONDS = 3
"""Until a call that hangs is made again, whatever has come of its answer: botocore's own 60 outlive the function."""

RECEIVE_BYTES = 65_536
PORTS = {"http": 80, "https": 443}


class LostError(Exception):
    """No whole answer came: no connection, none any more, not in time, or what came is no answer.

    The request may have been carried out. The text has the reason, and nothing of what was sent.
    """


class ClosedError(LostError):
    """The connection turned out to be closed: not a byte of an answer came."""


class Connections:
    """The connections to one service."""

    def __init__(self, url: SplitResult, trust: Trust) -> None:
        host = url.hostname or ""
        # Text would first be made an international name, by tables that take 3 ms of a cold start.
        self._host = host.encode("ascii" if host.isascii() else "idna")
        self._port = url.port or PORTS[url.scheme]
        self._trust = trust if url.scheme == "https" else None
        self._kept: list[_Connection] = []
        weakref.finalize(self, _close_all, self._kept)

    def exchange(self, request: bytes) -> Answer:
        """Send a request and return its answer. Raises LostError.

        AWS closes a connection that is idle, also while the function sleeps and cannot notice. A kept one that turns
        out to be closed does not count: the request goes out over a new one at once.
        """
        if kept := self._quiet():
            try:
                return self._ask(kept, request)
            except ClosedError:
                _close_all(self._kept)  # the others are as old
        return self._ask(self._connect(), request)

    def _quiet(self) -> _Connection | None:
        """Return a kept connection that is open, as far as can be seen."""
        while kept := _taken(self._kept):
            if kept.is_quiet():
                return kept
            kept.close()
        return None

    def _ask(self, connection: _Connection, request: bytes) -> Answer:
        try:
            answer = connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if answer.is_last or len(self._kept) >= CONNECTIONS:
            connection.close()
        else:
            self._kept.append(connection)
        return answer

    def _connect(self) -> _Connection:
        try:
            return _Connection(self._dial())
        except OSError as failure:  # of the network, the name service, or TLS
            raise LostError(_text(failure)) from failure

    def _dial(self) -> socket.socket:
        address: Any = (self._host, self._port)  # the stubs know of no host in bytes
        plain = socket.create_connection(address, CONNECT_SECONDS)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._trust is None:
                return plain
            context = self._trust.context()
            try:
                return context.wrap_socket(plain, server_hostname=self._host)
            except SSLCertVerificationError:
                if not self._trust.widen(context):
                    raise
        except BaseException:
            plain.close()
            raise
        plain.close()
        return self._dial()


class _Connection:
    """One connection."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._reader = Reader(self._receive)
        self._give_up = 0.0
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def is_quiet(self) -> bool:
        """Return whether nothing has come since the last answer: neither the end, nor what nobody asked for."""
        return not self._poll.poll(0)

    def exchange(self, request: bytes) -> Answer:
        """Send a request and return its answer. Raises LostError; ClosedError if nothing of an answer came."""
        self._give_up = time.monotonic() + READ_SECONDS
        self._reader.has_begun = False
        try:
            self._socket.settimeout(READ_SECONDS)
            self._socket.sendall(request)
            return self._reader.answer()
        except (TimeoutError, BadAnswerError) as failure:
            raise LostError(_text(failure)) from failure
        except (OSError, EndedError) as failure:
            kind = LostError if self._reader.has_begun else ClosedError
            raise kind(_text(failure)) from failure

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> bytes:
        left = self._give_up - time.monotonic()
        if left <= 0:
            raise TimeoutError("The answer took too long.")
        self._socket.settimeout(left)
        return self._socket.recv(RECEIVE_BYTES)


def _taken(kept: list[_Connection]) -> _Connection | None:
    """Take one of the connections that are kept, so that no other thread has it."""
    try:
        return kept.pop()
    except IndexError:
        return None


def _close_all(kept: list[_Connection]) -> None:
    while connection := _taken(kept):
        connection.close()


def _text(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}"
