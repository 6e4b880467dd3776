"""Documents of the settings table: each kind comes back as it was written, and one that is broken stops no other."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lastseen.api.addresses import ADDRESSES, AddressNote
from lastseen.api.locks import LOCKS, Lock
from lastseen.api.web.session import ENDED, EndedSession
from lastseen.core.blind import Window
from lastseen.core.channel import Channel, Via
from lastseen.core.keys import Key, Scope
from lastseen.delivery.notes import NOTES, Note, Standing, StoredNote
from lastseen.delivery.results import Fault, Result
from lastseen.storage import documents
from lastseen.storage.documents import (
    CANARY,
    CHANNELS,
    KEYS,
    PROBE,
    PROJECTS,
    SEAL,
    SUBSCRIPTIONS,
    DocumentKind,
    Record,
)
from lastseen.storage.errors import ConflictError, CorruptError
from lastseen.storage.records import CanaryRecord, Project, SubscriptionsRecord
from tests.memory import MemoryStore
from tests.times import T0, minutes

KEY = Key(hash="ab" * 32, project="shop", scope=Scope.READ)
PROJECT = Project(name="shop")
CHANNEL = Channel(id="c1", project="shop", name="ops", via=Via.EMAIL, target="ops@example.com")
NOTE = StoredNote("shop", "c1", Note(event="e", at=T0, result=Result.AGAIN, why="HTTP 500", tries=3))
STANDING = Standing(
    fault=next(iter(Fault)),
    next_try=T0,
    failing_since=T0,
    refused_at=T0,
    refusals=2,
    lost="i1",
    missed=3,
)
SESSION = EndedSession("s1", T0)

VALUES: list[tuple[DocumentKind[Any], Any]] = [
    (KEYS, KEY),
    (KEYS, replace(KEY, name="ci", hint="lsr_abc", created=T0, last_used=T0 + minutes(1))),
    (PROJECTS, PROJECT),
    (PROJECTS, Project(name="shop", created=T0, channels="c1,c2")),
    (CHANNELS, CHANNEL),
    (CHANNELS, replace(CHANNEL, default=False, statuses=("down",), tags=("db", "eu"))),
    (CHANNELS, replace(CHANNEL, via=Via.WEBHOOK, webhook={"method": "PUT"}, disabled="HTTP 404", created=T0)),
    (CHANNELS, replace(CHANNEL, subscription="arn:aws:sns:eu-west-1:123456789012:alerts:1")),
    (NOTES, NOTE),
    (NOTES, NOTE._replace(note=replace(NOTE.note, standing=STANDING))),
    (ENDED, SESSION),
    (ADDRESSES, AddressNote("email:ops@example.com", "shop", "c1")),
    (LOCKS, Lock("channels", T0)),
]
RECORDS: list[tuple[Record[Any], Any]] = [
    (CANARY, CanaryRecord("c")),
    (
        CANARY,
        CanaryRecord(
            "c",
            silent_since=T0,
            noticed=T0 + minutes(3),
            windows=(Window(T0, T0 + minutes(1), asleep=True), Window(T0 + minutes(1), T0 + minutes(2))),
            is_notified=True,
        ),
    ),
    (SUBSCRIPTIONS, SubscriptionsRecord(T0, {"a@example.com": "confirmed"})),
    (SEAL, bytes(range(32))),
]
"""A value of each kind, with all that it may have."""


def stored(store: MemoryStore, kind: DocumentKind[Any]) -> Any:
    """Return what is read back, as JSON would have it."""
    (((place, name), document),) = store.documents.items()
    return kind.read(name, json.loads(json.dumps(document)), project=place.partition("#")[2])


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_a_value_is_read_as_it_was_written(kind: DocumentKind[Any], value: Any) -> None:
    store = MemoryStore()
    kind.create(store, value)
    assert stored(store, kind) == value


@pytest.mark.parametrize(("record", "value"), RECORDS)
def test_a_record_is_read_as_it_was_written(record: Record[Any], value: Any) -> None:
    store = MemoryStore()
    assert record.read(store) is None
    record.create(store, value)
    ((place, document),) = store.documents.items()
    store.documents[place] = json.loads(json.dumps(document))
    assert record.read(store) == value
    with pytest.raises(ConflictError):
        record.create(store, value)
    record.write(store, value)
    record.drop(store)
    assert record.read(store) is None


def test_the_documents_in_the_table_have_this_form_for_ever() -> None:
    """Stored documents outlive the program that wrote them: to change this, read the old form too."""
    store = MemoryStore()
    KEYS.write(store, replace(KEY, name="ci", hint="lsr_abc", created=T0, last_used=T0))
    PROJECTS.write(store, replace(PROJECT, created=T0))
    CHANNELS.write(store, replace(CHANNEL, default=False, tags=("db",), created=T0))
    NOTES.write(store, NOTE)
    ENDED.write(store, SESSION)
    CANARY.write(store, CanaryRecord("c", windows=(Window(T0, T0 + minutes(1), asleep=True),)))
    SUBSCRIPTIONS.write(store, SubscriptionsRecord(T0, {"a": "pending"}))
    SEAL.write(store, b"\x01\xff")
    now = 1772452800000
    assert store.documents == {
        ("key", "ab" * 32): {
            "project": "shop",
            "scope": "ro",
            "name": "ci",
            "hint": "lsr_abc",
            "created": now,
            "last_used": now,
        },
        ("project", "shop"): {"channels": "*", "created": now},
        ("channel#shop", "c1"): {
            "name": "ops",
            "via": "email",
            "target": "ops@example.com",
            "default": False,
            "tags": ["db"],
            "created": now,
        },
        ("delivery#shop", "c1"): {"event": "e", "at": now, "result": "again", "why": "HTTP 500", "tries": 3},
        ("ended-session", "s1"): {"until": now},
        ("watch", "hearing"): {
            "canary": "c",
            "deaf_since": None,
            "noticed": None,
            "windows": [[now, now + 60_000, 1]],
            "said_deaf": False,
        },
        ("watch", "subscriptions"): {"at": now, "known": {"a": "pending"}},
        ("secret", "seal"): {"hex": "01ff"},
    }


def test_every_kind_stands_in_the_table_at_the_head() -> None:
    table = (documents.__doc__ or "").split("\n\n")[1]
    kinds = {line.split()[0] for line in table.splitlines()[1:]}
    assert kinds == {
        "key",
        "project",
        "channel#PROJECT",
        "delivery#PROJECT",
        "ended-session",
        "address",
        "lock",
        "watch",
        "secret",
        "status",
    }


def test_a_value_is_created_once_and_replaced_only_where_it_is() -> None:
    store = MemoryStore()
    with pytest.raises(ConflictError):
        CHANNELS.replace(store, CHANNEL)
    CHANNELS.create(store, CHANNEL)
    with pytest.raises(ConflictError):
        CHANNELS.create(store, CHANNEL)
    CHANNELS.replace(store, replace(CHANNEL, name="new"))
    assert CHANNELS.one(store, "c1", project="shop") == replace(CHANNEL, name="new")
    CHANNELS.drop(store, "c1", project="shop")
    assert CHANNELS.one(store, "c1", project="shop") is None


def test_values_are_listed_by_project_and_name() -> None:
    store = MemoryStore()
    others = [replace(CHANNEL, id=name, project=project) for name, project in (("c2", "shop"), ("c0", "other"))]
    for channel in (*others, CHANNEL):
        CHANNELS.write(store, channel)
    assert [channel.id for channel in CHANNELS.all(store, project="shop").values] == ["c1", "c2"]


BROKEN: list[tuple[DocumentKind[Any], str, str, Any]] = [
    (KEYS, "key", "", {"project": "shop", "scope": "admin"}),
    (KEYS, "key", "", {"scope": "rw"}),
    (PROJECTS, "project", "", {"created": "soon"}),
    (CHANNELS, "channel#shop", "shop", {"via": "pigeon", "name": "x", "target": "secret-target"}),
    (CHANNELS, "channel#shop", "shop", {"via": "email", "target": "secret-target"}),
    (CHANNELS, "channel#shop", "shop", {"via": "email", "target": "secret-target", "name": "x", "created": 10**30}),
    (CHANNELS, "channel#shop", "shop", None),
    (NOTES, "delivery#shop", "shop", {"event": "e"}),
    (ENDED, "ended-session", "", []),
]


@pytest.mark.parametrize(("kind", "place", "project", "document"), BROKEN)
def test_a_document_that_cannot_be_read_is_named_logged_and_left_out(
    kind: DocumentKind[Any], place: str, project: str, document: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    good = next(value for each, value in VALUES if each is kind)
    kind.write(store, good)
    store.documents[place, "f00-the-broken-one"] = document
    values, unreadable = kind.all(store, project=project)
    assert (values, unreadable) == ([good], ("f00-the-broken-one",))
    (logged,) = caplog.records
    assert logged.levelno == logging.ERROR
    assert f"{place} f00-the-brok" in logged.getMessage()
    assert "secret-target" not in caplog.text
    if document is not None:
        with pytest.raises(CorruptError, match=f"{place} f00-the-brok") as caught:
            kind.one(store, "f00-the-broken-one", project=project)
        assert "secret-target" not in str(caught.value)


def test_a_name_that_is_a_secret_is_in_no_error() -> None:
    store = MemoryStore()
    store.put_setting("address", "email:ops@example.com", {})
    with pytest.raises(CorruptError) as caught:
        ADDRESSES.one(store, "email:ops@example.com")
    assert "ops" not in str(caught.value)


def test_a_canary_whose_record_cannot_be_read_raises() -> None:
    store = MemoryStore()
    store.put_setting("watch", "hearing", {"canary": "c", "windows": [[1]]})
    with pytest.raises(CorruptError, match="watch hearing"):
        CANARY.read(store)


def test_the_probe_reads_the_table_and_finds_nothing() -> None:
    store = MemoryStore()
    calls: list[str] = []
    store.hook = lambda call, _when: calls.append(call)
    assert PROBE.read(store) is None
    assert calls == ["setting", "setting"]


def test_a_kind_of_projects_needs_one_and_no_other_kind_takes_one() -> None:
    assert CHANNELS.place("shop") == "channel#shop"
    with pytest.raises(AssertionError):
        CHANNELS.place()
    with pytest.raises(AssertionError):
        KEYS.place("shop")


def test_a_window_without_a_notice_is_read_too() -> None:
    """Records of before a notice was kept have none."""
    store = MemoryStore()
    since = int((T0 + timedelta(0)).timestamp() * 1000)
    store.put_setting("watch", "hearing", {"canary": "c", "deaf_since": since, "windows": [], "said_deaf": True})
    assert CANARY.read(store) == CanaryRecord("c", silent_since=T0, is_notified=True)
