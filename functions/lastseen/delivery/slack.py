"""Slack, by an incoming webhook or a bot: an attachment with colour. Pure.

Text outside of `mrkdwn_in` is shown as it is, so only the output is written in Slack's markup: there, within a code
block, nothing else is markup. `&`, `<` and `>` are escaped everywhere: without them nothing calls people.
"""

from __future__ import annotations

from typing import Any

from lastseen.delivery.results import HttpRequest, MessageForm, json_request
from lastseen.text.chat import ChatParts, Mood, chat_parts, mood
from lastseen.text.event import DigestEvent, Event

ROOM = 4_000
DIGEST_ROOM = 30_000
FALLBACK_LIMIT = 1_000
COLOURS = {Mood.BAD: "#c62828", Mood.UNSTEADY: "#ef6c00", Mood.GOOD: "#2e7d32", Mood.NEUTRAL: "#546e7a"}


def requests_for(plugin: Any, event: Event, form: MessageForm) -> list[HttpRequest]:
    """Return the requests for each channel that an address names."""
    message = message_for(event, form)
    if plugin.mode == "bot":
        url = plugin.api_url.format("chat.postMessage")
        bearer = {"Authorization": f"Bearer {plugin.access_token}"}
        return [json_request(url, message | {"channel": name}, bearer) for name in plugin.channels if name]
    url = f"{plugin.webhook_url}/{plugin.token_a}/{plugin.token_b}/{plugin.token_c}"
    return [json_request(url, message | ({"channel": name} if name else {})) for name in plugin.channels or [None]]


def message_for(event: Event, form: MessageForm) -> dict[str, Any]:
    """Return the message of an event."""
    parts = chat_parts(event, room=DIGEST_ROOM if isinstance(event, DigestEvent) else ROOM)
    message: dict[str, Any] = {"text": escaped(parts.title), "mrkdwn": False}
    if form is MessageForm.LINE:
        return message
    colour = COLOURS[mood(event)]
    attachment: dict[str, Any] = {
        "color": colour,
        "fallback": escaped(f"{parts.title}. {parts.lead}")[:FALLBACK_LIMIT],
        "title": escaped(parts.subject),
        "text": escaped(_text(parts)),
        "mrkdwn_in": [],
        "ts": int(event.at.timestamp()),
    }
    if parts.url:
        attachment["title_link"] = parts.url
    if form is MessageForm.PLAIN:
        return message | {"attachments": [attachment]}
    attachment["fields"] = [
        {"title": name, "value": escaped(", ".join(values)), "short": False} for name, values in _fields(parts)
    ]
    output = _output(parts, colour) if parts.output else []
    return message | {"attachments": [attachment, *output]}


def escaped(text: str) -> str:
    """Return text with the three characters escaped that Slack asks for."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(parts: ChatParts) -> str:
    groups = [f"{what}: {', '.join(names)}" for what, names in parts.groups]
    more = [parts.unnamed_words] if parts.unnamed else []
    return "\n\n".join(part for part in (parts.lead, parts.more, "\n".join([*groups, *more])) if part)


def _fields(parts: ChatParts) -> list[tuple[str, tuple[str, ...]]]:
    todo = [("What to do", (parts.todo,))] if parts.todo else []
    return [*todo, *parts.facts]


def _output(parts: ChatParts, colour: str) -> list[dict[str, Any]]:
    """Return the output in an attachment of its own, as a code block; three backticks would end it."""
    block = "```\n" + escaped(parts.output.replace("```", "'''")) + "\n```"
    return [{"color": colour, "fallback": "Its last output", "text": block, "mrkdwn_in": ["text"]}]
