"""The commands `lastseen checks ...`: make, list, show, change and delete checks; see their pings and flips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lastseen_cli import find, listing, output
from lastseen_cli.connect import Answer, command
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.options import CheckName, Yes
from lastseen_cli.output import when
from lastseen_cli.settings import changes, expected, from_options, seconds_of, slug_of, span, title, writable

if TYPE_CHECKING:
    from lastseen_cli.api import Api, Document

checks = typer.Typer(
    help="Make, list, show, change, pause and delete checks; see their pings and changes of status.",
    no_args_is_help=True,
)

NewName = Annotated[str, typer.Argument(metavar="NAME", help="What the job is called.", show_default=False)]
OtherName = Annotated[str | None, typer.Option("--name", help="Another name.")]
Every = Annotated[str | None, typer.Option(metavar="TIME", help="Expected between two pings: 60, 90s, 5m, 1h30m, 1d.")]
Schedule = Annotated[
    str | None, typer.Option(help="Instead of --every: cron, systemd OnCalendar, or as your scheduler writes it.")
]
Tz = Annotated[str | None, typer.Option(help="Time zone of the schedule, like Europe/Berlin.")]
SkippedHour = Annotated[
    str | None,
    typer.Option(
        metavar="run|skip",
        help="What the job's scheduler does at a time that the clocks skip: run it later, or not at all.",
    ),
]
Grace = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="How late a ping, or how long a run, may be before the alert."),
]
Early = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="How long before its time a ping counts for it. 0: never; default: a twentieth of the interval, up to 5m.",
    ),
]
Slug = Annotated[
    str | None, typer.Option(help="Short name for ping URLs: a-z, 0-9, - and _. Of a new check: made from its name.")
]
Tags = Annotated[str | None, typer.Option(help="Tags, separated by spaces.")]
Desc = Annotated[str | None, typer.Option(help="What to do when it goes down; alerts show it.")]
Channels = Annotated[
    str | None, typer.Option(help='Who is notified: "*" all channels, "" none, or ids or names with commas between.')
]
Reminder = Annotated[
    str | None, typer.Option(metavar="TIME", help="Notify again this often while it is down; 0: once is enough.")
]
ManualResume = Annotated[
    bool | None,
    typer.Option("--manual-resume/--no-manual-resume", help="Whether pings of a paused check are ignored."),
]


@command(
    checks,
    "create",
    'lastseen checks create "Nightly backup" --schedule "30 4 * * *" --tz Europe/Berlin --grace 10m',
    'lastseen checks create "Queue worker" --every 5m --tags "prod queue" --unique',
)
def create(
    api: Api,
    name: NewName,
    *,
    every: Every = None,
    schedule: Schedule = None,
    tz: Tz = None,
    skipped_hour: SkippedHour = None,
    grace: Grace = None,
    early: Early = None,
    slug: Slug = None,
    tags: Tags = None,
    desc: Desc = None,
    channels: Channels = None,
    reminder: Reminder = None,
    manual_resume: ManualResume = None,
    unique: Annotated[
        bool, typer.Option("--unique", help="Update the check of this slug or name instead, if there is one.")
    ] = False,
) -> Answer:
    """Make a check and print its ping URL.

    Its slug is made from its name. A slug that another check has is refused: jobs ping by it.
    """
    if tz and not schedule:
        raise UsageError("--tz belongs to --schedule.")
    derived = slug is None
    settings = from_options(
        name=name,
        every=every,
        schedule=schedule,
        tz=tz,
        grace=grace,
        early=early,
        reminder=reminder,
        skipped_hour=skipped_hour,
        slug=slug_of(name) if slug is None else slug,
        tags=tags,
        desc=desc,
        channels=channels,
        manual_resume=manual_resume,
    )
    check, is_new = _made_or_updated(api, settings, derived=derived) if unique else (_made(api, settings), True)

    def show() -> None:
        output.say(f"{'Made' if is_new else 'Updated'} {title(check)}. Its ping URL:")
        output.data(check["ping_url"])
        output.say(f"Put this at the end of the job:\n  curl -fsS -m 10 --retry 5 {output.hint(check['ping_url'])}")
        _say_schedule(check)

    return Answer(check, show)


def _say_schedule(check: Document) -> None:
    """Say how the API reads a schedule that is written in another scheduler's way."""
    if note := check.get("schedule_note"):
        output.say(f"Schedule: {output.one_line(note)}")


def _made(api: Api, settings: dict[str, object]) -> Document:
    """Return a new check. Raises CliError if another has its slug."""
    if settings["slug"]:
        find.refuse_taken(api.checks(slug=str(settings["slug"])), settings["slug"])
    return api.create(settings)[0]


def _made_or_updated(api: Api, settings: dict[str, object], *, derived: bool) -> tuple[Document, bool]:
    """Return the check of these settings, and whether it is new."""
    before = find.same(api.checks(), settings, derived=derived)
    if before is None:
        return api.create({**settings, "unique": ["slug" if settings["slug"] else "name"]})
    if derived and before["slug"]:
        del settings["slug"]
    return api.update(find.may_write(before)["uuid"], settings), False


