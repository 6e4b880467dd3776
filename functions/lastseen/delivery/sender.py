"""How an event is really sent to a channel, once: a service in its own form, others over Apprise, a webhook.

Lives here: the sending, within a time, and what it comes to.
Never here: which form of a message is tried next, and what follows for the channel (deliver.py).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

import apprise
from apprise.plugins.base import NotifyBase

from lastseen.core.channel import Channel, Via
from lastseen.delivery import telegram
from lastseen.delivery.guarded import GuardedThread
from lastseen.delivery.judging import SILENT, is_success, judged, secrets_of, unanswered
from lastseen.delivery.results import Delivered, Fault, HttpAnswer, HttpRequest, MessageForm
from lastseen.delivery.services import OWN_FORM, BadTargetError, plugin_of
from lastseen.delivery.webhook import form_of, request
from lastseen.text.chat import Mood, markdown, mood, plain_text
from lastseen.text.event import DigestEvent, Event

log = logging.getLogger(__name__)

DELIVERY_SECONDS = 18.0
"""For one form of a message, whatever a receiver does. Three of them end before the function's own time is over."""

ROOM = 4_000
DIGEST_ROOM = 30_000
"""Characters of a message that Apprise sends, where its service has room for them."""

Send = Callable[[Channel, Event, MessageForm], Delivered]
"""Send an event to a channel once, in a form."""

_KINDS = {
    Mood.BAD: apprise.NotifyType.FAILURE,
    Mood.UNSTEADY: apprise.NotifyType.WARNING,
    Mood.GOOD: apprise.NotifyType.SUCCESS,
    Mood.NEUTRAL: apprise.NotifyType.INFO,
}


def sender(*, allow_private: bool, clock: Callable[[], datetime], seconds: float = DELIVERY_SECONDS) -> Send:
    """Return how events are sent; a receiver that neither answers nor hangs up is given up after so many seconds."""

    def send(channel: Channel, event: Event, form: MessageForm) -> Delivered:
        if channel.via is Via.CHAT:
            return within(seconds, lambda: send_chat(channel.target, event, form, allow_private=allow_private))
        made = request(form_of(channel), event, clock(), form)
        return within(seconds, lambda: send_requests([made], target=channel.target, allow_private=allow_private))

    return send


def send_chat(url: str, event: Event, form: MessageForm, *, allow_private: bool) -> Delivered:
    """Send an event to a service."""
    try:
        plugin = plugin_of(url)
    except BadTargetError as error:
        return Delivered(fault=Fault.CHANNEL, why=str(error))
    own = OWN_FORM.get(type(plugin).__name__)
    if own is None:
        return _send_by_apprise(plugin, url, event, form, allow_private=allow_private)
    return send_requests(own(plugin, event, form), target=url, allow_private=allow_private)


def send_requests(requests: Iterable[HttpRequest], *, target: str, allow_private: bool) -> Delivered:
    """Send requests of ours, all of them; return the worst that they came to."""
    worst = Delivered()
    with GuardedThread(allow_private=allow_private) as guard:
        for made in requests:
            answer = guard.exchange(made)
            if answer is None:
                return unanswered(private=guard.private, silent=guard.silent)
            outcome = judged(_as_meant(answer), secrets_of(target))
            if outcome.fault and target.startswith("tgram://"):
                outcome = replace(outcome, moved_to=telegram.moved_to(target, made, answer))
            worst = outcome if outcome.fault else worst
    return worst


def within(seconds: float, send: Callable[[], Delivered]) -> Delivered:
    """Send, and give up on a receiver that neither answers nor hangs up."""
    outcomes: list[Delivered] = []

    def work() -> None:
        try:
            outcomes.append(send())
        except Exception as error:  # noqa: BLE001 - of Apprise; its text may hold the channel's address
            log.warning("A delivery could not be sent: %s", type(error).__name__)
            outcomes.append(Delivered(fault=Fault.PASSING, why=f"it could not be sent ({type(error).__name__})"))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return outcomes[0] if outcomes else Delivered(fault=Fault.SILENT, why=SILENT)


def _send_by_apprise(
    plugin: NotifyBase, url: str, event: Event, form: MessageForm, *, allow_private: bool
) -> Delivered:
    room = min(plugin.body_maxlen * 9 // 10, DIGEST_ROOM if isinstance(event, DigestEvent) else ROOM)
    room -= len(event.title) if plugin.title_maxlen <= 0 else 0
    bodies = {
        MessageForm.FULL: lambda: markdown(event, limit=room),
        MessageForm.PLAIN: lambda: plain_text(event, limit=room),
        MessageForm.LINE: lambda: event.title,
    }
    is_markdown = form is MessageForm.FULL
    with GuardedThread(allow_private=allow_private) as guard:
        accepted = plugin.notify(
            body=bodies[form](),
            title=event.title[: plugin.title_maxlen or None],
            notify_type=_KINDS[mood(event)],
            body_format=apprise.NotifyFormat.MARKDOWN if is_markdown else apprise.NotifyFormat.TEXT,
        )
    refused = [answer for answer in guard.answers if not is_success(answer)]
    if accepted:
        return Delivered()
    if guard.private or not refused:
        return unanswered(private=guard.private, silent=guard.silent)
    return judged(refused[-1], secrets_of(url))


def _as_meant(answer: HttpAnswer) -> HttpAnswer:
    """Return an answer with the status that it means: Slack and Telegram may refuse by `"ok": false` in a 200."""
    if not is_success(answer):
        return answer
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return answer
    refused = isinstance(document, dict) and document.get("ok") is False
    return replace(answer, status=HTTPStatus.BAD_REQUEST) if refused else answer
