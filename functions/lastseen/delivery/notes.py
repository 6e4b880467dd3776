"""What is known of the deliveries to each channel: a note on the last one, and one on its last test, in the settings.

Lives here: the value Note, its document, reading and writing it.
Never here: what a failed delivery means for the channel (deliver.py).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lastseen.core.channel import Channel
from lastseen.core.times import millis, moment
from lastseen.delivery.results import Fault, Result
from lastseen.storage.documents import Document, DocumentKind
from lastseen.storage.errors import CorruptError
from lastseen.storage.store import Store

log = logging.getLogger(__name__)


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


class StoredNote(NamedTuple):
    """A note, and what it is about."""

    project: str
    name: str  # a channel's id, or `test_name` of a channel
    note: Note


def _to_document(stored: StoredNote) -> Document:
    note = stored.note
    document: Document = {
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


def _from_document(project: str, name: str, document: Document) -> StoredNote:
    standing = Standing(
        fault=Fault(document["fault"]) if document.get("fault") else None,
        next_try=_moment(document.get("next_try")),
        failing_since=_moment(document.get("failing_since")),
        refused_at=_moment(document.get("refused_at")),
        refusals=document.get("refusals", 0),
        lost=document.get("lost", ""),
        missed=document.get("missed", 0),
    )
    note = Note(
        event=document["event"],
        at=moment(document["at"]),
        result=Result(document["result"]),
        why=document.get("why", ""),
        tries=document.get("tries", 1),
        standing=standing,
    )
    return StoredNote(project, name, note)


def _moment(milliseconds: int | None) -> datetime | None:
    return moment(milliseconds) if milliseconds else None


NOTES = DocumentKind(
    "delivery",
    encode=_to_document,
    decode=_from_document,
    name_of=lambda stored: stored.name,
    project_of=lambda stored: stored.project,
)


def save_note(store: Store, channel: Channel, note: Note, *, of_a_test: bool = False) -> None:
    """Keep a note: it is read with the channel, by a waiting test, and before the next delivery."""
    name = test_name(channel) if of_a_test else channel.id
    NOTES.write(store, StoredNote(channel.project, name, note))


def last_delivery(store: Store, channel: Channel) -> Note | None:
    """Return what is known of the last delivery to a channel."""
    return _read(store, channel.project, channel.id)


def last_test(store: Store, channel: Channel) -> Note | None:
    """Return what is known of the last test of a channel."""
    return _read(store, channel.project, test_name(channel))


def test_name(channel: Channel) -> str:
    """Return the name of the note on the last test of a channel."""
    return f"{channel.id}#test"


def _read(store: Store, project: str, name: str) -> Note | None:
    """Return a note, or None; one that cannot be read is logged, and as good as none: it must not stop a delivery."""
    try:
        stored = NOTES.one(store, name, project=project)
    except CorruptError as error:
        log.error("%s It is written again with the next delivery.", error)  # noqa: TRY400 - its text says everything
        return None
    return stored.note if stored else None
