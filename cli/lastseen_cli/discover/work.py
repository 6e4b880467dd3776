"""What all sources of `discover` have in common: propose, ask the API, show, ask the user, make the checks, write.

The checks are made before a line is changed: a job that pings a check that is not there yet would lose its pings. If it
is interrupted in between, running it again does the rest.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lastseen_cli import apply, checkfile, find, output
from lastseen_cli.connect import Answer, connect
from lastseen_cli.discover import places, proposing
from lastseen_cli.discover.crontab import masked
from lastseen_cli.discover.jobs import Proposal, Reading, Remark
from lastseen_cli.discover.places import Place
from lastseen_cli.discover.proposing import Proposed, Wishes
from lastseen_cli.errors import DIFFERS, CliError
from lastseen_cli.settings import expected, span
from lastseen_cli.ways import Access

if TYPE_CHECKING:
    from lastseen_cli.api import Api

PLACES_NAMED = 5


@dataclass(frozen=True, slots=True)
class Change:
    """A text before and after. Without a place it is printed, as a whole, on stdout."""

    label: str
    before: str
    after: str
    place: Place | None = None

    def diff(self) -> list[str]:
        """Return it as a unified diff, a key in it masked."""
        before, after = self.before.split("\n"), self.after.split("\n")
        lines = difflib.unified_diff(before, after, self.label, f"{self.label} (changed)", lineterm="", n=1)
        return [masked(line) for line in lines]


Changer = Callable[[Sequence[Proposal]], tuple[list[Change], list[Remark]]]
"""Puts jobs under watch: the changed texts, and the jobs for which that does not go."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a command was asked."""

    access: Access
    wishes: Wishes
    dry_run: bool = False
    exit_code: bool = False
    yes: bool = False
    json: bool = False
    yaml: bool = False
    stdout_is_file: bool = False  # the changed text goes there, so talk does not

    def show(self, line: str) -> None:
        """Print a line of what is proposed."""
        if not self.json:
            (output.say if self.stdout_is_file else output.data)(line)


@dataclass(slots=True)
class _Plan:
    proposed: Proposed
    proposals: list[Proposal]
    remarks: list[Remark]
    changes: list[Change]
    printed: list[Change]  # on stdout, whether changed or not
    steps: list[apply.Step] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        return not self.steps and not self.changes

    def state(self, proposal: Proposal) -> str:
        step = next((step for step in self.steps if step.settings.get("slug") == proposal.slug), None)
        if step:
            return "new" if step.verb == "create" else "changed"
        return "watched" if proposal.job.watched else "exists"


def run(readings: Iterable[Reading], change: Changer, options: Options, now: datetime) -> Answer:
    """Do what a command of `discover` does. Raises CliError."""
    readings = list(readings)
    if options.yaml:
        return _as_yaml(proposing.propose(readings, [], options.wishes, now), options)
    with connect(options.access) as api:
        existing = [find.may_write(check) for check in api.checks()]
        plan = _planned(proposing.propose(readings, existing, options.wishes, now), change)
        entries = proposing.entries(plan.proposals, existing, options.wishes.host)
        plan.steps = apply.plan(api, entries, prune=False)
        _show(plan, options)
        if options.dry_run or plan.is_done:
            return _answer(plan, options, [], is_applied=not options.dry_run)
        written = _carry_out(api, plan, options)
    return _answer(plan, options, written, is_applied=True)


def write(changes: Sequence[Change], now: datetime) -> list[str]:
    """Write changed texts to their places and return where the former ones are. Raises CliError."""
    environ = os.environ  # noqa: TID251 - where backups go
    name = f"lastseen-backup-{now:%Y%m%d-%H%M%S}"
    written = []
    for change in changes:
        if change.place and change.place.is_new and change.place.path:
            places.write_new(change.place.path, change.after)
        elif change.place:
            written.append(str(places.write(change.place, change.after, name, environ)))
    return written


def _planned(proposed: Proposed, change: Changer) -> _Plan:
    changes, problems = change(proposed.proposals)
    left_out = {problem.where for problem in problems if problem.is_fault}
    kept = [proposal for proposal in proposed.proposals if proposal.job.where not in left_out]
    differ = [each for each in changes if each.before != each.after]
    printed = [each for each in changes if not each.place]
    return _Plan(proposed, kept, [*proposed.remarks, *problems], differ, printed)


