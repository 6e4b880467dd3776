"""What is known of the deliveries to each channel: a note on the last one, and one on its last test, in the settings.

Lives here: the value Note, its document, reading and writing it.
Never here: what a failed delivery means for the channel (deliver.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lastseen.core.channel import Channel
from lastseen.core.times import millis, moment
from lastseen.delivery.results import Fault, Result
from lastseen.storage.store import Store

NOTES = "delivery#"
"""Before a project's name: the settings kind of what is known of its deliveries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a channel stands: what the last failures in a row mean for the next delivery."""

    fault: Fault | None = None
    next_try: datetime | None = None  # it is left alone until then, whatever is for it
    failing_since: datetime | None = None  # when it began to refuse
    refused_at: datetime | None = None  # when it last did
    refusals: int = 0  # how often in a row
    lost: str = ""  # the incident by which the others were notified; empty: they were not
    missed: int = 0  # how many alerts were dropped meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is known of a delivery to a channel: its last one, or that of a test."""

    event: str  # its id
    at: datetime
    result: Result
    why: str = ""
    tries: int = 1
    standing: Standing = Standing()


def save_note(store: Store, channel: Channel, note: Note, *, of_a_test: bool = False) -> None:
    """Keep a note, for whoever looks at the channel, waits for a test, or delivers next."""
    name = test_name(channel) if of_a_test else channel.id
    store.put_setting(f"{NOTES}{channel.project}", name, _document(note))


def last_delivery(store: Store, channel: Channel) -> Note | None:
    """Return what is known of the last delivery to a channel."""
    return read_note(store, channel.project, channel.id)


def read_note(store: Store, project_name: str, name: str) -> Note | None:
    """Return a note by its name: a channel's id, or `test_name` of a channel. Raises KeyError or ValueError."""
    document = store.setting(f"{NOTES}{project_name}", name)
    if document is None:
        return None
    return Note(
        event=document["event"],
        at=moment(document["at"]),
        result=Result(document["result"]),
        why=document.get("why", ""),
        tries=document.get("tries", 1),
        standing=Standing(
            fault=Fault(document["fault"]) if document.get("fault") else None,
            next_try=_moment(document.get("next_try")),
            failing_since=_moment(document.get("failing_since")),
            refused_at=_moment(document.get("refused_at")),
            refusals=document.get("refusals", 0),
            lost=document.get("lost", ""),
            missed=document.get("missed", 0),
        ),
    )


def test_name(channel: Channel) -> str:
    """Return the name of the note on the last test of a channel."""
    return f"{channel.id}#test"


def _document(note: Note) -> dict[str, Any]:
    document: dict[str, Any] = {
        "event": note.event,
        "at": millis(note.at),
        "result": str(note.result),
        "why": note.why,
        "tries": note.tries,
    }
    standing = note.standing
    more = {
        "fault": str(standing.fault) if standing.fault else "",
        "next_try": millis(standing.next_try) if standing.next_try else 0,
        "failing_since": millis(standing.failing_since) if standing.failing_since else 0,
        "refused_at": millis(standing.refused_at) if standing.refused_at else 0,
        "refusals": standing.refusals,
        "lost": standing.lost,
        "missed": standing.missed,
    }
    return document | {name: value for name, value in more.items() if value}


def _moment(milliseconds: int | None) -> datetime | None:
    return moment(milliseconds) if milliseconds else None
