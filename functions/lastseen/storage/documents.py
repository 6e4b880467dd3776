"""The documents in the table `settings` as values: one codec per kind, and one way to read and write all of them.

  kind             name            holds                                                value
  key              SHA-256 of it   an API key or ping key, as far as it is kept         core.keys.Key
  project          its name        a project's choices                                  records.Project
  channel#PROJECT  id              where alerts go, and which; the target is a secret   core.channel.Channel
  delivery#PROJECT channel's id    what became of the last delivery to a channel        delivery.notes.StoredNote
  delivery#PROJECT id#test         what became of the last test of a channel            delivery.notes.StoredNote
  ended-session    id              a session of the dashboard that was signed out       api.web.session.EndedSession
  address          it, protocol    which channel has an e-mail address or number        api.addresses.AddressNote
  lock             its name        what somebody does alone, and since when             api.locks.Lock
  watch            hearing         the canary, and when it was silent                   records.CanaryRecord
  watch            subscriptions   which addresses were subscribed at the last look     records.SubscriptionsRecord
  secret           seal            what public URLs are sealed with                     bytes
  status           probe           nothing: read to see whether the table can be read   -

A kind whose value belongs to a higher floor has its codec there, as a `DocumentKind` from here.
A document that cannot be read stops nobody: in a list it is logged, left out and named to the caller; alone it raises
CorruptError. Neither the log nor the error holds any of its content.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from lastseen.core.blind import Window
from lastseen.core.channel import ALL_CHANNELS, Channel, Via
from lastseen.core.keys import Key, Scope
from lastseen.core.times import millis, moment
from lastseen.storage.errors import CorruptError
from lastseen.storage.records import CanaryRecord, Project, SubscriptionsRecord
from lastseen.storage.store import SettingsStore

log = logging.getLogger(__name__)

T = TypeVar("T")

Document = dict[str, Any]

SHOWN_CHARS = 12
"""Characters of a document's name in logs and errors: enough to find it."""


class DocumentList(NamedTuple, Generic[T]):
    """The documents of a kind."""

    values: list[T]
    unreadable: tuple[str, ...]  # names of those that cannot be read


class DocumentKind(Generic[T]):
    """One kind of document: where it lies, and how its value is written and read."""

    def __init__(
        self,
        kind: str,
        *,
        encode: Callable[[T], Document],
        decode: Callable[[str, str, Document], T],
        name_of: Callable[[T], str],
        project_of: Callable[[T], str] | None = None,
        is_name_secret: bool = False,
    ) -> None:
        """`encode` leaves out what the name says; `decode` takes project, name and document.

        `project_of`: for a kind whose documents lie apart by project; `is_name_secret`: for one whose names no log may
        show.
        """
        self.kind = kind
        self._encode = encode
        self._decode = decode
        self._name_of = name_of
        self._project_of = project_of
        self._is_name_secret = is_name_secret

    def place(self, project: str = "") -> str:
        """Return the kind under which the documents of a project lie in the table."""
        assert bool(project) == (self._project_of is not None), f"{self.kind} of {project!r}"
        return f"{self.kind}#{project}" if project else self.kind

    def document(self, value: T) -> Document:
        """Return a value as the table holds it."""
        return self._encode(value)

    def read(self, name: str, document: Any, *, project: str = "") -> T:
        """Return the value of a document. Raises CorruptError, naming it, if it cannot be read."""
        try:
            return self._decode(project, name, document)
        except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
            shown = "(a secret name)" if self._is_name_secret else name[:SHOWN_CHARS]
            raise CorruptError(
                f"The setting {self.place(project)} {shown} cannot be read: {type(error).__name__}."
            ) from error

    def all(self, store: SettingsStore, *, project: str = "") -> DocumentList[T]:
        """Return all values of the kind, by name, and the names of documents that cannot be read."""
        values: list[T] = []
        unreadable: list[str] = []
        for name, document in sorted(store.settings(self.place(project)).items()):
            try:
                values.append(self.read(name, document, project=project))
            except CorruptError as error:
                log.error("Left out: %s", error)  # noqa: TRY400 - its text says everything
                unreadable.append(name)
        return DocumentList(values, tuple(unreadable))

    def one(self, store: SettingsStore, name: str, *, project: str = "") -> T | None:
        """Return a value, or None; strongly consistent. Raises CorruptError."""
        document = store.setting(self.place(project), name)
        return None if document is None else self.read(name, document, project=project)

    def create(self, store: SettingsStore, value: T) -> None:
        """Write a value that is not there yet. Raises ConflictError if it is."""
        store.put_setting(self._place_of(value), self._name_of(value), self._encode(value), new=True)

    def replace(self, store: SettingsStore, value: T) -> None:
        """Write a value that is there. Raises ConflictError if it is not: what was deleted does not come back."""
        store.put_setting(self._place_of(value), self._name_of(value), self._encode(value), known=True)

    def write(self, store: SettingsStore, value: T) -> None:
        """Write a value, whether it is there or not."""
        store.put_setting(self._place_of(value), self._name_of(value), self._encode(value))

    def drop(self, store: SettingsStore, name: str, *, project: str = "") -> None:
        """Remove a value; one that is not there is no error."""
        store.drop_setting(self.place(project), name)

    def _place_of(self, value: T) -> str:
        return self.place(self._project_of(value) if self._project_of else "")