@command(
    checks,
    "list",
    "lastseen checks list --status down --status late",
    "lastseen checks list --tag prod --columns name,schedule,next --sort next",
)
def list_checks(
    api: Api,
    *,
    status: Annotated[
        list[listing.Status] | None, typer.Option(help="Only checks of this status; may be repeated.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only checks with this tag; may be repeated.")] = None,
    sort: Annotated[
        listing.Sort, typer.Option(help="Trouble first, by name, the latest ping first, or the next one.")
    ] = listing.Sort.TROUBLE,
    columns: Annotated[
        str, typer.Option(help=f"Which, with commas between. There are: {', '.join(listing.COLUMNS)}.")
    ] = ",".join(listing.USUAL),
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show it again every few seconds, until Ctrl-C.")
    ] = False,
) -> Answer | None:
    """List the project's checks, one line each, trouble first.

    In a pipe: tab-separated, whole, without a header, times with their zone.
    """
    shown = listing.chosen(columns)
    asked = listing.Query(tags=tuple(tag or ()), statuses=tuple(status or ()), sort=sort)
    if watch:
        listing.watch(api, asked, shown)
        return None
    found, total = listing.ask(api, asked)
    return Answer({"checks": found}, lambda: listing.show(found, shown, asked, total=total))


@command(checks, "show", "lastseen checks show nightly-backup")
def show_check(api: Api, check: CheckName) -> Answer:
    """Show one check."""
    found = find.check(api, check)
    return Answer(found, lambda: output.record(_fields(found)))


REACHES_NOBODY = ": NONE would be notified; they were deleted, are off (lastseen channels list) or filter it out"


def _fields(check: Document) -> list[tuple[str, str]]:
    channels = str(check.get("channels", "*"))
    nobody = REACHES_NOBODY if check.get("reaches_nobody") else ""
    rows = {
        "name": title(check),
        "status": listing.status_of(check) + (" (running)" if check.get("started") else ""),
        "expected": f"{expected(check)}, grace {span(check['grace'])}",
        "last ping": when(check["last_ping"]),
        "next ping": when(check["next_ping"]) if check.get("next_ping") else "not expected",
        "pings": str(check["n_pings"]),
        "slug": check.get("slug", ""),
        "tags": check.get("tags", ""),
        "about": check.get("desc", ""),
        "channels": ({"*": "all", "": "none"}.get(channels) or channels) + nobody,
        "ping URL": check.get("ping_url", ""),
        "badge": check.get("badge_url", ""),
    }
    return list(rows.items())


@command(checks, "update", "lastseen checks update nightly-backup --grace 30m --tags 'prod db'")
def update(
    api: Api,
    check: CheckName,
    *,
    name: OtherName = None,
    every: Every = None,
    schedule: Schedule = None,
    tz: Tz = None,
    skipped_hour: SkippedHour = None,
    grace: Grace = None,
    early: Early = None,
    slug: Slug = None,
    tags: Tags = None,
    desc: Desc = None,
    channels: Channels = None,
    reminder: Reminder = None,
    manual_resume: ManualResume = None,
) -> Answer:
    """Change settings of a check; what is not named stays, and so does its status."""
    settings = from_options(
        name=name,
        every=every,
        schedule=schedule,
        tz=tz,
        grace=grace,
        early=early,
        reminder=reminder,
        skipped_hour=skipped_hour,
        slug=slug,
        tags=tags,
        desc=desc,
        channels=channels,
        manual_resume=manual_resume,
    )
    if not settings:
        raise UsageError("Nothing to change: give at least one option, like --grace 10m.")
    return _updated(api, find.writable_check(api, check), settings)


@command(checks, "rename", 'lastseen checks rename nightly-backup "Backup of db1"')
def rename(api: Api, check: CheckName, name: NewName, *, slug: Slug = None) -> Answer:
    """Give a check another name. Its slug stays unless you name another: jobs ping by it."""
    return _updated(api, find.writable_check(api, check), from_options(name=name, slug=slug))


def _updated(api: Api, before: Document, settings: dict[str, Any]) -> Answer:
    if settings.get("slug"):
        find.refuse_taken(api.checks(slug=settings["slug"]), settings["slug"], but=before["uuid"])
    after = api.update(before["uuid"], settings)
    differ = changes(before, after)
    words = f"Updated {title(after)}: {'; '.join(differ)}." if differ else f"{title(after)} had these settings already."

    def show() -> None:
        output.say(words)
        _say_schedule(after)

    return Answer(after, show)


