"""What became of the last delivery to each channel, and of its last test: a note in the settings table.

Lives here: the value Note, its document, reading and writing it.
Never here: what a failed delivery means for the channel (deliver.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lastseen.core.channel import Channel
from lastseen.core.times import millis, moment
from lastseen.storage.store import Store
from lastseen.text.event import Event, OwnKind

NOTES = "delivery#"
"""Before a project's name: the settings kind of what is known of its deliveries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is known of a delivery to a channel: its last one, or that of a test."""

    event: str
    at: datetime
    result: str  # delivered, again, refused
    why: str
    tries: int


def note_delivery(  # one keyword per thing that is noted
    store: Store,
    channel: Channel,
    event: Event,
    *,
    result: str,
    why: str,
    tries: int,
    now: datetime,
) -> None:
    """Note what became of a delivery, for whoever looks at the channel, or waits for a test."""
    name = test_name(channel) if event.type == OwnKind.TEST else channel.id
    note = {"event": event.id, "at": millis(now), "result": result, "why": why, "tries": tries}
    store.put_setting(f"{NOTES}{channel.project}", name, note)


def last_delivery(store: Store, channel: Channel) -> Note | None:
    """Return what is known of the last delivery to a channel."""
    return read_note(store, channel.project, channel.id)


def read_note(store: Store, project_name: str, name: str) -> Note | None:
    """Return a note by its name: a channel's id, or `test_name` of a channel."""
    document = store.setting(f"{NOTES}{project_name}", name)
    if document is None:
        return None
    return Note(
        event=document["event"],
        at=moment(document["at"]),
        result=document["result"],
        why=document.get("why", ""),
        tries=document.get("tries", 1),
    )


def test_name(channel: Channel) -> str:
    """Return the name of the note on the last test of a channel."""
    return f"{channel.id}#test"