class Record(Generic[T]):
    """The only document of its kind and name."""

    def __init__(
        self, kind: str, name: str, *, encode: Callable[[T], Document], decode: Callable[[Document], T]
    ) -> None:
        self.name = name
        self._kind = DocumentKind(
            kind,
            encode=encode,
            decode=lambda _project, _name, document: decode(document),
            name_of=lambda _value: name,
        )

    def read(self, store: SettingsStore) -> T | None:
        """Return the value, or None; strongly consistent. Raises CorruptError."""
        return self._kind.one(store, self.name)

    def create(self, store: SettingsStore, value: T) -> None:
        """Write the value if there is none yet. Raises ConflictError if there is."""
        self._kind.create(store, value)

    def write(self, store: SettingsStore, value: T) -> None:
        """Write the value, whether there is one or not."""
        self._kind.write(store, value)

    def drop(self, store: SettingsStore) -> None:
        """Remove the value; if there is none, that is no error."""
        self._kind.drop(store, self.name)


# --- Keys ---


def _key_to(key: Key) -> Document:
    times = {"created": key.created, "last_used": key.last_used}
    kept: Document = {"project": key.project, "scope": str(key.scope), "name": key.name, "hint": key.hint}
    return kept | {name: millis(at) for name, at in times.items() if at}


def _key_from(_project: str, name: str, document: Document) -> Key:
    return Key(
        hash=name,
        project=str(document["project"]),
        scope=Scope(document["scope"]),
        name=document.get("name", ""),
        hint=document.get("hint", ""),
        created=_moment(document, "created"),
        last_used=_moment(document, "last_used"),
    )


KEYS = DocumentKind("key", encode=_key_to, decode=_key_from, name_of=lambda key: key.hash)


# --- Projects ---


def _project_to(project: Project) -> Document:
    created = {"created": millis(project.created)} if project.created else {}
    return {"channels": project.channels, **created}


def _project_from(_project: str, name: str, document: Document) -> Project:
    return Project(
        name=name, created=_moment(document, "created"), channels=str(document.get("channels", ALL_CHANNELS))
    )


PROJECTS = DocumentKind("project", encode=_project_to, decode=_project_from, name_of=lambda project: project.name)


# --- Channels ---


def _channel_to(channel: Channel) -> Document:
    document: Document = {
        "name": channel.name,
        "via": channel.via.value,
        "target": channel.target,
        "statuses": list(channel.statuses),
        "tags": list(channel.tags),
        "webhook": dict(channel.webhook) if channel.webhook else None,
        "subscription": channel.subscription,
        "disabled": channel.disabled,
        "created": millis(channel.created) if channel.created else None,
    }
    kept = {name: value for name, value in document.items() if value}
    return kept if channel.default else kept | {"default": False}


def _channel_from(project: str, name: str, document: Document) -> Channel:
    return Channel(
        id=name,
        project=project,
        name=document["name"],
        via=Via(document["via"]),
        target=document["target"],
        default=document.get("default", True),
        statuses=tuple(document.get("statuses", ())),
        tags=tuple(document.get("tags", ())),
        webhook=document.get("webhook"),
        subscription=document.get("subscription", ""),
        disabled=document.get("disabled", ""),
        created=_moment(document, "created"),
    )


CHANNELS = DocumentKind(
    "channel",
    encode=_channel_to,
    decode=_channel_from,
    name_of=lambda channel: channel.id,
    project_of=lambda channel: channel.project,
)


# --- Lastseen's records about itself. Their kinds and keys have the names of the first release ---


def _canary_to(record: CanaryRecord) -> Document:
    return {
        "canary": record.check_id,
        "deaf_since": millis(record.silent_since) if record.silent_since else None,
        "noticed": millis(record.noticed) if record.noticed else None,
        "windows": [
            [millis(window.start), millis(window.end), *([1] if window.asleep else [])] for window in record.windows
        ],
        "said_deaf": record.is_notified,
    }


def _canary_from(document: Document) -> CanaryRecord:
    return CanaryRecord(
        check_id=document["canary"],
        silent_since=_moment(document, "deaf_since"),
        noticed=_moment(document, "noticed"),
        windows=tuple(
            Window(moment(start), moment(end), asleep=bool(asleep)) for start, end, *asleep in document["windows"]
        ),
        is_notified=document["said_deaf"],
    )


CANARY = Record("watch", "hearing", encode=_canary_to, decode=_canary_from)


def _subscriptions_to(record: SubscriptionsRecord) -> Document:
    incidents = {incident: list(addresses) for incident, addresses in record.open.items()}
    return {"at": millis(record.looked_at), "known": dict(record.states)} | ({"open": incidents} if incidents else {})


def _subscriptions_from(document: Document) -> SubscriptionsRecord:
    incidents = {incident: tuple(addresses) for incident, addresses in document.get("open", {}).items()}
    return SubscriptionsRecord(moment(document["at"]), dict(document["known"]), incidents)


SUBSCRIPTIONS = Record("watch", "subscriptions", encode=_subscriptions_to, decode=_subscriptions_from)

SEAL = Record[bytes](
    "secret",
    "seal",
    encode=lambda secret: {"hex": secret.hex()},
    decode=lambda document: bytes.fromhex(document["hex"]),
)

PROBE = Record[None]("status", "probe", encode=lambda _nothing: {}, decode=lambda _document: None)
"""Read to see whether the table can be read; it is never written."""


def _moment(document: Mapping[str, Any], name: str) -> datetime | None:
    return moment(document[name]) if document.get(name) is not None else None
