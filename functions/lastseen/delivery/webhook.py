"""A webhook: a request of the user's own form, made from an event. Pure.

Lives here: the placeholders, those of Healthchecks and some more, and the signature by which a receiver knows us.
Never here: sending (sender.py). docs/webhooks.md shows how a signature is verified.

A placeholder that is not known stays as it is. What stands in a URL is encoded for one; `..._JSON` is a JSON string
with its quotes, for bodies that are JSON.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from lastseen.core.channel import Channel
from lastseen.delivery.results import HttpRequest, MessageForm
from lastseen.text.event import Event, FlipEvent, to_json
from lastseen.text.words import cut

METHODS = ("POST", "PUT", "PATCH", "GET", "DELETE")
SIGNATURE = "Lastseen-Signature"
EVENT_HEADER = "Lastseen-Event"
BODY_LIMIT_BYTES = 500_000
URL_LIMIT_BYTES = 16_000
HEADER_LIMIT_BYTES = 4_000
"""Of what a filled template may come to. What would be longer is not filled in further."""

SHORT = 500
"""Characters of each value, where a receiver did not take the whole."""

HEADER_WORD_BYTES = 45

_PLACEHOLDER = re.compile(r"\$([A-Z]+\d*(?:_JSON)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a webhook's owner asked for. Templates; an empty body is the event itself, as JSON."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    secret: str = ""  # signs; empty: no signature


def form_of(channel: Channel) -> Form:
    """Return what a webhook's owner asked for."""
    settings = channel.webhook or {}
    return Form(
        url=channel.target,
        method=settings.get("method", "POST"),
        headers=settings.get("headers", {}),
        body=settings.get("body", ""),
        secret=settings.get("secret", ""),
    )


def request(form: Form, event: Event, now: datetime, message: MessageForm = MessageForm.FULL) -> HttpRequest:
    """Return the request of an event; with less in it where a receiver did not take the whole."""
    values = _values(_smaller(event, message), now)
    has_body = form.method not in {"GET", "DELETE"} or bool(form.body)
    body = _body(form, values) if has_body else b""
    headers = {"User-Agent": "Lastseen", EVENT_HEADER: event.id}
    if has_body:
        headers["Content-Type"] = "application/json" if not form.body else "text/plain; charset=utf-8"
    for name, template in form.headers.items():
        headers = {other: value for other, value in headers.items() if other.lower() != name.lower()}
        headers[name] = _header(_filled(template, values, limit=HEADER_LIMIT_BYTES))
    encoded = {name: quote(value, safe="") for name, value in values.items()}
    url = _filled(form.url, encoded, limit=URL_LIMIT_BYTES, as_json=lambda value: quote(json.dumps(value), safe=""))
    if form.secret:
        headers[SIGNATURE] = signature(form.secret, body, now, method=form.method, url=url)
    return HttpRequest(method=form.method, url=url, headers=headers, body=body)


def signature(secret: str, body: bytes, now: datetime, *, method: str, url: str) -> str:
    """Return the header by which a receiver knows that we sent a request, and when.

    `v1` is an HMAC-SHA256 over time and body; `v2` covers the method and the URL as well.
    """
    sent = int(now.timestamp())
    marks = (f"{sent}.".encode() + body, f"{sent}.{method} {url}.".encode() + body)
    v1, v2 = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for signed in marks)
    return f"t={sent},v1={v1},v2={v2}"


def _body(form: Form, values: Mapping[str, str]) -> bytes:
    """Return the filled body. JSON that a value broke is filled once more, with the values escaped for JSON."""
    body = _filled(form.body or "$JSON", values, limit=BODY_LIMIT_BYTES)
    if form.body.lstrip()[:1] in {"{", "["} and not _is_json(body):
        escaped = {name: value if name == "JSON" else json.dumps(value)[1:-1] for name, value in values.items()}
        again = _filled(form.body, escaped, limit=BODY_LIMIT_BYTES, as_json=lambda value: f'"{value}"')
        body = again if _is_json(again) else body
    return body.encode()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _filled(template: str, values: Mapping[str, str], *, limit: int, as_json: Callable[[str], str] = json.dumps) -> str:
    """Fill all placeholders at once, so that what one brings is never taken for another.

    The work is bounded: what would make more than `limit` bytes is left empty.
    """
    room = limit - len(template.encode())

    def value(match: re.Match[str]) -> str:
        nonlocal room
        text = _value(match[1], values, as_json)
        text = match[0] if text is None else text
        room -= len(text.encode())
        return text if room >= 0 else ""

    return _PLACEHOLDER.sub(value, template)


def _value(name: str, values: Mapping[str, str], as_json: Callable[[str], str]) -> str | None:
    if name in values:
        return values[name]
    bare = name.removesuffix("_JSON")
    if bare != name and bare in values:
        return as_json(values[bare])
    # $NAMES is $NAME and an S, as in the templates of Healthchecks: the longest name that is known counts.
    for end in range(len(name) - 1, 0, -1):
        if name[:end] in values:
            return values[name[:end]] + name[end:]
    return None


def _header(value: str) -> str:
    """Return a value on one line; what is not ASCII in the words of RFC 2047, which mail and ntfy know."""
    line = " ".join(value.split())
    if line.isascii():
        return line
    words, piece = [], b""
    for char in line:
        if len(piece) + len(char.encode()) > HEADER_WORD_BYTES:
            words.append(piece)
            piece = b""
        piece += char.encode()
    return " ".join(f"=?utf-8?B?{b64encode(word).decode()}?=" for word in [*words, piece])


def _smaller(event: Event, message: MessageForm) -> Event:
    """Return an event with less in it."""
    if message is MessageForm.FULL:
        return event
    if message is MessageForm.PLAIN:
        short = replace(event, text=cut(event.text, SHORT))
        return (
            replace(short, output=cut(short.output, SHORT)) if isinstance(short, FlipEvent) and short.output else short
        )
    line = replace(event, text=event.title)
    return replace(line, output=None, about=None, todo=None) if isinstance(line, FlipEvent) else line


def _values(event: Event, now: datetime) -> dict[str, str]:
    """Return what each placeholder stands for."""
    flip = event if isinstance(event, FlipEvent) else None
    check = flip.check if flip else None
    tags = check.tags if check else ()
    document = to_json(event)
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
        "JSON": json.dumps(document, ensure_ascii=False),
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
