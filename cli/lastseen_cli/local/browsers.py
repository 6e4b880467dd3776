"""What a web page can make a developer's browser send to loopback, and how our servers notice that it did.

A page reaches our ports in two ways. DNS rebinding makes its own host name point at 127.0.0.1: then `Host` is a name
that strangers can register. A cross-site request goes to us by our own address: then `Origin` is another one than ours,
or `Sec-Fetch-Site` says so. A page can set none of these three headers itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

# Names that no stranger's DNS answers for: RFC 6761 and the reservation of .internal, which Docker and Podman use.
RESERVED_NAMES = ("localhost", "internal")
SAME = frozenset({"none", "same-origin"})  # typed in or clicked outside of a page; or sent by a page of ours

Header = tuple[bytes, bytes]


def is_our_host(host: str) -> bool:
    """Return whether a Host header is an IP address, or a name that strangers cannot register.

    The port does not matter: somebody may have forwarded another one to us.
    """
    name = host.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.rpartition(".")[2] in RESERVED_NAMES
    return True


def foreign_host(headers: Iterable[Header]) -> str:
    """Return the first Host that is not ours, or "". A request without one comes from no browser."""
    hosts = [value.decode("latin-1") for name, value in headers if name.lower() == b"host"]
    return next((host for host in hosts if not is_our_host(host)), "")


def from_a_page(headers: Iterable[Header]) -> bool:
    """Return whether a browser sent this on behalf of a page: for servers that no page should ever call."""
    return any(name.lower() in {b"origin", b"sec-fetch-site"} for name, _ in headers)


def from_a_foreign_page(headers: Iterable[Header]) -> bool:
    """Return whether a page of somebody else asks for this. Following a link to a page of ours is no such thing."""
    fields = {name.lower(): value.decode("latin-1").lower() for name, value in headers}
    if b"origin" in fields and fields[b"origin"] != f"http://{fields.get(b'host', '')}":
        return True
    follows_a_link = fields.get(b"sec-fetch-mode") == "navigate" and fields.get(b"sec-fetch-dest") == "document"
    return fields.get(b"sec-fetch-site", "none") not in SAME and not follows_a_link
