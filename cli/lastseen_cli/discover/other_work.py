"""`discover systemd`, `kubernetes` and `whenever`: from their texts to checks, and jobs put under watch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from lastseen_cli import output
from lastseen_cli.connect import Answer
from lastseen_cli.discover import crontab as crontabs
from lastseen_cli.discover import kubernetes, places, systemd, work
from lastseen_cli.discover.jobs import Proposal, Remark
from lastseen_cli.discover.places import Place
from lastseen_cli.discover.work import Change, Options
from lastseen_cli.errors import DIFFERS, CliError, UsageError

UNITS_FOLDER = Path("/etc/systemd/system")
PING_PROGRAM = Path("/usr/local/bin/lastseen-ping")
PING_SETTINGS = Path("/etc/lastseen.env")
MAKE_READY = "docs/clients/systemd.md says how to install"


def unit_texts(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return units: files by name, or this host's timers and what they start. Raises UsageError, CliError."""
    if names:
        return [(place.label, place.text) for place in places.files(names)]
    listed = places.tool_output(["systemctl", "list-timers", "--all", "--no-legend", "--no-pager", "--plain"])
    pairs = [line.split()[-2:] for line in listed.splitlines() if len(line.split()) > 1]
    wanted = sorted({unit for pair in pairs for unit in pair if unit.endswith((".timer", ".service"))})
    if not wanted:
        raise UsageError("systemd has no timer here. Give unit files, or - for the output of `systemctl cat`.")
    return [("systemctl", places.tool_output(["systemctl", "cat", "--no-pager", "--", *wanted]))]


def run_systemd(
    texts: Sequence[tuple[str, str]], tz: str, folder: Path | None, options: Options, now: datetime
) -> Answer:
    """Propose checks for the services of timers, make them, and write the drop-ins; without a folder, print them."""

    def change(proposals: Sequence[Proposal]) -> tuple[list[Change], list[Remark]]:
        changes = []
        for proposal in proposals:
            if proposal.job.watched:
                continue
            service = systemd.service_of(proposal.job)
            path = (folder or UNITS_FOLDER) / f"{service}.d" / systemd.DROP_IN_NAME
            place = Place(str(path), b"", path, is_new=True) if folder else None
            changes.append(Change(str(path), "", systemd.drop_in(service, proposal.slug), place))
        return changes, _what_is_missing() if folder == UNITS_FOLDER and changes else []

    return work.run([systemd.read(systemd.units(texts), tz)], change, options, now)


def undo_systemd(folder: Path, *, dry_run: bool, yes: bool, exit_code: bool) -> Answer:
    """Remove the drop-ins that `run_systemd` wrote; one that was changed since stays."""
    ours = []
    for path in sorted(folder.glob(f"*.service.d/{systemd.DROP_IN_NAME}")):
        content = path.read_text(errors="surrogateescape")
        slugs = {line.split()[-1] for line in content.splitlines() if line.startswith("ExecSt") and line.split()}
        service = path.parent.name.removesuffix(".d")
        if len(slugs) == 1 and content in {systemd.DROP_IN, systemd.drop_in(service, slugs.pop())}:
            ours.append(path)
    document = {"removed": [str(path) for path in ours]}
    for path in ours:
        output.say(f"- {path}")
    if dry_run or not ours:
        status = DIFFERS if exit_code and ours else 0
        return Answer(document, lambda: None if ours else output.say("Nothing to undo."), status)
    output.confirm(f"Remove {len(ours)} drop-ins?", yes=yes)
    for path in ours:
        places.remove(path)
    return Answer(document, lambda: output.say("Done. Next: systemctl daemon-reload; and pause or delete the checks."))


def run_kubernetes(name: str, tz: str, options: Options, now: datetime) -> Answer:
    """Propose checks for CronJobs, make them, and print the manifests with the jobs under watch."""
    (place,) = places.files([name])
    manifests = kubernetes.read(place.text, place.label, tz)

    def change(proposals: Sequence[Proposal]) -> tuple[list[Change], list[Remark]]:
        slugs = {each.job.where: each.slug for each in proposals if not each.job.watched}
        text, remarks = kubernetes.rewritten(manifests, slugs)
        return [Change(place.label, manifests.text, text)], remarks

    return work.run([manifests.reading], change, options, now)


def run_whenever(names: Sequence[str], tz: str, options: Options, now: datetime) -> Answer:
    """Propose checks for the lines that whenever writes, make them, and say what to write into its schedule."""
    printed = "" if names else _whenever()
    found = places.files(names) or [Place("whenever", printed.encode(errors="surrogateescape"))]
    readings = [crontabs.read(place.text, place.label, tz).reading for place in found]

    def change(proposals: Sequence[Proposal]) -> tuple[list[Change], list[Remark]]:
        remarks = [
            Remark(
                each.job.where,
                f'in config/schedule.rb: watched "...", slug: "{each.slug}" (job_type :watched of docs/rails.md)',
                is_fault=False,
            )
            for each in proposals
            if not each.job.watched
        ]
        return [], remarks

    return work.run(readings, change, options, now)


def _whenever() -> str:
    try:
        return places.tool_output(["bundle", "exec", "whenever"])
    except CliError as error:
        raise UsageError(
            f"{error} Call it in the application's folder, or give the output of `whenever` as a file."
        ) from error


def _what_is_missing() -> list[Remark]:
    return [
        Remark(str(path), f"it is not here, and without it nothing is sent: {MAKE_READY}", is_fault=False)
        for path in (PING_PROGRAM, PING_SETTINGS)
        if not path.exists()
    ]
