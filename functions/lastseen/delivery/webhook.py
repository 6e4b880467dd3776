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
from lastseen.text.event import Event, FlipEvent, to_json

METHODS = ("POST", "PUT", "PATCH", "GET", "DELETE")
SIGNATURE = "Lastseen-Signature"
EVENT_HEADER = "Lastseen-Event"
BODY_LIMIT = 500_000

_PLACEHOLDER = re.compile(r"\$([A-Z]+(?:_JSON|\d+)?)")


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
    headers = {"User-Agent": "Lastseen", EVENT_HEADER: event.id}
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
    check = event.check if isinstance(event, FlipEvent) else None
    flip = event if isinstance(event, FlipEvent) else None
    tags = check.tags if check else ()
    values: dict[str, Any] = {
        # Of Healthchecks. $CODE is the public key of a check: its UUID would let every receiver ping it.
        "CODE": check.key if check else None,
        "NAME": check.name if check else event.title,
        "SLUG": check.slug if check else None,
        "STATUS": event.status or event.type,
        "NOW": now.astimezone(UTC).isoformat(timespec="seconds"),
        "TAGS": " ".join(tags),
        "EXITSTATUS": -1 if flip is None or flip.exit_status is None else flip.exit_status,
        "BODY": flip.output if flip else None,
        "JSON": json.dumps(to_json(event), ensure_ascii=False),
        # Ours.
        "ID": event.id,
        "INCIDENT": event.incident,
        "TYPE": event.type,
        "REASON": flip.reason if flip else None,
        "SUBJECT": event.subject,
        "TITLE": event.title,
        "LEAD": event.lead,
        "TEXT": event.text,
        "PROJECT": event.project,
        "URL": event.url,
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
