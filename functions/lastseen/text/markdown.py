"""An alert as chats show it: Markdown, made from the JSON event, cut to what a service takes.

Lives here: which parts of an event a chat shows, in which order, and what goes first when room is short. Names and
output are foreign text: nothing in them can call people ("@everyone", "<!channel>") or end a code block.
Never here: how a service writes Markdown (Apprise), what an event says (message.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lastseen.text.words import cut, one_line

LEAST = 200
"""Characters that a part is given at least, if it is shown at all."""

OUTPUT_LINES = 15
Q_LIMIT = 7_500
FENCE = 12
"""Characters that a code block takes beside its text."""

_MENTION = re.compile(r"([@<])(?=[\w!#@&])")

Event = Mapping[str, Any]


def title(event: Event) -> str:
    """Return the one line above: the subject with every character of the name, which the mail's has in ASCII."""
    return _quiet(str(event.get("title") or event.get("subject") or "Lastseen"))


def markdown(event: Event, *, limit: int) -> str:
    """Return what a chat shows below the title, at most `limit` characters.

    The sentences and the link always; then what to do, the output or the list of checks, and at last the facts.
    """
    link = _link(event)
    first = _quiet(str(event.get("lead") or event.get("text") or ""))
    room = limit - len(first) - len(link) - 4
    if room < LEAST:
        return _joined([cut(first, max(limit - len(link) - 2, LEAST)), link])[:limit]
    parts = []
    more = cut(_quiet(str(event.get("more") or "")), max(room // 2, LEAST))
    for part in (more, _todo(event, room // 3), *_body(event, room)):
        if part and len(part) + 2 <= room:
            parts.append(part)
            room -= len(part) + 2
    return _joined([first, *parts, link])


def amazon_q(event: Event) -> dict[str, Any]:
    """Return the one form that Amazon Q Developer (once AWS Chatbot) shows; it drops anything else without a word."""
    incident = str(event.get("incident") or event.get("id") or "lastseen")
    return {
        "version": "1.0",
        "source": "custom",
        "id": str(event.get("id") or incident),
        "content": {
            "textType": "client-markdown",
            "title": cut(title(event), 250),
            "description": markdown(event, limit=Q_LIMIT),
        },
        "metadata": {"threadId": incident, "summary": cut(title(event), 250), "eventType": str(event.get("type"))},
    }


def _body(event: Event, room: int) -> list[str]:
    if event.get("type") == "digest":
        return [_names(event, room)]
    return [_output(event, room // 2), _facts(event)]


def _todo(event: Event, room: int) -> str:
    todo = str(event.get("todo") or "")
    return f"**What to do**\n{cut(_quiet(todo), max(room, LEAST))}" if todo else ""


def _output(event: Event, room: int) -> str:
    output = str(event.get("output") or "")
    if not output or room < LEAST:
        return ""
    lines = output.replace("```", "'''").split("\n")[-OUTPUT_LINES:]
    text = _quiet("\n".join(lines))
    text = text if len(text) <= room - FENCE else "..." + text[-(room - FENCE - 3) :]
    return f"```\n{text}\n```"


def _facts(event: Event) -> str:
    check: Mapping[str, Any] = event.get("check") or {}
    also = ", ".join(_code(name) for name in event.get("also_down") or ())
    more = int(event.get("also_down_count") or 0) - len(event.get("also_down") or ())
    facts = {
        "Also down": also + (f" and {more} more" if more > 0 else ""),
        "Tags": ", ".join(_code(tag) for tag in check.get("tags") or ()),
        "Project": _code(str(event.get("project") or "")) if check else "",
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)


def _names(event: Event, room: int) -> str:
    """Return the names of a digest's checks by what happened to them, as many as fit."""
    by_what: dict[str, list[str]] = {}
    for flip in event.get("flips") or ():
        by_what.setdefault(str(flip.get("what")), []).append(_code(str(flip.get("check"))))
    named, left, lines = 0, room - LEAST // 2, []
    for what, names in by_what.items():
        fitting = []
        left -= len(what) + 8
        for name in names:
            left -= len(name) + 2
            if left < 0:
                break
            fitting.append(name)
        named += len(fitting)
        if fitting:
            lines.append(f"**{what}**: {', '.join(fitting)}")
    more = int(event.get("count") or 0) - named
    return "\n".join([*lines, *([f"and {more} more: the page and the mail name each"] if more > 0 else [])])


def _link(event: Event) -> str:
    check: Mapping[str, Any] = event.get("check") or {}
    url = check.get("url") or event.get("url")
    return f"[{'The check' if check else 'All checks'}]({url})" if url else ""


def _code(name: str) -> str:
    return f"`{_quiet(one_line(name, 60)).replace('`', chr(39))}`"


def _quiet(text: str) -> str:
    """Return text in which nothing calls people: a character of no width stands after each @ and <."""
    return _MENTION.sub("\\1\u200b", text)


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part)
