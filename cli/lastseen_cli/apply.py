"""What `lastseen apply` does: checks as code, from a file of YAML to what the API holds.

Everything is decided before anything is written: the file is read whole, then the API is asked, dry, what each entry
would come to, so that a schedule that never fires is refused before the first check is touched. An entry is the check
of its slug, or without a slug that of its name. What an entry does not name stays as it is.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lastseen_cli import checks, output
from lastseen_cli.api import Api, Document
from lastseen_cli.errors import CliError, UsageError

TIMES = {"every": "timeout", "grace": "grace", "reminder": "reminder"}
"""Settings that are times, written like 90s, 5m, 1h30m, 1d; and how the API calls them."""

LISTS = {"tags": " ", "channels": ","}
"""Settings that may be lists, and how the API joins them."""

KNOWN = tuple(dict.fromkeys([*TIMES, *(name for name in checks.SETTINGS if name != "timeout")]))


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: make a check, change it or delete it."""

    verb: str  # create, update, delete
    name: str
    settings: Mapping[str, object] = field(default_factory=dict)
    before: Document = field(default_factory=dict)
    changes: Sequence[str] = ()
    note: str = ""  # what to know of its schedule


def read(path: Path) -> list[dict[str, object]]:
    """Return the entries of a file as the API's settings. Raises UsageError naming the entry and what is wrong."""
    try:
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    _refuse_unknown(f"{path}", held if isinstance(held, dict) else {}, ("checks", "defaults"))
    if not isinstance(held, dict) or not isinstance(held.get("checks"), list):
        raise UsageError(f"{path} must hold `checks:` with a list below it. See docs/apply.md.")
    defaults = held.get("defaults") or {}
    if not isinstance(defaults, dict):
        raise UsageError(f"{path}: `defaults:` must hold settings, like `grace: 10m`.")
    entries = [_settings(f"{path}: entry {number}", defaults, entry) for number, entry in enumerate(held["checks"], 1)]
    _refuse_doubles(path, entries)
    return entries


def plan(api: Api, entries: Sequence[Mapping[str, object]], *, prune: bool) -> list[Step]:
    """Return what has to be done so that the API holds the entries, and nothing else if `prune`.

    Raises CliError for an entry that the API would refuse, or that several checks could be.
    """
    if prune and not entries:
        raise UsageError("The file has no entry: --prune would delete every check of the project.")
    there = api.checks()
    if any("uuid" not in check for check in there):
        raise CliError("This key may only read. Set LASTSEEN_API_KEY to one that may write.")
    steps, kept = [], set()
    for entry in entries:
        before = _match(entry, there)
        kept.add(before.get("uuid"))
        steps += _step(api, entry, before)
    gone = [check for check in there if check["uuid"] not in kept] if prune else []
    return [*steps, *(Step("delete", checks.title(check), before=check) for check in gone)]


def tell(steps: Sequence[Step], *, same: int) -> None:
    """Say what is to be done."""
    signs = {"create": "+", "update": "~", "delete": "-"}
    for step in steps:
        changes = f": {'; '.join(step.changes)}" if step.changes else ""
        output.data(f"{signs[step.verb]} {step.verb} {step.name}{changes}")
        if step.note:
            output.data(f"    schedule: {step.note}")
    create, update, delete = (sum(step.verb == verb for step in steps) for verb in signs)
    output.say(f"{create} to make, {update} to change, {delete} to delete, {same} as they should be.")


def run(api: Api, steps: Sequence[Step]) -> None:
    """Do what was planned. Raises CliError that says how far it came; running it again does the rest."""
    for number, step in enumerate(steps):
        try:
            _do(api, step)
        except CliError as error:
            raise CliError(
                f"{step.verb} {step.name}: {error} {number} of {len(steps)} changes are done; apply again for the rest."
            ) from error


def _do(api: Api, step: Step) -> None:
    if step.verb == "delete":
        api.delete(step.before["uuid"])
    elif step.verb == "update":
        api.update(step.before["uuid"], step.settings)
    else:
        api.create({**step.settings, "unique": ["slug" if step.settings.get("slug") else "name"]})


def _step(api: Api, entry: Mapping[str, object], before: Document) -> list[Step]:
    """Return the change that an entry needs, or none, as the API would make it."""
    name = _called(entry)
    try:
        if not before:
            made, _ = api.create(entry, dry=True)
            return [Step("create", name, settings=entry, note=made.get("schedule_note", ""))]
        after = api.update(before["uuid"], entry, dry=True)
        changes = checks.changes(before, after)
    except CliError as error:
        raise CliError(f"{name}: {error} Nothing was changed.") from error
    note = after.get("schedule_note", "")
    return [Step("update", name, settings=entry, before=before, changes=changes, note=note)] if changes else []


def _match(entry: Mapping[str, object], there: Sequence[Document]) -> Document:
    key = "slug" if entry.get("slug") else "name"
    found = [check for check in there if check[key] == entry[key]]
    if len(found) > 1:
        raise CliError(
            f"{len(found)} checks have the {key} {entry[key]}. Give the entry a slug of its own, and the check."
        )
    return found[0] if found else {}


def _settings(where: str, defaults: Mapping[str, object], entry: object) -> dict[str, object]:
    if not isinstance(entry, dict):
        raise UsageError(f"{where} must hold settings, like `name: Nightly backup`.")
    _refuse_unknown(where, {**defaults, **entry}, KNOWN)
    settings = {TIMES.get(name, name): _value(where, name, value) for name, value in {**defaults, **entry}.items()}
    if not (settings.get("slug") or settings.get("name")):
        raise UsageError(f"{where} needs a `slug` or a `name`: by that it is known again.")
    if "schedule" in entry:
        settings.pop("timeout", None)  # that came with the defaults
    if "every" in entry:
        settings = {name: value for name, value in settings.items() if name not in {"schedule", "tz"}}
    if "schedule" in entry and "every" in entry:
        raise UsageError(f"{where}: `every` and `schedule` exclude each other: give one of them.")
    return settings


def _value(where: str, name: str, value: Any) -> object:
    if name in TIMES:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if not isinstance(value, str):
            raise UsageError(f"{where}: `{name}` is no time. Write seconds, or like 90s, 5m, 1h30m, 1d.")
        return checks.seconds(value, option=f"{where}: `{name}`")
    if name in LISTS and isinstance(value, list):
        return LISTS[name].join(str(part) for part in value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _called(entry: Mapping[str, object]) -> str:
    return str(entry.get("name") or entry["slug"])


def _refuse_unknown(where: str, held: Mapping[Any, object], known: Sequence[str]) -> None:
    for name in held:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1)
            meant = f"Did you mean `{close[0]}`?" if close else f"There are: {', '.join(known)}."
            raise UsageError(f"{where}: there is no setting `{name}`. {meant}")


def _refuse_doubles(path: Path, entries: Sequence[Mapping[str, object]]) -> None:
    for key in ("slug", "name"):
        seen: set[object] = set()
        for entry in entries:
            identity = entry.get(key) if key == "slug" or not entry.get("slug") else None
            if identity and identity in seen:
                raise UsageError(f"{path}: two entries have the {key} {identity}: they would be one check.")
            seen.add(identity)
