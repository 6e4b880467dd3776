"""The way out: every connection to a receiver is guarded here, whatever code makes it.

Lives here: which addresses may be reached, how long and how much is listened to, what came back. Within
`with GuardedThread(...)` every socket of this thread connects to public addresses only: the guard looks at the address
of the connection itself, after all lookups, so that a name cannot lead elsewhere a moment later. Requests that Apprise
makes with `requests` are noted too, and follow no redirect: secrets never go to another host.
Never here: what is sent (webhook.py, slack.py ...), what an answer means (judging.py).
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError as UrllibError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError

from lastseen.delivery.results import HttpAnswer, HttpRequest

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
ANSWER_LIMIT_BYTES = 64_000
"""What is read of an answer; the rest is of no use to us."""

_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
_EMBEDDING_IPV4 = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/23"))
"""6to4; Teredo and other protocols: an address that stands for another one."""


class PrivateAddressError(OSError):
    """An address is not of the public internet."""


def is_public(address: str) -> bool:
    """Return whether an address is of the public internet, in whatever way it is written."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if ip not in _PUBLIC_IPV6 or any(ip in network for network in _EMBEDDING_IPV4):
            return False
    return ip.is_global and not ip.is_multicast


def public_addresses(host: str, port: int | None = None, *, allow_private: bool = False) -> list[str]:
    """Return the addresses of a name. Raises PrivateAddressError if one is private, OSError if there is none."""
    entries = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    if not allow_private and not all(is_public(address) for address in addresses):
        raise PrivateAddressError(host)
    return addresses


class GuardedThread:
    """Where this thread may connect to, for the length of the block; and what its requests came to."""

    def __init__(self, *, allow_private: bool) -> None:
        self.allow_private = allow_private
        self.answers: list[HttpAnswer] = []
        self.private = False  # whether a connection to a private address was asked for
        self.silent = False  # whether the last request got no answer in time
        self.adapter = _Adapter(self)

    def __enter__(self) -> Self:
        _install()
        _guards.current = self
        return self

    def __exit__(self, *_: object) -> None:
        _guards.current = None
        self.adapter.close()

    def permit(self, family: int, address: Any) -> None:
        """Raise PrivateAddressError if this thread may not connect there."""
        if self.allow_private:
            return
        if family not in {socket.AF_INET, socket.AF_INET6} or not is_public(str(address[0])):
            self.private = True
            raise PrivateAddressError("a connection to a private address")

    def exchange(self, request: HttpRequest) -> HttpAnswer | None:
        """Send a request; None if there was no answer."""
        self.silent = False
        try:
            requests.request(  # noqa: S113 - the adapter has the timeout
                request.method, request.url, headers=dict(request.headers), data=request.body, allow_redirects=False
            )
        except (requests.RequestException, UnicodeError, ValueError):  # its text may hold the URL
            return None
        return self.answers[-1]


class _Adapter(HTTPAdapter):
    """Sends, within our limits, and notes what came back."""

    def __init__(self, guard: GuardedThread) -> None:
        self._guard = guard
        super().__init__(max_retries=0)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        kwargs |= {"stream": True, "timeout": (CONNECT_SECONDS, READ_SECONDS), "proxies": {}}
        kwargs["verify"] = kwargs.get("verify") or True  # whatever is asked for: no receiver without a certificate
        try:
            response = super().send(request, **kwargs)
        except (requests.RequestException, UrllibError, OSError) as error:
            self._guard.silent = isinstance(error, requests.Timeout | UrllibTimeoutError | TimeoutError)
            raise requests.ConnectionError("no answer") from error
        body = _beginning(response)
        response._content = body  # noqa: SLF001 - the one way to hand on what was read, and no more
        response._content_consumed = True  # noqa: SLF001 - the same
        headers = {name.lower(): value for name, value in response.headers.items()}
        self._guard.answers.append(HttpAnswer(status=response.status_code, headers=headers, body=body))
        response.headers.pop("Location", None)  # so that nobody follows it
        return response


def _beginning(response: requests.Response) -> bytes:
    """Return what can be read of an answer. Its status counts, also if the rest is damaged or never comes."""
    try:
        body: bytes = response.raw.read(ANSWER_LIMIT_BYTES, decode_content=True)
    except (UrllibError, OSError, ValueError):
        return b""
    finally:
        response.raw.close()
    return body


# --- How what others do comes past the guard ---

_guards = threading.local()
_get_adapter = requests.Session.get_adapter
_connect, _connect_ex, _sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto


def _install() -> None:
    """Put the guard in place; once is enough."""
    requests.Session.get_adapter = _guarded_adapter  # type: ignore[method-assign, assignment] # there is no other seam
    socket.socket.connect = _guarded_connect  # type: ignore[method-assign, assignment] # the same
    socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign, assignment] # the same
    socket.socket.sendto = _guarded_sendto  # type: ignore[assignment, method-assign] # the same


def _guard() -> GuardedThread | None:
    guard: GuardedThread | None = getattr(_guards, "current", None)
    return guard


def _guarded_adapter(session: requests.Session, url: str) -> Any:
    guard = _guard()
    return guard.adapter if guard else _get_adapter(session, url)


def _guarded_connect(sock: socket.socket, address: Any) -> None:
    if guard := _guard():
        guard.permit(sock.family, address)
    _connect(sock, address)


def _guarded_connect_ex(sock: socket.socket, address: Any) -> int:
    if guard := _guard():
        guard.permit(sock.family, address)
    return _connect_ex(sock, address)


def _guarded_sendto(sock: socket.socket, *args: Any) -> int:
    if guard := _guard():
        guard.permit(sock.family, args[-1])
    return _sendto(sock, *args)
