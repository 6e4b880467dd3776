"""What `lastseen apply` does: checks as code, from files to what the API holds.

Everything is decided before anything is written: the files are read whole, then the API is asked, dry, what each entry
would come to, so that a schedule that never fires is refused before the first check is touched. An entry is the check
of its slug, or without a slug that of its name. What an entry does not name stays as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lastseen_cli import find, output
from lastseen_cli.checkfile import Entry
from lastseen_cli.errors import CliError, RefusedError, UsageError
from lastseen_cli.settings import changes, title

if TYPE_CHECKING:
    from lastseen_cli.api import Api, Document

STDIN = "-"
PARALLEL = 8
"""Questions to the API at once."""

SIGNS = {"create": "+", "update": "~", "delete": "-"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: make a check, change it or delete it."""

    verb: str  # create, update, delete, pause
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    before: Document = field(default_factory=dict)
    changes: Sequence[str] = ()
    note: str = ""  # how the API reads its schedule
    after: Document = field(default_factory=dict)  # as the API would make it
    is_paused: bool = False  # of a check that is made: it is paused at once

    def document(self) -> dict[str, Any]:
        """Return the step for programs."""
        return {"verb": self.verb, "name": self.name, "changes": list(self.changes), "schedule_note": self.note}


def contents(files: Sequence[str]) -> list[tuple[str, bytes]]:
    """Return files by name with their content; `-` is stdin. Raises UsageError."""
    read = []
    for name in files:
        try:
            content = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        except OSError as error:
            raise UsageError(f"{name} cannot be read ({error.strerror}).") from error
        read.append(("stdin" if name == STDIN else name, content))
    return read


def plan(api: Api, entries: Sequence[Entry], *, prune: bool) -> list[Step]:
    """Return what has to be done so that the API holds the entries, and nothing else if `prune`.

    Raises CliError with every entry that the API would refuse, or that several checks could be.
    """
    if prune and not entries:
        raise UsageError("No file has an entry: --prune would delete every check of the project.")
    there = [find.may_write(check) for check in api.checks()]
    results = decided(api, entries, there)
    pairs = zip(entries, results, strict=True)
    refused = [f"{entry.where}: {_name(entry)}: {result}" for entry, result in pairs if isinstance(result, str)]
    if refused:
        raise CliError("\n".join([*refused, "Nothing was changed."]))
    steps = [result for result in results if isinstance(result, Step)]
    kept = {step.before.get("uuid") for step in steps}
    todo = [step for step in steps if step.verb == "create" or step.changes]
    gone = [check for check in there if check["uuid"] not in kept] if prune else []
    return [*todo, *(Step("delete", title(check), before=check) for check in gone)]


def decided(api: Api, entries: Sequence[Entry], there: Sequence[Document]) -> list[Step | str]:
    """Return for each entry what it comes to, or why it cannot be; one that is as it should be has no changes.

    `there`: the checks that the API has.
    """
    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(lambda entry: _step(api, entry, there), entries))


def show(steps: Sequence[Step], *, same: int) -> None:
    """Print what is to be done."""
    for step in steps:
        differ = f": {'; '.join(step.changes)}" if step.changes else ""
        output.data(f"{SIGNS[step.verb]} {step.verb} {step.name}{differ}")
        if step.note:
            output.data(f"    schedule: {output.one_line(step.note)}")
    create, update, delete = (sum(step.verb == verb for step in steps) for verb in SIGNS)
    output.say(f"{create} to make, {update} to change, {delete} to delete, {same} as they should be.")


def run(api: Api, steps: Sequence[Step], *, progress: Callable[[int], None] | None = None) -> None:
    """Do what was planned; `progress` hears how many steps are done.

    Raises CliError that says how far it came; running it again does the rest.
    """
    for number, step in enumerate(steps):
        if progress and number:
            progress(number)
        try:
            _do(api, step)
        except CliError as error:
            raise CliError(
                f"{step.verb} {step.name}: {error} {number} of {len(steps)} changes are done; "
                "run it again for the rest."
            ) from error


def _do(api: Api, step: Step) -> None:
    if step.verb == "delete":
        api.delete(step.before["uuid"])
    elif step.verb == "update":
        api.update(step.before["uuid"], step.settings)
    elif step.verb == "pause":
        api.pause(step.before["uuid"])
    else:
        made, _ = api.create({**step.settings, "unique": _unique(step.settings)})
        if step.is_paused:
            api.pause(made["uuid"])


def _name(entry: Entry) -> str:
    return title({"name": "", **entry.settings})


def _unique(settings: Mapping[str, Any]) -> list[str]:
    """Return by what a check that somebody else makes meanwhile would be the same one."""
    if settings.get("slug"):
        return ["slug"]
    return [] if settings.get("uuid") else ["name"]


def _step(api: Api, entry: Entry, there: Sequence[Document]) -> Step | str:
    """Return what an entry comes to, as the API would make it, or why it cannot be."""
    name = _name(entry)
    settings = dict(entry.settings)
    try:
        before = find.same(there, settings, derived=entry.derived)
        if before is None:
            made, _ = api.create(settings, dry=True)
            return Step("create", name, settings, note=made.get("schedule_note", ""), after=made)
        if entry.derived:
            settings.pop("slug", None)  # an entry that names no slug leaves the check's as it is
        else:
            find.refuse_taken(there, settings.get("slug"), but=before["uuid"])
        if all(before.get(setting) == value for setting, value in settings.items()):
            return Step("update", name, settings, before, after=before)
        after = api.update(before["uuid"], settings, dry=True)
    except RefusedError as error:
        return str(error)
    return Step("update", name, settings, before, changes(before, after), after.get("schedule_note", ""), after)
