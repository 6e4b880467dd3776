"""ntfy: Markdown, a priority that breaks through do-not-disturb, a tag that shows as an emoji, and the link. Pure."""

from __future__ import annotations

import base64
from typing import Any

from lastseen.delivery.results import HttpRequest, MessageForm, json_request
from lastseen.text.chat import MARKDOWN, PLAIN, Markup, Mood, byte_size, chat_parts, fitted, mood, written
from lastseen.text.event import Event

MESSAGE_LIMIT_BYTES = 3_900
"""Above 4,096 bytes ntfy makes a message a file."""

PRIORITIES = {Mood.BAD: 5, Mood.UNSTEADY: 4, Mood.GOOD: 3, Mood.NEUTRAL: 3}
TAGS = {
    Mood.BAD: "rotating_light",
    Mood.UNSTEADY: "warning",
    Mood.GOOD: "white_check_mark",
    Mood.NEUTRAL: "information_source",
}


def requests_for(plugin: Any, event: Event, form: MessageForm) -> list[HttpRequest]:
    """Return a request for each topic that an address names."""
    url, headers = plugin.cloud_notify_url, {}
    if plugin.mode == "private":
        port = f":{plugin.port}" if plugin.port else ""
        url = f"{'https' if plugin.secure else 'http'}://{plugin.host}{port}"
    if plugin.auth == "token" and plugin.token:
        headers = {"Authorization": f"Bearer {plugin.token}"}
    elif plugin.user:
        pair = f"{plugin.user}:{plugin.password or ''}".encode()
        headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    message = message_for(event, form)
    return [json_request(url, message | {"topic": topic}, headers) for topic in plugin.topics]


def message_for(event: Event, form: MessageForm) -> dict[str, Any]:
    """Return the message of an event."""
    markup: Markup = MARKDOWN if form is MessageForm.FULL else PLAIN
    parts = chat_parts(event, room=MESSAGE_LIMIT_BYTES)

    def text(room: int) -> str:
        return written(chat_parts(event, room=room), markup, with_link=False)

    line = form is MessageForm.LINE
    message: dict[str, Any] = {
        "title": parts.title,
        "message": parts.title if line else fitted(text, MESSAGE_LIMIT_BYTES, size=byte_size),
        "markdown": form is MessageForm.FULL,
        "priority": PRIORITIES[mood(event)],
        "tags": [TAGS[mood(event)]],
    }
    return message | ({"click": parts.url} if parts.url else {})