@command(checks, "clone", 'lastseen checks clone nightly-backup "Nightly backup of db2"')
def clone(api: Api, check: CheckName, name: NewName, *, slug: Slug = None) -> Answer:
    """Make a new check with the settings of another, and print its ping URL."""
    settings = writable(find.writable_check(api, check)) | {
        "name": name,
        "slug": slug_of(name) if slug is None else slug,
    }
    settings.pop("snoozed_until", None)
    made = _made(api, settings)

    def show() -> None:
        output.say(f"Made {title(made)}. Its ping URL:")
        output.data(made["ping_url"])

    return Answer(made, show)


@command(checks, "pause", "lastseen checks pause nightly-backup")
def pause(api: Api, check: CheckName) -> Answer:
    """Stop watching a check, without an alert."""
    paused = api.pause(find.writable_check(api, check)["uuid"])
    until = "until you resume it" if paused["manual_resume"] else "until it is pinged or resumed"
    return Answer(paused, lambda: output.say(f"Paused {title(paused)}: no pings are expected {until}."))


@command(checks, "resume", "lastseen checks resume nightly-backup")
def resume(api: Api, check: CheckName) -> Answer:
    """Watch a paused check again, as if it were new."""
    resumed = api.resume(find.writable_check(api, check)["uuid"])
    return Answer(resumed, lambda: output.say(f"Resumed {title(resumed)}: its next ping starts the clock."))


@command(
    checks, "pings", "lastseen checks pings nightly-backup --limit 5", "lastseen checks pings nightly-backup --body 17"
)
def pings(
    api: Api,
    check: CheckName,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, from the newest.")] = 20,
    body: Annotated[int | None, typer.Option(metavar="N", min=1, help="Print the body of ping N instead.")] = None,
) -> Answer:
    """List a check's pings, newest first.

    In a pipe, a body is printed byte for byte; at a terminal, without what could control it.
    """
    found = find.writable_check(api, check)
    if body is None:
        listed = api.pings(found["uuid"], limit=limit)
        return Answer({"pings": listed}, lambda: _show_pings(found, listed))
    content = api.body(found["uuid"], body)
    if content is None:
        raise CliError(
            f"No body of ping {body} is kept. List pings with: {output.hint('lastseen', 'checks', 'pings', check)}"
        )
    return Answer({"n": body, "body": content.decode(errors="replace")}, lambda: output.raw(content))


def _show_pings(check: Document, listed: list[Document]) -> None:
    if not listed:
        output.say(f"No ping of {title(check)} is kept.")
        return
    rows = [
        (
            str(ping["n"]),
            output.time(ping["date"]),
            ping["type"],
            f"{ping['duration']:g} s" if "duration" in ping else "",
            str(ping.get("note") or ping.get("exitstatus", "")),
            f"{ping['method']} {ping['remote_addr']} {ping['ua']}",
            "yes" if ping["body_url"] else "",
        )
        for ping in listed
    ]
    columns = ("N", output.zoned("TIME"), "TYPE", "TOOK", "EXIT", "FROM", "BODY")
    output.table(columns, rows, right=["N", "TOOK", "EXIT"])


@command(checks, "flips", "lastseen checks flips nightly-backup --last 7d")
def flips(
    api: Api,
    check: CheckName,
    *,
    last: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only those of the last 90s, 5m, 1h30m, 7d ...")
    ] = None,
) -> Answer:
    """List a check's changes of status, newest first."""
    length = seconds_of(last, option="--last") if last else None
    found = find.check(api, check)
    listed = api.flips(found.get("uuid") or found["unique_key"], seconds=length)

    def show() -> None:
        if not listed:
            output.say(f"{title(found)} has not changed its status.")
            return
        rows = [(output.time(flip["timestamp"]), listing.styled(flip["status"]), flip["reason"]) for flip in listed]
        output.table((output.zoned("TIME"), "STATUS", "WHY"), rows)

    return Answer({"flips": listed}, show)


@command(checks, "delete", "lastseen checks delete nightly-backup --yes")
def delete(api: Api, check: CheckName, *, yes: Yes = False) -> Answer:
    """Delete a check; its ping URL stops working."""
    found = find.writable_check(api, check)
    output.confirm(f"Delete {title(found)}? Its ping URL stops working.", yes=yes)
    api.delete(found["uuid"])
    return Answer(found, lambda: output.say(f"Deleted {title(found)}."))


@command(checks, "export", "lastseen checks export > checks.yaml")
def export(api: Api) -> Answer:
    """Print the project's checks as a file that `lastseen apply` takes: settings, not state."""
    from lastseen_cli import checkfile  # noqa: PLC0415 - yaml takes its time

    found = [find.may_write(check) for check in api.checks()]
    text = checkfile.written(found, api.channels())
    return Answer({"checks": [writable(check) for check in found]}, lambda: output.data(text.removesuffix("\n")))


@command(checks, "schema", "lastseen checks schema > checks.schema.json")
def schema() -> Answer:
    """Print the JSON schema of a file of checks, for editors."""
    from lastseen_cli import checkfile  # noqa: PLC0415 - yaml takes its time

    document = checkfile.schema()
    return Answer(document, lambda: output.as_json(document))
