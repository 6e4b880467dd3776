"""An alert as chats show it: its parts, cut to what a service takes, and the ways in which services write text.

Lives here: which parts of an event a chat shows, in which order, and what goes first when room is short; `Markup`, the
means by which a service marks text and leaves foreign text as it is. Names, runbooks and output are foreign text: in no
chat do they become markup, call people ("@everyone", "<!channel>") or end a code block, and no invisible character is
put into what people copy. Pure.
Never here: the request that a service takes (delivery/slack.py ...), what an event says (message.py).
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from lastseen.core.check import Status
from lastseen.core.output import shortened
from lastseen.text.event import DigestEvent, Event, FlipEvent, OwnEvent
from lastseen.text.happened import NAME_LIMIT
from lastseen.text.words import cut, one_line

LEAST = 200
"""Characters that a part is given at least, if it is shown at all."""

OUTPUT_LINES = 15
Q_LIMIT = 7_500
TITLE_LIMIT = 250
FITTING_TRIES = 6


class Mood(StrEnum):
    """What an event is at first glance: what services show by colour, priority or severity."""

    BAD = "bad"
    UNSTEADY = "unsteady"  # it flaps, or Lastseen itself has a problem
    GOOD = "good"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatParts:
    """What a chat shows, as it is: nothing in it is escaped."""

    title: str
    lead: str
    more: str = ""
    todo: str = ""
    output: str = ""
    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()  # names and their values
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()  # of a digest: what happened, and to which checks
    unnamed: int = 0  # how many further checks there are
    subject: str = "Lastseen"  # what it is about, for a linked heading
    url: str = ""
    url_text: str = ""

    @property
    def unnamed_words(self) -> str:
        """Words for the checks that had no room."""
        return f"and {self.unnamed} more: the page and the mail name each" if self.unnamed else ""


def mood(event: Event) -> Mood:
    """Return what an event is at first glance."""
    if isinstance(event, FlipEvent | DigestEvent) and event.flapping:
        return Mood.UNSTEADY
    if event.status is not None:
        return Mood.BAD if event.status is Status.DOWN else Mood.GOOD if event.status is Status.UP else Mood.NEUTRAL
    return Mood.GOOD if event.ends else Mood.NEUTRAL if event.type == "test" else Mood.UNSTEADY


def chat_parts(event: Event, *, room: int) -> ChatParts:
    """Return what a chat shows, at most about `room` characters.

    The sentences and the link always; then what to do, the output or the list of checks, and at last the facts.
    """
    parts = ChatParts(
        title=cut(event.title, TITLE_LIMIT),
        lead=cut(event.lead, max(room - len(event.url or "") - 20, LEAST)),
        subject=_subject(event),
        url=event.url or "",
        url_text="These checks" if isinstance(event, DigestEvent) else "The check" if event.url else "",
    )
    left = room - len(parts.lead) - len(parts.url) - 40
    if left < LEAST:
        return parts
    more = cut(_more(event), max(left // 2, LEAST))
    todo = cut(event.todo, max(left // 3, LEAST)) if event.todo else ""
    left -= len(more) + len(todo) + 20
    output = _output(event, left // 2) if isinstance(event, FlipEvent) and left >= LEAST else ""
    left -= len(output) + 20
    facts = _facts(event) if isinstance(event, FlipEvent) else ()
    if sum(len(name) + len(", ".join(values)) + 8 for name, values in facts) > left:
        facts = ()
    groups = _groups(event, left) if isinstance(event, DigestEvent) else ()
    named = sum(len(names) for _, names in groups)
    return ChatParts(
        title=parts.title,
        lead=parts.lead,
        more=more,
        todo=todo,
        output=output,
        facts=facts,
        groups=groups,
        unnamed=event.count - named if isinstance(event, DigestEvent) else 0,
        subject=parts.subject,
        url=parts.url,
        url_text=parts.url_text,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """How a service writes what stands out, and how it takes foreign text as it is."""

    text: Callable[[str], str]  # foreign text, shown as it is
    bold: Callable[[str], str]  # words of ours
    code: Callable[[str], str]  # a name, shown as it is
    block: Callable[[str], str]  # lines, shown as they are
    link: Callable[[str, str], str]  # a link of ours: its text and URL


_SPECIAL = re.compile(r"([\\`*_\[\]<>~|&$])")
_LINE_START = re.compile(r"^([ \t]*)(?:([#+>=-])|(\d+)([.)]))", re.MULTILINE)
_CALLS = re.compile(r"@(?:everyone|here|channel|all)\b", re.IGNORECASE)


def _markdown_text(text: str) -> str:
    """Return text with a backslash before what would be markup; calls to everybody as code, which calls nobody."""
    calls = _CALLS.findall(text)
    first, *others = [_LINE_START.sub(_escaped_start, _SPECIAL.sub(r"\\\1", piece)) for piece in _CALLS.split(text)]
    return first + "".join(f"`{call}`{piece}" for call, piece in zip(calls, others, strict=True))


def _escaped_start(match: re.Match[str]) -> str:
    """Return the beginning of a line so that it is no heading, list, quote or rule."""
    indent, mark, number, dot = match.groups()
    return f"{indent}\\{mark}" if mark else f"{indent}{number}\\{dot}"


def _markdown_code(text: str) -> str:
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _markdown_block(text: str) -> str:
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _html(text: str) -> str:
    return html.escape(text, quote=False)


PLAIN = Markup(
    text=lambda text: text,
    bold=lambda text: f"{text}:",
    code=lambda text: text,
    block=lambda text: text,
    link=lambda text, url: f"{text}: {url}",
)

MARKDOWN = Markup(
    text=_markdown_text,
    bold=lambda text: f"**{text}**",
    code=_markdown_code,
    block=_markdown_block,
    link=lambda text, url: f"[{text}]({url})",
)
"""CommonMark, as Mattermost, ntfy, Gotify and many others show it."""

DISCORD = replace(
    MARKDOWN,
    block=lambda text: "```\n" + text.replace("```", "'''") + "\n```",
    code=lambda text: f"``{text.replace('``', chr(39) * 2)}``" if "`" in text else f"`{text}`",
)
"""Markdown as Discord reads it: three backticks end a block whatever began it, and cannot be escaped there."""

HTML = Markup(
    text=_html,
    bold=lambda text: f"<b>{_html(text)}</b>",
    code=lambda text: f"<code>{_html(text)}</code>",
    block=lambda text: f"<pre>{_html(text)}</pre>",
    link=lambda text, url: f'<a href="{html.escape(url)}">{_html(text)}</a>',
)
"""The few tags that Telegram knows."""


def written(parts: ChatParts, markup: Markup, *, with_link: bool = True) -> str:
    """Return the parts below the title in a service's own markup."""
    facts = [f"{name}: {', '.join(markup.code(value) for value in values)}" for name, values in parts.facts]
    groups = [f"{markup.bold(what)} {', '.join(markup.code(name) for name in names)}" for what, names in parts.groups]
    paragraphs = [
        markup.text(parts.lead),
        markup.text(parts.more),
        f"{markup.bold('What to do')}\n{markup.text(parts.todo)}" if parts.todo else "",
        markup.block(parts.output) if parts.output else "",
        "\n".join([*groups, *([parts.unnamed_words] if parts.unnamed else [])]),
        "\n".join(f"- {fact}" for fact in facts),
        markup.link(parts.url_text, parts.url) if parts.url and with_link else "",
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def fitted(write: Callable[[int], str], limit: int, *, size: Callable[[str], int] = len) -> str:
    """Return what `write` makes of the most room for which it stays within a limit; at last it is cut."""
    room, text = limit, ""
    for _ in range(FITTING_TRIES):
        text = write(room)
        over = size(text) - limit
        if over <= 0:
            return text
        room = max(room * limit // size(text) - 20, LEAST)
    while size(text) > limit:
        text = text[: len(text) - max(1, (size(text) - limit) // 4)]
    return text


def byte_size(text: str) -> int:
    """Return how long a text is for services that count bytes."""
    return len(text.encode())


def markdown(event: Event, *, limit: int) -> str:
    """Return what a chat that reads CommonMark shows below the title, at most `limit` characters."""
    return fitted(lambda room: written(chat_parts(event, room=room), MARKDOWN), limit)


def plain_text(event: Event, *, limit: int) -> str:
    """Return the same without any markup."""
    return fitted(lambda room: written(chat_parts(event, room=room), PLAIN), limit)


def amazon_q(event: Event) -> dict[str, Any]:
    """Return the one form that Amazon Q Developer (formerly AWS Chatbot) shows; it drops all else silently."""
    return {
        "version": "1.0",
        "source": "custom",
        "id": event.id,
        "content": {
            "textType": "client-markdown",
            "title": cut(event.title, TITLE_LIMIT),
            "description": markdown(event, limit=Q_LIMIT),
        },
        "metadata": {
            "threadId": event.incident or event.id,
            "summary": cut(event.title, TITLE_LIMIT),
            "eventType": str(event.type),
        },
    }


def _more(event: Event) -> str:
    if isinstance(event, FlipEvent):
        return f"Likely cause: {event.hint}" if event.hint else ""
    return (event.more or "") if isinstance(event, OwnEvent) else ""


def _subject(event: Event) -> str:
    if isinstance(event, FlipEvent):
        return event.check.name
    if isinstance(event, DigestEvent):
        return f"{event.count} checks" + (f" of {event.project}" if event.project else "")
    return "Lastseen"


def _output(event: FlipEvent, room: int) -> str:
    """Return the output's head and tail: few lines, for a chat is no log."""
    return shortened(event.output or "", max(room, LEAST), lines=OUTPUT_LINES)


def _facts(event: FlipEvent) -> tuple[tuple[str, tuple[str, ...]], ...]:
    also = tuple(one_line(name, NAME_LIMIT) for name in event.also_down)
    more = event.also_down_count - len(event.also_down)
    facts = (
        ("Also down", (*also, f"{more} more") if more > 0 else also),
        ("Tags", event.check.tags),
        ("Project", (event.project,)),
    )
    return tuple((name, values) for name, values in facts if any(values))


def _groups(event: DigestEvent, room: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the names of a digest's checks by what happened to them, as many as fit."""
    by_what: dict[str, list[str]] = {}
    left = room - LEAST // 2
    seen: set[str] = set()
    for flip in event.flips:
        left -= len(flip.check) + 4 + (0 if flip.what in seen else len(flip.what) + 8)
        if left < 0:
            break
        seen.add(flip.what)
        by_what.setdefault(flip.what, []).append(one_line(flip.check, NAME_LIMIT))
    return tuple((what, tuple(names)) for what, names in by_what.items())
