"""Every kind of alert, made by the real code about jobs that are played here: for the tests, and for docs/gallery.md.

The state machine makes the flips; nothing is written by hand. To renew the pages: uv run python -m tests.gallery
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lastseen.core.blind import Window
from lastseen.core.channel import Channel, Via
from lastseen.core.check import Check, Flip, Kind, Outcome, Ping, Reason
from lastseen.core.history import Recorded
from lastseen.core.machine import configured, paused, pinged
from lastseen.core.moments import woken
from lastseen.core.schedule import Cron, Period
from lastseen.text.digest import digest
from lastseen.text.event import DigestEvent, DigestFlip, EventCheck, FlipEvent, OwnEvent, event_schema
from lastseen.text.message import Alert, Message, flipped
from lastseen.text.own import (
    alert_refused,
    channel_back,
    channel_lost,
    deaf,
    hearing,
    reached_again,
    subscription_incident,
    subscriptions_back,
    subscriptions_lost,
    trial,
)
from lastseen.text.wire import described
from tests.forms import chats_page, gallery_page
from tests.times import T0, hours, minutes, seconds

SITE = "https://lastseen.example.com"
PAGE = Path(__file__).parents[1] / "docs" / "alerts.md"
SCHEMA = PAGE.with_name("event.schema.json")
CHATS = PAGE.with_name("chats.md")
GALLERY = PAGE.with_name("gallery.md")
EVENT_BEGIN, EVENT_END = "<!-- event: uv run python -m tests.gallery -->", "<!-- end of the event -->"
EVENT_PARTS = {
    "of one check: `flip`": FlipEvent,
    "its `check`": EventCheck,
    "of many: `digest`": DigestEvent,
    "each of its `flips`": DigestFlip,
    "of Lastseen itself": OwnEvent,
}

RUN_BOOK = (
    "1. ssh db1, then: journalctl -u nightly-backup\n2. Disk full? Run: prune-backups --keep 7\n3. Else call Ada."
)
TRACEBACK = (
    b"Exporting 1,204 invoices ...\n"
    b"Traceback (most recent call last):\n"
    b'  File "export.py", line 81, in <module>\n'
    b"    upload(invoice)\n"
    b"PermissionError: invoices.csv: read-only file system\n"
)
NIGHT = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)  # 03:00 in Berlin
BACKUP = Check(
    id="7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80",
    name="nightly-backup",
    tags="prod db",
    schedule=Cron("0 3 * * *", "Europe/Berlin"),
    grace=hours(1),
    reminder=hours(2),
    created=T0 - timedelta(days=30),
)
EXPORT = Check(
    id="0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0",
    name="Rechnungs-Export für Zürich",
    schedule=Period(hours(1)),
    grace=minutes(10),
    created=T0 - timedelta(days=30),
)


def played(check: Check, *steps: Callable[[Check], Outcome]) -> tuple[Check, list[Flip]]:
    """Let things happen to a check; return it with all its flips."""
    flips: list[Flip] = []
    for step in steps:
        outcome = step(check)
        check = outcome.check
        flips += outcome.flips
    return check, flips


def ping(at: datetime, kind: Kind = Kind.SUCCESS, exit_status: int | None = None, body: bytes = b"") -> (
    Callable[[Check], Outcome]
):  # fmt: skip
    return lambda check: pinged(check, Ping(at=at, kind=kind, exit_status=exit_status, body=body))


def wake(at: datetime) -> Callable[[Check], Outcome]:
    return lambda check: woken(check, at)


def nights(count: int, failed: int = 0) -> tuple[Recorded, ...]:
    """Return so many runs before the night that is played, newest first; the oldest ones failed."""
    runs: list[Recorded] = []
    for n in range(count):
        at = NIGHT - timedelta(days=n + 1) + minutes(12)
        kind = Kind.FAIL if n >= count - failed else Kind.SUCCESS
        runs.append(Recorded(n=count - n, kind=kind, ping=Ping(at=at, kind=kind, **FROM_DB1), duration=minutes(12)))
    return tuple(runs)


FROM_DB1: dict[str, Any] = {"address": "10.0.3.7", "agent": "lastseen-exec/1.0"}
RAN = (ping(NIGHT - timedelta(days=1), Kind.START), ping(NIGHT - timedelta(days=1) + minutes(12)))
GONE = wake(NIGHT + hours(1) + seconds(3))


def did_not_start() -> tuple[Alert, datetime]:
    check, flips = played(BACKUP, *RAN, GONE)
    alert = Alert(check=check, flip=flips[-1], about=RUN_BOOK, also_down=("newsletter",), recent=nights(30, failed=1))
    return alert, NIGHT + hours(1) + seconds(3)


def came_early() -> tuple[Alert, datetime]:
    check, flips = played(BACKUP, ping(NIGHT - minutes(40)), GONE)
    return Alert(check=check, flip=flips[-1], about=RUN_BOOK), NIGHT + hours(1) + seconds(3)


def wrong_zone() -> tuple[Alert, datetime]:
    """A scheduler that runs in UTC, watched as one in Berlin."""
    late = tuple(replace(each, ping=replace(each.ping, at=each.ping.at + hours(2))) for each in nights(5))
    check, flips = played(BACKUP, ping(late[0].ping.at), GONE)
    return Alert(check=check, flip=flips[-1], about=RUN_BOOK, recent=late), NIGHT + hours(1) + seconds(3)


def never_heard_without_description() -> tuple[Alert, datetime]:
    check, flips = played(replace(EXPORT, name=""), ping(T0), wake(T0 + hours(2)))
    return Alert(check=check, flip=flips[-1]), T0 + minutes(70) + seconds(3)


def did_not_finish() -> tuple[Alert, datetime]:
    check, flips = played(BACKUP, *RAN, ping(NIGHT + minutes(5), Kind.START), GONE)
    return Alert(check=check, flip=flips[-1], about=RUN_BOOK), NIGHT + hours(1) + seconds(3)


def got_stuck() -> tuple[Alert, datetime]:
    early = NIGHT - hours(3)  # a run by hand
    check, flips = played(BACKUP, *RAN, ping(early, Kind.START), wake(early + hours(1) + seconds(3)))
    return Alert(check=check, flip=flips[-1]), early + hours(1) + seconds(3)


def failed() -> tuple[Alert, datetime]:
    start, end = T0 + minutes(58), T0 + minutes(59) + seconds(8)
    check, flips = played(EXPORT, ping(T0), ping(start, Kind.START), ping(end, Kind.FAIL, 1, TRACEBACK))
    down = ("nightly-backup", "newsletter", *(f"shard-{n}" for n in range(1, 12)))
    failing = Recorded(n=3, kind=Kind.FAIL, ping=Ping(at=end, kind=Kind.FAIL, **FROM_DB1))
    return Alert(check=check, flip=flips[-1], also_down=down, recent=(failing,)), end + seconds(1)


def failed_in_rails() -> tuple[Alert, datetime]:
    """A deep backtrace below its exception, as the Ruby client sends it."""
    deep = b"ArgumentError: no such month\n" + b"".join(
        b"/app/vendor/bundle/gems/activesupport-7.1.3/lib/active_support/callbacks.rb:%d:in `run_callbacks'\n" % n
        for n in range(100, 160)
    )
    job = replace(EXPORT, name="nightly-report")
    check, flips = played(job, ping(T0), ping(T0 + minutes(59), Kind.FAIL, body=deep))
    return Alert(check=check, flip=flips[-1]), T0 + minutes(59)


def failed_without_output() -> tuple[Alert, datetime]:
    job = replace(EXPORT, name="\u591c\u9593\u30d0\u30c3\u30af\u30a2\u30c3\u30d7", slug="nightly-backup")
    check, flips = played(job, ping(T0), ping(T0 + minutes(59), Kind.FAIL))
    failing = Recorded(n=2, kind=Kind.FAIL, ping=Ping(at=T0 + minutes(59), kind=Kind.FAIL, **FROM_DB1))
    return Alert(check=check, flip=flips[-1], recent=(failing,)), T0 + minutes(59)


def paused_while_down() -> tuple[Alert, datetime]:
    check, flips = played(BACKUP, *RAN, GONE, lambda check: paused(check, NIGHT + hours(2)))
    return Alert(check=check, flip=replace(flips[-1], notify=True), cause=flips[-2]), NIGHT + hours(2)


def deleted_while_down() -> tuple[Alert, datetime]:
    over = NIGHT + hours(2)
    check, flips = played(BACKUP, *RAN, GONE, lambda check: paused(check, over, reason=Reason.DELETED))
    return Alert(check=check, flip=flips[-1], cause=flips[-2]), over


def unassigned_while_down() -> tuple[Alert, datetime]:
    over = NIGHT + hours(2)
    check, flips = played(BACKUP, *RAN, GONE, lambda check: configured(check, over, channels=""))
    return Alert(check=check, flip=flips[-1], about=RUN_BOOK, cause=flips[-2]), over


def reminded() -> tuple[Alert, datetime]:
    check, flips = played(BACKUP, *RAN, GONE, wake(NIGHT + hours(3)))
    return Alert(check=check, flip=flips[-1], about=RUN_BOOK, cause=flips[-2]), NIGHT + hours(3)


def recovered() -> tuple[Alert, datetime]:
    start, end = NIGHT + hours(5), NIGHT + hours(5) + minutes(14)
    check, flips = played(BACKUP, *RAN, GONE, ping(start, Kind.START), ping(end))
    return Alert(check=check, flip=flips[-1], about=RUN_BOOK, cause=flips[-2], also_down=("newsletter",)), end


def flapping() -> tuple[Alert, datetime]:
    check, flips = _flapped()
    return Alert(check=check, flip=flips[-1]), flips[-1].at


def steady() -> tuple[Alert, datetime]:
    check, _ = _flapped()
    check, flips = played(check, wake(T0 + hours(2)))
    return Alert(check=check, flip=flips[-1]), flips[-1].at


def _flapped() -> tuple[Check, list[Flip]]:
    kinds = [Kind.SUCCESS, *[Kind.FAIL, Kind.SUCCESS] * 3, Kind.FAIL]
    return played(EXPORT, *(ping(T0 + minutes(n), kind) for n, kind in enumerate(kinds)))


FLIPS: dict[str, Callable[[], tuple[Alert, datetime]]] = {
    "The job did not start": did_not_start,
    "The job did not start, and nobody wrote what to do": never_heard_without_description,
    "The job started, and did not finish in time": did_not_finish,
    "The job got stuck": got_stuck,
    "The job failed": failed,
    "The job failed deep in Rails": failed_in_rails,
    "The job failed without a word, and its name is not for mail": failed_without_output,
    "The job pings shortly before its time": came_early,
    "The job always pings some hours after its time": wrong_zone,
    "Still down: a reminder": reminded,
    "Paused while it was down": paused_while_down,
    "Deleted while it was down": deleted_while_down,
    "Taken off a channel while it was down": unassigned_while_down,
    "Up again": recovered,
    "Flapping": flapping,
    "Steady again": steady,
}
TOO_LONG = "it answered HTTP 400: message is too long"
ON_CALL = Channel(id="c1", project="default", name="on-call", via=Via.CHAT, target="slack://secret")


def storm(count: int) -> list[Alert]:
    """Return the alerts of so many checks that fall due together, each fifth of them stuck."""
    alerts = []
    for n in range(count):
        check = replace(EXPORT, id=f"{n:08x}-4b5a-4978-8695-a4b3c2d1e0f0", name=f"shard-{n:04d}")
        steps = [ping(T0), *([ping(T0 + minutes(30), Kind.START)] if n % 5 == 0 else []), wake(T0 + hours(2))]
        after, flips = played(check, *steps)
        alerts.append(Alert(check=after, flip=flips[-1]))
    return alerts


def restless(count: int) -> list[Alert]:
    """Return the alerts of so many checks that begin to flap together."""
    check, flips = _flapped()
    ids = [f"{n:08x}-4b5a-4978-8695-a4b3c2d1e0f0" for n in range(count)]
    return [Alert(check=replace(check, id=each, name=f"queue-{n}"), flip=flips[-1]) for n, each in enumerate(ids)]


def messages() -> dict[str, Message]:
    """Return one message of each kind, by what it is about."""
    told = {}
    for name, example in FLIPS.items():
        alert, now = example()
        told[name] = flipped(alert, now=now, site_url=SITE)
    window = Window(T0, T0 + minutes(14))
    refused = told["The job got stuck"].event
    return told | {
        "Many at once: a digest": digest(storm(8), now=T0 + hours(2), site_url=SITE, address="10.0.3.7"),
        "Many flap at once: a digest": digest(restless(8), now=T0 + hours(1), site_url=SITE),
        "Lastseen itself hears nothing": deaf(since=T0, now=T0 + minutes(3)),
        "Lastseen hears again": hearing(window=window, now=T0 + minutes(15)),
        "A channel is lost": channel_lost(ON_CALL, others=["c2"], why="it answered HTTP 404", refused=refused, now=T0),
        "A channel takes alerts again": channel_back(ON_CALL, others=["c2"], incident="channel:c1:e", missed=2, now=T0),
        "The same to the channel itself": reached_again(
            ON_CALL, since=T0 - hours(3), event_id="channel:c1:e:1", now=T0
        ),
        "An alert is refused": alert_refused(ON_CALL, others=["c2"], why=TOO_LONG, refused=refused, now=T0),
        "Addresses are lost": subscriptions_lost(
            ["ops@example.com"], ["new@example.com"], now=T0, incident=subscription_incident(T0)
        ),
        "They get alerts again": subscriptions_back(
            ["new@example.com", "ops@example.com"], now=T0 + hours(48), incident=subscription_incident(T0)
        ),
        "A test": trial(ON_CALL, now=T0, nonce="5f0c9b"),
    }


def flip_event(name: str) -> FlipEvent:
    """Return the event of one of the alerts about one check."""
    alert, now = FLIPS[name]()
    event = flipped(alert, now=now, site_url=SITE).event
    assert isinstance(event, FlipEvent)
    return event


def event_tables() -> str:
    """Return what each field of the event means, as the page has it."""
    tables: list[str] = []
    shown: set[str] = set()
    for heading, form in EVENT_PARTS.items():
        rows = [f"| `{name}` | {words} |" for name, words in described(form).items() if words and name not in shown]
        shown |= set(described(form)) if form is FlipEvent else set()
        tables.append("\n".join([f"| {heading} | |", "|---|---|", *rows]))
    return "\n\n".join(tables)


def schema() -> str:
    """Return the JSON schema of the event, as its file has it."""
    return json.dumps(event_schema(), indent=1, ensure_ascii=False) + "\n"


def page(text: str) -> str:
    """Return the page of alerts with the event's fields put in."""
    head, _, rest = text.partition(EVENT_BEGIN)
    _, _, foot = rest.partition(EVENT_END)
    return f"{head}{EVENT_BEGIN}\n\n{event_tables()}\n\n{EVENT_END}{foot}"


def subjects(told: Sequence[Message]) -> list[str]:
    return [message.subject for message in told]


if __name__ == "__main__":
    SCHEMA.write_text(schema())
    CHATS.write_text(chats_page(messages()))
    GALLERY.write_text(gallery_page(messages()))
    PAGE.write_text(page(PAGE.read_text()))
