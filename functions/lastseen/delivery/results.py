"""What trying to deliver an event comes to, as values: what decides is a type, and the words are for people only.

Lives here: HttpRequest, HttpAnswer, Fault, Delivered, Result. Pure.
Never here: what an answer means (judging.py), what follows for the channel (deliver.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What is sent."""

    method: str = "POST"
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What came back of one request."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""  # its beginning


class MessageForm(StrEnum):
    """How much of an event is sent: less of it each time a service refuses it for its form."""

    FULL = "full"
    PLAIN = "plain"  # no markup
    LINE = "line"  # the title alone


class Fault(StrEnum):
    """Why an event was not delivered, by what has to change."""

    PASSING = "passing"  # nothing: the receiver is busy or away
    SILENT = "silent"  # nothing, and it kept us waiting in vain
    MESSAGE = "message"  # this message
    CHANNEL = "channel"  # the channel's address or secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What one try came to: delivered, or whose fault it is that it was not."""

    fault: Fault | None = None  # None: it was delivered
    why: str = ""  # for people, with the service's own reason; no URL, no secret
    wait: timedelta | None = None  # for how long the receiver wants to be left alone
    moved_to: str = ""  # the address under which the channel is reached from now on

    @property
    def ok(self) -> bool:
        """Whether the receiver has it."""
        return self.fault is None


class Result(StrEnum):
    """What became of a delivery."""

    DELIVERED = "delivered"
    AGAIN = "again"  # it is going to be tried again
    REFUSED = "refused"  # this message was not taken, and is not tried again
    DROPPED = "dropped"  # the channel is gone or off, or did not take it for too long


def json_request(url: str, document: object, headers: Mapping[str, str] | None = None) -> HttpRequest:
    """Return a request that posts JSON."""
    sent = {"Content-Type": "application/json", "User-Agent": "Lastseen", **(headers or {})}
    return HttpRequest(url=url, headers=sent, body=json.dumps(document, ensure_ascii=False).encode())