def _carry_out(api: Api, plan: _Plan, options: Options) -> list[str]:
    for change in plan.changes:
        if change.place:
            places.refuse_read_only(change.place)
    made = sum(step.verb == "create" for step in plan.steps)
    places_to_write = [change.label for change in plan.changes if change.place]
    few = len(places_to_write) <= PLACES_NAMED
    texts = ", ".join(places_to_write) if few else f"{len(places_to_write)} files"
    question = f"Make {made} checks, change {len(plan.steps) - made}" + (f", and write {texts}?" if texts else "?")
    output.confirm(question, yes=options.yes)

    def progress(done: int) -> None:
        output.say(f"{done} of {len(plan.steps)} checks are done ...")

    apply.run(api, plan.steps, progress=progress)
    try:
        written = write(plan.changes, output.present())
    except CliError as error:
        raise CliError(f"The checks are made, but {error}") from error
    for path in written:
        output.say(f"What was there before is in {path}")
    return written


def _show(plan: _Plan, options: Options) -> None:
    rows = [
        (
            plan.state(each),
            each.slug,
            expected(proposing.settings(each, "")),
            f"grace {span(each.grace)}",
            each.job.where,
        )
        for each in plan.proposals
    ]
    rows += [("watched", job.slug, job.schedule.replace("\n", "; "), "", job.where) for job in plan.proposed.watched]
    cells = [[output.one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        options.show("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for step in plan.steps:
        if step.changes:
            options.show(f"~ {step.name}: {'; '.join(step.changes)}")
    for change in plan.changes:
        for line in change.diff():
            options.show(line)
    show_remarks(plan.remarks)
    new = sum(step.verb == "create" for step in plan.steps)
    faults = sum(remark.is_fault for remark in plan.remarks)
    output.say(
        f"{len(rows)} jobs: {new} checks to make, {len(plan.steps) - new} to change; {faults} lines not understood."
    )


def show_remarks(remarks: Sequence[Remark]) -> None:
    """Say what is to be said of lines, on stderr."""
    for remark in remarks:
        output.say(f"{output.one_line(remark.where)}: {output.one_line(remark.text)}")


def _as_yaml(proposed: Proposed, options: Options) -> Answer:
    made = [proposing.settings(proposal, options.wishes.host) for proposal in proposed.proposals]
    text = checkfile.written(made, [])
    show_remarks(proposed.remarks)
    status = int(any(remark.is_fault for remark in proposed.remarks))
    return Answer({"checks": made}, lambda: output.data(text.removesuffix("\n")), status)


def _answer(plan: _Plan, options: Options, written: Sequence[str], *, is_applied: bool) -> Answer:
    has_faults = any(remark.is_fault for remark in plan.remarks)
    differs = DIFFERS if options.exit_code and not plan.is_done else 0
    return Answer(
        _document(plan, written, is_applied=is_applied),
        lambda: _show_end(plan, is_applied=is_applied, options=options),
        exit_code=int(has_faults) or differs,
    )


def _show_end(plan: _Plan, *, options: Options, is_applied: bool) -> None:
    if is_applied:
        if options.stdout_is_file:
            for change in plan.printed:
                output.raw(change.after.encode(errors="surrogateescape"))
        nothing = "Nothing to do: all is watched." if plan.proposals or plan.proposed.watched else "There is no job."
        output.say(nothing if plan.is_done else "Done.")


def _document(plan: _Plan, written: Sequence[str], *, is_applied: bool) -> dict[str, Any]:
    proposals = [
        {**proposing.settings(each, ""), "where": each.job.where, "state": plan.state(each)} for each in plan.proposals
    ]
    watched = [{"slug": job.slug, "where": job.where} for job in plan.proposed.watched]
    return {
        "proposals": proposals,
        "watched": watched,
        "remarks": [{"where": each.where, "text": each.text, "is_fault": each.is_fault} for each in plan.remarks],
        "changes": [{"file": change.label, "diff": change.diff()} for change in plan.changes],
        "texts": [change.after for change in plan.printed],
        "backups": list(written),
        "applied": is_applied,
    }
