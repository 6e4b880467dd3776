"""`lastseen backup` and `lastseen restore`: a whole project as one JSON document, and back, unchanged.

In it: the project's choices, its checks with their ids, state and descriptions, its channels and the hashes of its
keys, in the form that the tables hold them. Not in it: history, and what belongs to the deployment (the secret behind
badge URLs, subscriptions of SNS). It holds ping URLs and channel URLs: it is as secret as they are.

A restore accepts only what the API would have accepted (accepted.py). It looks at everything first and then writes,
checks last. What is there already and equal is left alone, so a restore that was interrupted is simply run again; what
differs is written only if it may be replaced, and then no count of a check runs backwards: an alert's id is never given
twice.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from lastseen.core.check import Check, Outcome, unique_key
from lastseen.storage.decide import decide
from lastseen.storage.documents import CHANNELS, KEYS, PROJECTS, SHOWN_CHARS, DocumentKind
from lastseen.storage.errors import ConflictError, CorruptError, DeletedError
from lastseen.storage.items import check_from_item, check_to_item
from lastseen.storage.store import Store
from lastseen_cli import accepted
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.output import one_line

VERSION = 1
MARK = "lastseen_backup"
OLD_MARK = "lastseen_export"
"""What files of the former `lastseen export` have in its place."""

SHOWN = 5

Document = dict[str, Any]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Saved:
    """A project as a file holds it."""

    project: str
    choices: Document | None
    keys: Mapping[str, Document]
    channels: Mapping[str, Document]
    checks: Sequence[tuple[Check, str]]  # with their descriptions


@dataclass(frozen=True, slots=True)
class Step:
    """One write of a restore."""

    what: str
    replaces: bool
    run: Callable[[], None]


def backup(store: Store, name: str, now: datetime) -> Document:
    """Return a project. Raises CliError if a part of it cannot be read: half a backup would be noticed too late."""
    abouts = store.project(name)
    broken: list[str] = []
    checks = store.get_many(list(abouts), corrupt=broken)
    if broken:
        named = ", ".join(unique_key(check_id) for check_id in broken[:SHOWN])
        raise CliError(f"{len(broken)} checks cannot be read, so nothing was written: {named}. Fix or delete them.")
    choices = _choices(store, name)
    mine = {key.hash: KEYS.document(key) for key in _all(store, KEYS) if key.project == name}
    channels = {channel.id: CHANNELS.document(channel) for channel in _all(store, CHANNELS, project=name)}
    if not (checks or mine or channels or choices):
        raise CliError(f"There is nothing of a project {name}. List them with: lastseen projects list")
    return {
        MARK: VERSION,
        "written": now.isoformat(timespec="seconds"),
        "project": name,
        "choices": choices,
        "keys": mine,
        "channels": channels,
        "checks": [
            {"item": _plain(check_to_item(checks[check_id])), "about": abouts[check_id]} for check_id in sorted(checks)
        ],
    }


def _all(store: Store, kind: DocumentKind[T], *, project: str = "") -> list[T]:
    values, unreadable = kind.all(store, project=project)
    if unreadable:
        named = ", ".join(name[:SHOWN_CHARS] for name in unreadable[:SHOWN])
        raise CliError(
            f"{len(unreadable)} documents of the kind {kind.kind} cannot be read, so nothing was written: {named}. "
            "Fix or delete them."
        )
    return values


def _choices(store: Store, name: str) -> Document | None:
    try:
        project = PROJECTS.one(store, name)
    except CorruptError as error:
        raise CliError(f"{error} So nothing was written. Fix or delete it.") from error
    return PROJECTS.document(project) if project else None


def read(text: str) -> Saved:
    """Return what a file holds, all of it looked at. Raises UsageError naming what is wrong with it."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The file is not JSON ({error}). Give one that `lastseen backup` wrote.") from error
    mark = next((mark for mark in (MARK, OLD_MARK) if isinstance(document, dict) and mark in document), None)
    if mark is None:
        raise UsageError("The file is not a backup of Lastseen. Give one that `lastseen backup` wrote.")
    if document[mark] != VERSION:
        raise UsageError(f"The file has version {document[mark]}, known here is {VERSION}. Use a newer lastseen.")
    try:
        return _saved(document)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, CorruptError) as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise UsageError(f"The backup is damaged: {kind}{one_line(str(error))}. Nothing was written.") from error


def plan(store: Store, saved: Saved) -> list[Step]:
    """Return what a restore would write; what is there already and equal is no step.

    Raises CliError if a check is another project's, or cannot be read.
    """
    steps = _setting_steps(store, saved)
    broken: list[str] = []
    there = store.get_many([check.id for check, _ in saved.checks], corrupt=broken)
    foreign = [stored.id for stored in there.values() if stored.project != saved.project]
    if broken or foreign:
        named = ", ".join(unique_key(check_id) for check_id in [*broken, *foreign][:SHOWN])
        raise CliError(f"Checks of these ids are another project's or cannot be read: {named}. Nothing was written.")
    for check, about in saved.checks:
        stored = there.get(check.id)
        if stored is None or _caught_up(stored, check) != stored or store.about(stored) != about:
            steps.append(_check_step(store, check, about, replaces=stored is not None))
    return steps


