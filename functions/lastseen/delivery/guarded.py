"""The line to the outside: every HTTP request to a chat or a webhook goes over one, whoever makes it.

Lives here: which addresses are reached, how long and how much is listened to, and what the answers mean. Apprise makes
requests of its own with `requests`; within `with Line(...)` those of this thread go over the line too.
Never here: what is sent (services.py, webhook.py), what follows from an outcome (chat.py).

A name is resolved once and the connection goes to that very address, so nobody can answer with a public address first
and a private one a moment later. The same for each redirect.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import TimeoutError as SilenceError

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
ANSWER_BYTES = 64_000
"""What is read of an answer; the rest is of no use to us."""

WAIT_LIMIT = timedelta(minutes=15)
"""The longest that a receiver can have us wait."""

GONE = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""The channel's address or secret is not valid any more."""

LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""Of the 4xx, those that another try may better."""

SILENT = "it did not answer in time"
"""Why a delivery failed to a receiver that held us up until our patience was over."""


class PrivateAddressError(Exception):
    """A name leads to an address that is not of the public internet."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one request."""

    status: int
    wait: timedelta | None = None  # how long the receiver wants to be left alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a delivery came to."""

    delivered: bool = False
    permanent: bool = False  # another try of the same will not help
    content: bool = False  # it may be this message that was refused, and not the channel
    why: str = ""  # for people; no URL, no secret
    wait: timedelta | None = None


class Line:
    """Where requests of this thread go, for the length of the block; and what was answered."""

    def __init__(self, *, allow_private: bool) -> None:
        self.answers: list[Answer] = []
        self.trouble = ""  # of a request that got no answer
        self.private = False  # whether one led to a private address
        self.adapter = _Adapter(self, allow_private=allow_private)

    def __enter__(self) -> Self:
        _install()
        _current.line = self
        return self

    def __exit__(self, *_: object) -> None:
        _current.line = None
        self.adapter.close()

    def outcome(self, *, accepted: bool) -> Outcome:
        """Return what the answers mean. `accepted`: whether whoever made the requests is content."""
        if accepted:
            return Outcome(delivered=True)
        if self.private:
            return Outcome(permanent=True, why="its name leads to a private address")
        refused = [answer for answer in self.answers if answer.status >= HTTPStatus.MULTIPLE_CHOICES]
        if not refused:
            return Outcome(why=self.trouble or "it did not take the message")
        return judged(refused[-1])


def judged(answer: Answer) -> Outcome:
    """Return what an answer other than 2xx means."""
    why = f"it answered HTTP {answer.status}"
    if answer.status in GONE:
        return Outcome(permanent=True, why=why)
    client_error = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    if client_error and answer.status not in LATER:
        return Outcome(permanent=True, content=True, why=why)
    return Outcome(why=why, wait=answer.wait)


def public_addresses(host: str, port: int | None = None, *, allow_private: bool = False) -> list[str]:
    """Return the addresses of a name. Raises PrivateAddressError if one is private, OSError if there is none."""
    found = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private and not all(_is_public(address) for address in addresses):
        raise PrivateAddressError(host)
    # IPv4 first: a function outside of a VPC has no other.
    return sorted(addresses, key=lambda address: ":" in address)


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_global and not ip.is_multicast


def _wait(headers: Mapping[str, str]) -> timedelta | None:
    """Return what Retry-After says: seconds, or a date by the answer's own clock."""
    said = headers.get("Retry-After", "").strip()
    if not said:
        return None
    try:
        wait = timedelta(seconds=float(said))
    except (ValueError, OverflowError):
        try:
            then = parsedate_to_datetime(said)
            here = parsedate_to_datetime(headers["Date"])
        except (KeyError, TypeError, ValueError):
            return None
        wait = _utc(then) - _utc(here)
    return min(max(wait, timedelta(0)), WAIT_LIMIT)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _Adapter(HTTPAdapter):
    """Sends, within our limits and to permitted addresses, and notes what came back."""

    def __init__(self, line: Line, *, allow_private: bool) -> None:
        self._line = line
        self._allow_private = allow_private
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(allow_private=self._allow_private)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        line = self._line
        kwargs |= {"stream": True, "timeout": (CONNECT_SECONDS, READ_SECONDS), "proxies": {}}
        try:
            response = super().send(request, **kwargs)
            body = response.raw.read(ANSWER_BYTES, decode_content=True)
        except PrivateAddressError as error:
            line.private = True
            raise requests.ConnectionError("private address") from error
        except requests.RequestException as error:
            line.trouble = _words(error)
            raise
        except Exception as error:
            line.trouble = _words(error)
            raise requests.ConnectionError(_words(error)) from error
        response._content = body  # noqa: SLF001 - the one way to hand on what was read, and no more
        response._content_consumed = True  # noqa: SLF001 - the same
        response.raw.close()
        line.answers.append(Answer(response.status_code, _wait(response.headers)))
        return response


def _words(error: Exception) -> str:
    """Return what went wrong, without the URL that errors of `requests` show."""
    return SILENT if isinstance(error, requests.Timeout | SilenceError) else "it could not be reached"


def _pools(*, allow_private: bool) -> dict[str, Any]:
    """Return pools whose connections go to the addresses that were looked at."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, super()._new_conn, allow_private=allow_private)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, super()._new_conn, allow_private=allow_private)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connected(connection: Any, connect: Any, *, allow_private: bool) -> socket.socket:
    """Connect to the first address that takes it. The host's name stays what TLS checks."""
    name = connection._dns_host  # noqa: SLF001 - what urllib3 resolves; `host` is for TLS and the Host header
    try:
        addresses = public_addresses(name, connection.port, allow_private=allow_private)
    except OSError:
        return connect()  # type: ignore[no-any-return] # urllib3 has its own error for it
    try:
        for address in addresses[:-1]:
            connection._dns_host = address  # noqa: SLF001 - see above
            try:
                return connect()  # type: ignore[no-any-return] # a socket
            except Exception:  # noqa: BLE001, S112 - the next address may be reached; the last one's error is told
                continue
        connection._dns_host = addresses[-1]  # noqa: SLF001 - see above
        return connect()  # type: ignore[no-any-return] # a socket
    finally:
        connection._dns_host = name  # noqa: SLF001 - see above


# --- How requests that others make come over our line ---

_current = threading.local()
_original = requests.Session.get_adapter


def _get_adapter(session: requests.Session, url: str | bytes) -> Any:
    line = getattr(_current, "line", None)
    return line.adapter if line else _original(session, url)  # type: ignore[arg-type] # as `requests` calls it


def _install() -> None:
    requests.Session.get_adapter = _get_adapter  # type: ignore[method-assign, assignment] # there is no other seam
