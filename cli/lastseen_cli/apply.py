"""What `lastseen apply` does: checks as code, from files to what the API holds.

Everything is decided before anything is written: the files are read whole, then the API is asked, dry, what each entry
would come to, so that a schedule that never fires is refused before the first check is touched. An entry is the check
of its slug, or without a slug that of its name. What an entry does not name stays as it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lastseen_cli import find, output
from lastseen_cli.checkfile import Entry
from lastseen_cli.errors import CliError, RefusedError, UsageError
from lastseen_cli.settings import changes, title

if TYPE_CHECKING:
    from lastseen_cli.api import Api, Document

STDIN = "-"
PARALLEL = 4
"""Requests to the API at once, each with many questions."""

BULK_LIMIT = 100
BULK_BYTES = 80_000
"""Checks in one request, and how much may be in it: the API takes a hundred, and 100,000 bytes."""

BULK = frozenset({"create", "update"})
"""What can be done many at once."""

SIGNS = {"create": "+", "update": "~", "delete": "-"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: make a check, or change, pause or delete one."""

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
    results = [_foreseen(entry, there) for entry in entries]
    open_places = [place for place, result in enumerate(results) if isinstance(result, _Question)]
    questions = [question for question in results if isinstance(question, _Question)]
    answers = _asked(api, [question.sent for question in questions])
    for place, question, answer in zip(open_places, questions, answers, strict=True):
        results[place] = question.answered(answer)
    return [result for result in results if not isinstance(result, _Question)]


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
    done = 0
    for batch in _batches(steps):
        if progress and done:
            progress(done)
        failures = [(step, error) for step, error in _do(api, batch) if error]
        done += len(batch) - len(failures)
        for step, error in failures:
            raise CliError(
                f"{step.verb} {step.name}: {error} {done} of {len(steps)} changes are done; run it again for the rest."
            ) from error


def _batches(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Yield the steps in their order: those that make and change checks many at once, the others one by one."""
    for is_bulk, group in groupby(steps, key=lambda step: step.verb in BULK):
        together = list(group)
        cuts = _requests([_sent(step) for step in together]) if is_bulk else [[step] for step in together]
        left = iter(together)
        yield from (list(islice(left, len(cut))) for cut in cuts)


def _requests(entries: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return entries in lists that each fit into one request, in their order."""
    cut: list[list[Mapping[str, Any]]] = []
    size = 0
    for entry in entries:
        length = len(json.dumps(entry, default=str))
        if not cut or len(cut[-1]) == BULK_LIMIT or size + length > BULK_BYTES:
            cut.append([])
            size = 0
        cut[-1].append(entry)
        size += length
    return cut


def _do(api: Api, batch: Sequence[Step]) -> list[tuple[Step, CliError | None]]:
    """Do steps that go together; return each with why it failed, or None."""
    try:
        if batch[0].verb not in BULK:
            (api.delete if batch[0].verb == "delete" else api.pause)(batch[0].before["uuid"])
            return [(batch[0], None)]
        answers = api.change_many([_sent(step) for step in batch])
    except CliError as error:
        return [(step, error) for step in batch]
    return [(step, _finished(api, step, answer)) for step, answer in zip(batch, answers, strict=True)]


def _finished(api: Api, step: Step, answer: Document | CliError) -> CliError | None:
    """Pause a check that was just made, if it is to be; return what failed."""
    if isinstance(answer, CliError):
        return answer
    try:
        if step.is_paused:
            api.pause(answer["uuid"])
    except CliError as error:
        return error
    return None


def _sent(step: Step) -> Mapping[str, Any]:
    """Return a step that makes or changes a check, as an entry of many."""
    if step.verb == "update":
        return {**step.settings, "change": step.before["uuid"]}
    return {**step.settings, "unique": _unique(step.settings)}


def _asked(api: Api, entries: Sequence[Mapping[str, Any]]) -> list[Document | CliError]:
    """Return what the API would make of entries: a check for each, or why it refuses it."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        answers = pool.map(lambda batch: api.change_many(batch, dry=True), _requests(entries))
        return [answer for batch in answers for answer in batch]


def _name(entry: Entry) -> str:
    return title({"name": "", **entry.settings})


def _unique(settings: Mapping[str, Any]) -> list[str]:
    """Return by what a check that somebody else makes meanwhile would be the same one."""
    if settings.get("slug"):
        return ["slug"]
    return [] if settings.get("uuid") else ["name"]


@dataclass(frozen=True, slots=True)
class _Question:
    """What the API has to say of an entry before its step is known."""

    name: str
    settings: Mapping[str, Any]
    before: Document | None

    @property
    def sent(self) -> Mapping[str, Any]:
        return {**self.settings, "change": self.before["uuid"]} if self.before else self.settings

    def answered(self, after: Document | CliError) -> Step | str:
        """Return the step, or why there is none. Raises CliError for what is wrong with more than this entry."""
        if isinstance(after, RefusedError):
            return str(after)
        if isinstance(after, CliError):
            raise after
        note = after.get("schedule_note", "")
        if self.before is None:
            return Step("create", self.name, self.settings, note=note, after=after)
        return Step("update", self.name, self.settings, self.before, changes(self.before, after), note, after)


def _foreseen(entry: Entry, there: Sequence[Document]) -> Step | str | _Question:
    """Return what an entry comes to: a step without changes, a refusal, or what to ask the API."""
    settings = dict(entry.settings)
    try:
        before = find.same(there, settings, derived=entry.derived)
        if before and entry.derived:
            settings.pop("slug", None)  # an entry that names no slug leaves the check's as it is
        elif before:
            find.refuse_taken(there, settings.get("slug"), but=before["uuid"])
    except RefusedError as error:
        return str(error)
    if before and all(before.get(setting) == value for setting, value in settings.items()):
        return Step("update", _name(entry), settings, before, after=before)
    return _Question(_name(entry), settings, before)
