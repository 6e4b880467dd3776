"""`discover crontab`: from crontabs to lines under watch, and back."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lastseen_cli import output, ways
from lastseen_cli.connect import Answer
from lastseen_cli.discover import crontab as crontabs
from lastseen_cli.discover import places, work
from lastseen_cli.discover.crontab import SETTINGS, Crontab
from lastseen_cli.discover.jobs import Proposal, Remark
from lastseen_cli.discover.places import Place
from lastseen_cli.discover.work import Change, Options
from lastseen_cli.errors import DIFFERS, UsageError
from lastseen_cli.local.state import LocalRun

INSTALLED_IN = "/usr/local/bin"
_URL = re.compile(r"https?://[^\s\"'\\%#]+", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """A crontab: where it is, and what it says."""

    place: Place
    crontab: Crontab


def sources(names: Sequence[str], *, user: str, tz: str, has_users: bool | None) -> list[Source]:
    """Return crontabs, read: files by name, or this host's. Raises UsageError."""
    if names and user:
        raise UsageError("--user belongs to this host's crontab: leave out the files.")
    found = places.files(names) if names else places.crontabs(user)
    if not found:
        raise UsageError("There is no crontab here. Give a file, or - for stdin.")
    return [
        Source(
            place,
            crontabs.read(place.text, place.label, tz, has_users=place.is_system if has_users is None else has_users),
        )
        for place in found
    ]


def wrapper(command: str, program: str | None, *, is_here: bool) -> str:
    """Return what a command is put behind, with its whole path: cron's own PATH is short. Raises UsageError.

    `is_here`: the lines are this host's, so that a program that is missing would keep each job from running.
    """
    name, _, argument = command.partition(" ")
    path = program or (places.program(name) if is_here else None) or f"{INSTALLED_IN}/{name}"
    if not re.fullmatch(rf"(/[\w.+-]+)*/{re.escape(name)}", path, re.ASCII):
        raise UsageError(f"--program: give the whole path of {name}, like {INSTALLED_IN}/{name}.")
    if is_here and not os.access(path, os.X_OK):
        raise UsageError(
            f"{path} is not here, and without it no job would run. Install it first (clients/sh/lastseen.sh), or name "
            "its place: --program PATH"
        )
    return f"{path} {argument}".rstrip()


def run(found: Sequence[Source], program: str, options: Options, now: datetime) -> Answer:
    """Propose checks for the jobs of crontabs, make them, and put the lines under watch."""
    environ = os.environ  # noqa: TID251 - where the jobs are to ping
    local = None if options.yaml else ways.find(options.access, environ).local
    settings = ping_settings(environ, local)

    def change(proposals: Sequence[Proposal]) -> tuple[list[Change], list[Remark]]:
        changes, remarks = [], []
        for source in found:
            changed, problems = _changed(source, proposals, program, settings)
            changes.append(changed)
            remarks += problems
        return changes, remarks

    return work.run([source.crontab.reading for source in found], change, options, now)


def undo(found: Sequence[Source], *, dry_run: bool, yes: bool, exit_code: bool) -> Answer:
    """Take out of crontabs what `run` put in. What was changed since then stays."""
    changes = [
        Change(source.place.label, source.crontab.text, crontabs.restored(source.crontab), _place(source))
        for source in found
    ]
    printed = [change for change in changes if not change.place]
    changes = [change for change in changes if change.before != change.after]
    document = {"changes": [{"file": change.label, "diff": change.diff()} for change in changes]}
    for line in [line for change in changes for line in change.diff()]:
        output.say(line)
    if dry_run or not (changes or printed):
        status = DIFFERS if exit_code and changes else 0
        return Answer(document, lambda: None if changes else output.say("Nothing to undo."), status)
    if changes:
        output.confirm(f"Write {', '.join(change.label for change in changes)}?", yes=yes)
    written = work.write(changes, output.present())
    slugs = [line.job.slug for source in found for line in source.crontab.jobs.values() if line.job.ours]

    def show() -> None:
        for change in printed:
            output.raw(change.after.encode(errors="surrogateescape"))
        for path in written:
            output.say(f"What was there before is in {path}")
        if not slugs:
            return
        output.say("Their checks hear nothing from now on and will go down. Pause or delete them:")
        for slug in slugs:
            output.say("  " + output.hint("lastseen", "checks", "pause", slug))

    return Answer({**document, "backups": written}, show)


def ping_settings(environ: Mapping[str, str], local: LocalRun | None) -> Mapping[str, str]:
    """Return where jobs ping, for the head of a crontab, or nothing if that is not known here.

    `local`: the `lastseen local` that the checks are made in, if they are.
    """
    known = {**(local.lastseen if local else {}), **environ}
    url, key = (known.get(name, "").strip() for name in SETTINGS)
    return dict(zip(SETTINGS, (url, key), strict=True)) if _URL.fullmatch(url) and _KEY.fullmatch(key) else {}


def _changed(
    source: Source, proposals: Sequence[Proposal], program: str, settings: Mapping[str, str]
) -> tuple[Change, list[Remark]]:
    crontab, place = source.crontab, source.place
    slugs = {proposal.job.where: proposal.slug for proposal in proposals if not proposal.job.watched}
    wanted = {index: slugs[line.job.where] for index, line in crontab.jobs.items() if line.job.where in slugs}
    can_hold_key = place.is_private and not place.is_system
    changed = crontabs.rewritten(crontab, wanted, program, settings if can_hold_key else {})
    remarks = changed.remarks[len(crontab.remarks) :]
    has_settings = set(SETTINGS) <= set(crontab.settings)
    if changed.text != crontab.text and not has_settings and not (settings and can_hold_key):
        why = (
            "it is read by all users, so the key does not go there by itself"
            if settings
            else "set them here, and they are put at its head"
        )
        remarks.append(
            Remark(
                place.label,
                f"the jobs need LASTSEEN_PING_URL and LASTSEEN_PING_KEY, or they run and are not heard; {why}: see "
                "docs/clients/crontab.md",
                is_fault=False,
            )
        )
    return Change(place.label, crontab.text, changed.text, _place(source)), remarks


def _place(source: Source) -> Place | None:
    return source.place if source.place.path or source.place.crontab else None