def run(steps: Sequence[Step], *, replace: bool = False) -> None:
    """Make the writes. Raises CliError if one would replace what is there and may not, or if somebody else writes."""
    differing = sum(step.replaces for step in steps)
    if differing and not replace:
        raise CliError(f"{differing} of these are there and differ. Nothing was written; --replace writes over them.")
    for step in steps:
        try:
            step.run()
        except ConflictError as error:
            raise CliError(
                f"{step.what} was changed meanwhile. Run the restore again: it continues from there."
            ) from error


def _setting_steps(store: Store, saved: Saved) -> list[Step]:
    wanted: list[tuple[str, str, str, Document]] = []
    if saved.choices is not None:
        wanted.append((f"the choices of the project {saved.project}", PROJECTS.kind, saved.project, saved.choices))
    kind = CHANNELS.place(saved.project)
    for name, document in saved.channels.items():
        wanted.append((f"the channel {one_line(document['name'])}", kind, name, document))
    for name, document in saved.keys.items():
        wanted.append((f"the key {one_line(document.get('hint', ''))}...", KEYS.kind, name, document))
    steps = []
    for what, kind, name, document in wanted:
        stored = store.setting(kind, name)
        if kind == KEYS.kind and stored is not None and stored.get("project") != saved.project:
            raise CliError(f"{what} is a key of the project {stored.get('project')}. Nothing was written.")
        if stored is None or _lasting(stored) != _lasting(document):
            steps.append(_setting_step(store, what, (kind, name), document, there=stored is not None))
    return steps


def _setting_step(store: Store, what: str, place: tuple[str, str], document: Document, *, there: bool) -> Step:
    return Step(what, there, lambda: store.put_setting(*place, document, new=not there, known=there))


def _lasting(document: Document) -> Document:
    """Return a document without when it was last used, which a key's every use changes."""
    return {name: value for name, value in document.items() if name != "last_used"}


def _check_step(store: Store, check: Check, about: str, *, replaces: bool) -> Step:
    what = f"the check {one_line(check.name or check.slug) or unique_key(check.id)}"
    if replaces:
        return Step(what, True, lambda: _replace(store, check, about))
    return Step(what, False, lambda: store.create(check, about=about))


def _replace(store: Store, check: Check, about: str) -> None:
    """Write a check over the stored one, however often its job pings meanwhile. Raises ConflictError."""

    def write(seen: Check) -> None:
        new = _caught_up(seen, check)
        store.save(seen, Outcome(check=replace(new, rev=seen.rev + 1)), about=about)

    stored_check = store.get(check.id, strong=True)
    with suppress(DeletedError):  # then it is created again
        if stored_check:
            decide(stored_check, write, store=store)
            return
    store.create(check, about=about)


def _caught_up(stored: Check, saved: Check) -> Check:
    """Return the saved check with the counts that went on since: they name alerts, pings and decisions forever."""
    if stored.flips > saved.flips:
        saved = replace(saved, flips=stored.flips, announced=stored.announced)
    return replace(saved, n_pings=max(stored.n_pings, saved.n_pings), rev=max(stored.rev, saved.rev))


def _saved(document: Document) -> Saved:
    name = document["project"]
    accepted.project(name)
    for key_hash, key in document["keys"].items():
        if KEYS.read(key_hash, key).project != name:
            raise ValueError(f"a key is of the project {key['project']}, not {name}")
        accepted.key(key_hash, key)
    for channel_id, each in document["channels"].items():
        CHANNELS.read(channel_id, each, project=name)
        accepted.channel(channel_id, each)
    if document["choices"] is not None:
        PROJECTS.read(name, document["choices"])
        accepted.choices(document["choices"])
    checks = [(check_from_item(_typed(each["item"])), each["about"]) for each in document["checks"]]
    for check, about in checks:
        if check.project != name:
            raise ValueError(f"the check {unique_key(check.id)} is of the project {check.project}, not {name}")
        accepted.check(check, about)
    if len({check.id for check, _ in checks}) != len(checks):
        raise ValueError("a check is in it twice")
    return Saved(name, document["choices"], document["keys"], document["channels"], checks)


# --- DynamoDB's form as JSON: bytes are written in base64 ---


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _typed(item: Document) -> Document:
    return {name: _typed_value(value) for name, value in item.items()}


def _typed_value(value: Document) -> Document:
    [(kind, content)] = value.items()
    if kind == "B":
        try:
            return {"B": base64.b64decode(content, validate=True)}
        except binascii.Error as error:
            raise ValueError("bytes are not base64") from error
    if kind == "M":
        return {"M": _typed(content)}
    return {"L": [_typed_value(each) for each in content]} if kind == "L" else value
