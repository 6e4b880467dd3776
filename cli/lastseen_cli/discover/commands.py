"""The commands `lastseen discover ...`: jobs that are there already, as checks, and put under watch."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lastseen.core.limits import SECONDS
from lastseen.core.zones import ZoneError, canonical_zone
from lastseen_cli import output
from lastseen_cli.connect import Answer, command
from lastseen_cli.errors import UsageError
from lastseen_cli.options import AsJson, Yes
from lastseen_cli.settings import out_of_bounds, seconds_of
from lastseen_cli.ways import Access

discover = typer.Typer(
    help="Bring in the jobs that a crontab, systemd, Kubernetes or whenever has: as checks, and put under watch.",
    no_args_is_help=True,
)

Tz = Annotated[
    str | None,
    typer.Option(metavar="ZONE", help="Time zone of the schedules. Default: this host's.", show_default=False),
]
Grace = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Grace of new checks. Default: by how often the job runs.", show_default=False),
]
Only = Annotated[
    list[str] | None, typer.Option(metavar="PATTERN", help="Only jobs of these slugs or names: 'backup*'.")
]
Without = Annotated[list[str] | None, typer.Option("--except", metavar="PATTERN", help="All jobs but these.")]
Host = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Tag new checks host:NAME; jobs of other hosts are others. Default for this host's jobs: its name.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="With --dry-run: exit status 3 if anything would be done.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take the jobs out again, as they were before. Checks stay.")]


class Output(StrEnum):
    """What is printed."""

    TEXT = "text"
    YAML = "yaml"


As = Annotated[
    Output, typer.Option("--output", help="yaml: only print the checks, as a file for `lastseen apply`; asks no API.")
]


class With(StrEnum):
    """What a line of cron is put behind."""

    SH = "sh"
    EXEC = "exec"


COMMANDS = {With.SH: "lastseen.sh", With.EXEC: "lastseen exec"}


@command(
    discover,
    "crontab",
    "lastseen discover crontab --dry-run",
    "lastseen discover crontab /etc/cron.d/backup --tz Europe/Berlin",
    "lastseen discover crontab ./crontab --output yaml > checks.yaml",
    "lastseen discover crontab --undo",
)
def crontab(
    access: Access,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="Crontabs; - is stdin. Default: those of this host.")
    ] = None,
    *,
    user: Annotated[str, typer.Option(help="With this host's: the crontab of this user, not your own.")] = "",
    user_column: Annotated[
        bool | None,
        typer.Option(
            "--user-column/--no-user-column",
            help="Whether a user's name stands before each command, as in /etc/crontab.",
        ),
    ] = None,
    with_: Annotated[
        With, typer.Option("--with", help="Put jobs behind lastseen.sh, or behind `lastseen exec`.")
    ] = With.SH,
    program: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where that is on the jobs' host.", show_default=False)
    ] = None,
    tz: Tz = None,
    grace: Grace = None,
    host: Host = None,
    only: Only = None,
    without: Without = None,
    as_: As = Output.TEXT,
    undo: Undo = False,
    dry_run: DryRun = False,
    exit_code: ExitCode = False,
    yes: Yes = False,
    json: AsJson = False,
) -> Answer:
    """Make a check of each job of a crontab, and put its line behind `lastseen.sh`.

    It shows the checks, what each line becomes, and the lines that it does not understand; then it asks. What was there
    before is kept in a file beside. A second time it changes nothing; --undo takes out what it wrote, and nothing else.

    Exit status: 0 every job is watched, 1 some line is not understood or something failed, 2 the command is wrong,
    3 with --exit-code: something would be done.
    """
    from lastseen_cli.discover import cron_work  # noqa: PLC0415 - only then

    sources = cron_work.sources(files or [], user=user, tz="UTC" if undo else _zone(tz, files), has_users=user_column)
    _refuse_exit_code(dry_run=dry_run, exit_code=exit_code)
    if undo:
        return cron_work.undo(sources, dry_run=dry_run, yes=yes, exit_code=exit_code)
    wrapper = cron_work.wrapper(COMMANDS[with_], program, is_here=not files)
    options = _options(
        locals(), stdout_is_file=any(source.place.path is None and not source.place.crontab for source in sources)
    )
    return cron_work.run(sources, wrapper, options, output.present())


@command(
    discover,
    "systemd",
    "lastseen discover systemd --only 'backup*' --dry-run",
    "lastseen discover systemd backup.timer backup.service",
    "lastseen discover systemd --undo",
)
def systemd(
    access: Access,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE", help="Unit files; - is what `systemctl cat` prints. Default: this host's timers."
        ),
    ] = None,
    *,
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the drop-ins go. Default: /etc/systemd/system for this host's; others are printed.",
            show_default=False,
        ),
    ] = None,
    tz: Tz = None,
    grace: Grace = None,
    host: Host = None,
    only: Only = None,
    without: Without = None,
    as_: As = Output.TEXT,
    undo: Undo = False,
    dry_run: DryRun = False,
    exit_code: ExitCode = False,
    yes: Yes = False,
    json: AsJson = False,
) -> Answer:
    """Make a check of each timer with OnCalendar=, and give the service that it starts the drop-in that pings.

    It shows the checks and the drop-ins, and timers that count from an event instead; then it asks. A second time it
    changes nothing; --undo removes the drop-ins that it wrote.

    Exit status: 0 every timer is watched, 1 some is not understood or something failed, 2 the command is wrong,
    3 with --exit-code: something would be done.
    """
    from lastseen_cli.discover import other_work  # noqa: PLC0415 - only then

    folder = into or (None if files else other_work.UNITS_FOLDER)
    _refuse_exit_code(dry_run=dry_run, exit_code=exit_code)
    if undo:
        return other_work.undo_systemd(folder or other_work.UNITS_FOLDER, dry_run=dry_run, yes=yes, exit_code=exit_code)
    options = _options(locals(), stdout_is_file=False)
    zone = _zone(tz, files)
    return other_work.run_systemd(other_work.unit_texts(files or []), zone, folder, options, output.present())


@command(
    discover,
    "kubernetes",
    "lastseen discover kubernetes cronjobs.yaml --dry-run",
    "lastseen discover kubernetes cronjobs.yaml --yes > watched.yaml",
)
def kubernetes(
    access: Access,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Manifests, of one or many documents; - is stdin.")],
    *,
    tz: Annotated[
        str, typer.Option(metavar="ZONE", help="Time zone of the controller, for CronJobs without timeZone.")
    ] = "UTC",
    grace: Grace = None,
    host: Annotated[str, typer.Option(metavar="NAME", help="Tag new checks host:NAME, for example of a cluster.")] = "",
    only: Only = None,
    without: Without = None,
    as_: As = Output.TEXT,
    dry_run: DryRun = False,
    exit_code: ExitCode = False,
    yes: Yes = False,
    json: AsJson = False,
) -> Answer:
    """Make a check of each CronJob, and print the manifests with `lastseen.sh` before each first container's command.

    Lines are only added, and the file itself is left as it is. The pods need a ConfigMap and a Secret:
    docs/clients/kubernetes.md.

    Exit status: 0 every CronJob is watched, 1 some cannot be changed or something failed, 2 the command is wrong,
    3 with --exit-code: something would be done.
    """
    from lastseen_cli.discover import other_work  # noqa: PLC0415 - only then

    options = _options({**locals(), "files": [file]}, stdout_is_file=True)
    return other_work.run_kubernetes(file, _zone(tz, [file]), options, output.present())


@command(
    discover,
    "whenever",
    "lastseen discover whenever --dry-run",
    "bundle exec whenever | lastseen discover whenever - --yes",
)
def whenever(
    access: Access,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="What `whenever` prints; - is stdin. Default: call it in this folder."),
    ] = None,
    *,
    tz: Tz = None,
    grace: Grace = None,
    host: Annotated[str, typer.Option(metavar="NAME", help="Tag new checks host:NAME.")] = "",
    only: Only = None,
    without: Without = None,
    as_: As = Output.TEXT,
    dry_run: DryRun = False,
    exit_code: ExitCode = False,
    yes: Yes = False,
    json: AsJson = False,
) -> Answer:
    """Make a check of each line that whenever puts into the crontab, and say what to write into config/schedule.rb.

    whenever writes its lines again at each deploy, so the crontab itself is left as it is.

    Exit status: 0 every line has its check, 1 some line is not understood or something failed, 2 the command is wrong,
    3 with --exit-code: something would be done.
    """
    from lastseen_cli.discover import other_work  # noqa: PLC0415 - only then

    options = _options(locals(), stdout_is_file=False)
    return other_work.run_whenever(files or [], _zone(tz, files), options, output.present())


def _options(given: dict[str, Any], *, stdout_is_file: bool) -> Any:
    """Return how a command was asked, from its options. Raises UsageError."""
    from lastseen_cli.discover import places, work  # noqa: PLC0415 - only then
    from lastseen_cli.discover.proposing import Wishes  # noqa: PLC0415 - and so this one

    _refuse_exit_code(dry_run=given["dry_run"], exit_code=given["exit_code"])
    if places.STDIN in (given["files"] or []) and not (given["yes"] or given["dry_run"] or given["as_"] is Output.YAML):
        raise UsageError("With - nobody can be asked: give --yes, or --dry-run first.")
    host = given["host"]
    if host is None:
        host = "" if given["files"] else places.host_name()
    grace = seconds_of(given["grace"], option="--grace") if given["grace"] else None
    if grace is not None and (bounds := out_of_bounds(grace, allowed=SECONDS)):
        raise UsageError(f"--grace {given['grace']}: it can be {bounds}.")
    return work.Options(
        given["access"],
        wishes=Wishes(grace, tuple(given["only"] or ()), tuple(given["without"] or ()), host),
        dry_run=given["dry_run"],
        exit_code=given["exit_code"],
        yes=given["yes"],
        json=given["json"],
        yaml=given["as_"] is Output.YAML,
        stdout_is_file=stdout_is_file,
    )


def _refuse_exit_code(*, dry_run: bool, exit_code: bool) -> None:
    if exit_code and not dry_run:
        raise UsageError("--exit-code belongs to --dry-run.")


def _zone(tz: str | None, files: list[str] | None) -> str:
    """Return the zone that was asked for, or this host's, which is said. Raises UsageError."""
    from lastseen_cli.discover import places  # noqa: PLC0415 - only then

    if tz:
        try:
            return canonical_zone(tz)
        except ZoneError as error:
            raise UsageError(f"--tz: {error}") from error
    zone = places.host_zone(os.environ)  # noqa: TID251 - TZ of a container
    if files:
        output.say(f"Times are taken as this host's: {zone}. Another zone: --tz")
    return zone
