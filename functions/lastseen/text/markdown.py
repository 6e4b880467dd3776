"""An alert as chats show it: Markdown, made from the JSON event, cut to what a service takes.

Lives here: which parts of an event a chat shows, in which order, and what goes first when room is short. Names and
output are foreign text: nothing in them can call people ("@everyone", "<!channel>") or end a code block.
Never here: how a service writes Markdown (Apprise), what an event says (message.py).
"""

from __future__ import annotations

import re
from typing import Any

from lastseen.text.event import DigestEvent, Event, FlipEvent
from lastseen.text.words import cut, one_line

LEAST = 200
"""Characters that a part is given at least, if it is shown at all."""

OUTPUT_LINES = 15
Q_LIMIT = 7_500
FENCE = 12
"""Characters that a code block takes beside its text."""

_MENTION = re.compile(r"([@<])(?=[\w!#@&])")


def title(event: Event) -> str:
    """Return the one line above: the subject with every character of the name, which the mail's has in ASCII."""
    return _quiet(event.title)


def markdown(event: Event, *, limit: int) -> str:
    """Return what a chat shows below the title, at most `limit` characters.

    The sentences and the link always; then what to do, the output or the list of checks, and at last the facts.
    """
    link = _link(event)
    first = _quiet(event.lead)
    room = limit - len(first) - len(link) - 4
    if room < LEAST:
        return _joined([cut(first, max(limit - len(link) - 2, LEAST)), link])[:limit]
    parts = []
    more = cut(_quiet(getattr(event, "more", None) or ""), max(room // 2, LEAST))
    for part in (more, _todo(event, room // 3), *_body(event, room)):
        if part and len(part) + 2 <= room:
            parts.append(part)
            room -= len(part) + 2
    return _joined([first, *parts, link])


def amazon_q(event: Event) -> dict[str, Any]:
    """Return the one form that Amazon Q Developer (once AWS Chatbot) shows; it drops anything else without a word."""
    return {
        "version": "1.0",
        "source": "custom",
        "id": event.id,
        "content": {
            "textType": "client-markdown",
            "title": cut(title(event), 250),
            "description": markdown(event, limit=Q_LIMIT),
        },
        "metadata": {
            "threadId": event.incident or event.id,
            "summary": cut(title(event), 250),
            "eventType": str(event.type),
        },
    }


def _body(event: Event, room: int) -> list[str]:
    if isinstance(event, DigestEvent):
        return [_names(event, room)]
    return [_output(event, room // 2), _facts(event)] if isinstance(event, FlipEvent) else []


def _todo(event: Event, room: int) -> str:
    return f"**What to do**\n{cut(_quiet(event.todo), max(room, LEAST))}" if event.todo else ""


def _output(event: FlipEvent, room: int) -> str:
    output = event.output
    if not output or room < LEAST:
        return ""
    lines = output.replace("```", "'''").split("\n")[-OUTPUT_LINES:]
    text = _quiet("\n".join(lines))
    text = text if len(text) <= room - FENCE else "..." + text[-(room - FENCE - 3) :]
    return f"```\n{text}\n```"


def _facts(event: FlipEvent) -> str:
    also = ", ".join(_code(name) for name in event.also_down)
    more = event.also_down_count - len(event.also_down)
    facts = {
        "Also down": also + (f" and {more} more" if more > 0 else ""),
        "Tags": ", ".join(_code(tag) for tag in event.check.tags),
        "Project": _code(event.project),
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)


def _names(event: DigestEvent, room: int) -> str:
    """Return the names of a digest's checks by what happened to them, as many as fit."""
    by_what: dict[str, list[str]] = {}
    for flip in event.flips:
        by_what.setdefault(flip.what, []).append(_code(flip.check))
    shown, left, lines = 0, room - LEAST // 2, []
    for what, names in by_what.items():
        fitting = []
        left -= len(what) + 8
        for name in names:
            left -= len(name) + 2
            if left < 0:
                break
            fitting.append(name)
        shown += len(fitting)
        if fitting:
            lines.append(f"**{what}**: {', '.join(fitting)}")
    more = event.count - shown
    return "\n".join([*lines, *([f"and {more} more: the page and the mail name each"] if more > 0 else [])])


def _link(event: Event) -> str:
    return f"[{'All checks' if isinstance(event, DigestEvent) else 'The check'}]({event.url})" if event.url else ""


def _code(name: str) -> str:
    return f"`{_quiet(one_line(name, 60)).replace('`', chr(39))}`"


def _quiet(text: str) -> str:
    """Return text in which nothing calls people: a character of no width stands after each @ and <."""
    return _MENTION.sub("\\1\u200b", text)


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part)
