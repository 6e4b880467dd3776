"""A webhook: a request of the user's own form, made from an event. Pure.

Lives here: the placeholders, those of Healthchecks and some more, and the signature by which a receiver knows us.
Never here: sending (services.py). docs/alerts.md shows how a signature is verified.

A placeholder that is not known stays as it is. What stands in a URL is encoded for one; `..._JSON` is a JSON string
with its quotes, for bodies that are JSON.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from lastseen.core.channel import Channel

METHODS = ("POST", "PUT", "PATCH", "GET", "DELETE")
SIGNATURE = "Lastseen-Signature"
EVENT = "Lastseen-Event"
BODY_LIMIT = 500_000

_PLACEHOLDER = re.compile(r"\$([A-Z]+(?:_JSON|\d+)?)")

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a webhook's owner asked for. Templates; an empty body is the event itself, as JSON."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    secret: str = ""  # signs; empty: no signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


def request(form: Form, event: Event, now: datetime) -> Request:
    """Return the request of an event."""
    values = _values(event, now)
    has_body = form.method not in {"GET", "DELETE"} or bool(form.body)
    body = _filled(form.body or "$JSON", values).encode()[:BODY_LIMIT] if has_body else b""
    headers = {"User-Agent": "Lastseen", EVENT: str(event.get("id", ""))}
    if has_body:
        headers["Content-Type"] = "application/json" if not form.body else "text/plain; charset=utf-8"
    for name, value in form.headers.items():
        headers = {held: kept for held, kept in headers.items() if held.lower() != name.lower()}
        headers[name] = " ".join(_filled(value, values).split()).encode("latin-1", "replace").decode("latin-1")
    if form.secret:
        headers[SIGNATURE] = signature(form.secret, body, now)
    url = _filled(form.url, {name: quote(value, safe="") for name, value in values.items()})
    return Request(method=form.method, url=url, headers=headers, body=body)


def signature(secret: str, body: bytes, now: datetime) -> str:
    """Return the header by which a receiver knows that we sent a body, and when: HMAC-SHA256 over both."""
    sent = int(now.timestamp())
    mark = hmac.new(secret.encode(), f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={sent},v1={mark}"


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Fill all placeholders at once, so that what one brings is never taken for another."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in values:
            return values[name]
        bare = name.removesuffix("_JSON")
        if bare != name and bare in values:
            return json.dumps(values[bare])
        # $NAMES is $NAME and an S, as in the peer's templates: the longest name that is known counts.
        for end in range(len(name) - 1, 0, -1):
            if name[:end] in values:
                return values[name[:end]] + name[end:]
        return match[0]

    return _PLACEHOLDER.sub(value, template)


def _values(event: Event, now: datetime) -> dict[str, str]:
    """Return what each placeholder stands for."""
    check: Event = event.get("check") or {}
    tags = [str(tag) for tag in check.get("tags") or ()]
    status = event.get("exit_status")
    values = {
        # Of the peer. $CODE is the public key of a check: its UUID would let every receiver ping it.
        "CODE": check.get("key"),
        "NAME": check.get("name") or event.get("title"),
        "SLUG": check.get("slug"),
        "STATUS": event.get("status") or event.get("type"),
        "NOW": now.astimezone(UTC).isoformat(timespec="seconds"),
        "TAGS": " ".join(tags),
        "EXITSTATUS": status if status is not None else -1,
        "BODY": event.get("output"),
        "JSON": json.dumps(event, ensure_ascii=False),
        # Ours.
        "ID": event.get("id"),
        "INCIDENT": event.get("incident"),
        "TYPE": event.get("type"),
        "REASON": event.get("reason"),
        "SUBJECT": event.get("subject"),
        "TITLE": event.get("title"),
        "LEAD": event.get("lead"),
        "TEXT": event.get("text"),
        "PROJECT": event.get("project"),
        "URL": check.get("url") or event.get("url"),
    }
    values |= {f"TAG{n}": tag for n, tag in enumerate(tags, start=1)}
    return {name: "" if value is None else str(value) for name, value in values.items()}


def form(channel: Channel) -> Form:
    """Return what a webhook's owner asked for."""
    asked = channel.webhook or {}
    return Form(
        url=channel.target,
        method=asked.get("method", "POST"),
        headers=asked.get("headers", {}),
        body=asked.get("body", ""),
        secret=asked.get("secret", ""),
    )
