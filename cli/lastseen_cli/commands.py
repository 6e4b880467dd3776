"""The commands, their options and their help. The work is in the modules that each command imports when it is called.

Data goes to stdout, talk to stderr. Exit status: 0 done, 1 failed, 2 not understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from lastseen_cli import output
from lastseen_cli.access import keys, projects
from lastseen_cli.channels import channels
from lastseen_cli.connect import connect
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.options import ApiKey, ApiUrl, AsJson, InProject, Stack, Which, Yes

app = typer.Typer(
    help="Lastseen tells a team when a background job goes silent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
checks = typer.Typer(
    help="Make, list, show, change, pause and delete checks; see their pings and changes of status.",
    no_args_is_help=True,
)
app.add_typer(checks, name="checks")
app.add_typer(channels, name="channels")
app.add_typer(keys, name="keys")
app.add_typer(projects, name="projects")


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; foreseen errors are told in words on stderr."""
    try:
        app(list(arguments), prog_name="lastseen")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except CliError as error:
        typer.echo(f"lastseen: {error}", err=True)
        return error.exit_code
    return 0


def _version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it with the option's value
    if asked:
        typer.echo(f"lastseen {version('lastseen')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Lastseen tells a team when a background job goes silent."""


@app.command(
    "exec",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
    short_help="Run a job and ping when it starts, ends and fails.",
)
def exec_(_context: typer.Context) -> None:
    """Stand in the list of commands: main.py calls lastseen_cli.exec before Typer is there."""


@app.command()
def local(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the URLs on 127.0.0.1; 0 picks a free one.")
    ] = 8000,
    env_file: Annotated[
        Path | None,
        typer.Option(help="Write the URLs and keys here when all is ready, as LASTSEEN_... lines; removed at exit."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Keep checks, history and keys in this folder from one run to the next.")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Make a few checks and play their jobs, so that you see alerts.")
    ] = False,
) -> None:
    """Run all of Lastseen on this machine until Ctrl-C: no Docker, no AWS account.

    Deploys the very template that `cdk deploy` ships to an AWS emulator on loopback, then shows each ping as it comes
    in and each alert as it reaches a subscriber.
    """
    from lastseen_cli.local.command import run_local  # noqa: PLC0415 - only this command pays for boto3

    run_local(port=port, env_file=env_file, data=data, demo=demo)


Name = Annotated[str | None, typer.Option(help="Another name.")]
Every = Annotated[str | None, typer.Option(metavar="TIME", help="Expected between two pings: 60, 90s, 5m, 1h30m, 1d.")]
Schedule = Annotated[
    str | None, typer.Option(help="Instead of --every: cron, systemd OnCalendar, or as your scheduler has it.")
]
Tz = Annotated[str | None, typer.Option(help="Time zone of the schedule, like Europe/Berlin.")]
Grace = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="How late a ping, or how long a run, may be before the alert."),
]
Slug = Annotated[str | None, typer.Option(help="Short name for ping URLs: a-z, 0-9, - and _.")]
Tags = Annotated[str | None, typer.Option(help="Tags, separated by blanks.")]
Desc = Annotated[str | None, typer.Option(help="What to do when it goes down; alerts bring it.")]
Channels = Annotated[
    str | None, typer.Option(help='Who is told: "*" all channels, "" none, or ids or names with commas between.')
]
Reminder = Annotated[
    str | None, typer.Option(metavar="TIME", help="Tell again as often while it is down; 0: once is enough.")
]
ManualResume = Annotated[
    bool | None,
    typer.Option("--manual-resume/--no-manual-resume", help="Whether pings of a paused check are ignored."),
]


@checks.command()
def create(
    name: Annotated[str, typer.Argument(help="What the job is called.")],
    *,
    every: Every = None,
    schedule: Schedule = None,
    tz: Tz = None,
    grace: Grace = None,
    slug: Slug = None,
    tags: Tags = None,
    desc: Desc = None,
    channels: Channels = None,
    reminder: Reminder = None,
    manual_resume: ManualResume = None,
    unique: Annotated[
        bool, typer.Option("--unique", help="Update the check of this name instead of making a second one.")
    ] = False,
    json: AsJson = False,
    project: InProject = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Make a check and print its ping URL."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    if tz and not schedule:
        raise UsageError("--tz belongs to --schedule.")
    settings = work.settings(
        name=name,
        every=every,
        schedule=schedule,
        tz=tz,
        grace=grace,
        reminder=reminder,
        slug=slug,
        tags=tags,
        desc=desc,
        channels=channels,
        manual_resume=manual_resume,
        unique=["name"] if unique else None,
    )
    work.create(connect(api_url, api_key, project), settings, as_json=json)


@checks.command("list")
def list_(
    *,
    tag: Annotated[list[str] | None, typer.Option(help="Only checks with this tag; may be repeated.")] = None,
    json: AsJson = False,
    project: InProject = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """List the project's checks."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    work.list_all(connect(api_url, api_key, project), tags=tag or [], as_json=json)


@checks.command()
def show(
    check: Which, *, json: AsJson = False, project: InProject = "", api_url: ApiUrl = "", api_key: ApiKey = ""
) -> None:
    """Show one check."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    work.show(connect(api_url, api_key, project), check, as_json=json)


@checks.command()
def update(
    check: Which,
    *,
    name: Name = None,
    every: Every = None,
    schedule: Schedule = None,
    tz: Tz = None,
    grace: Grace = None,
    slug: Slug = None,
    tags: Tags = None,
    desc: Desc = None,
    channels: Channels = None,
    reminder: Reminder = None,
    manual_resume: ManualResume = None,
    json: AsJson = False,
    project: InProject = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Change what is asked of a check; what is not named stays. Its status stays, too."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    settings = work.settings(
        name=name,
        every=every,
        schedule=schedule,
        tz=tz,
        grace=grace,
        reminder=reminder,
        slug=slug,
        tags=tags,
        desc=desc,
        channels=channels,
        manual_resume=manual_resume,
    )
    if not settings:
        raise UsageError("Nothing to change: give at least one option, like --grace 10m.")
    work.update(connect(api_url, api_key, project), check, settings, as_json=json)


@checks.command()
def pause(check: Which, *, project: InProject = "", api_url: ApiUrl = "", api_key: ApiKey = "") -> None:
    """Stop watching a check, without an alert."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    work.pause(connect(api_url, api_key, project), check)


@checks.command()
def resume(check: Which, *, project: InProject = "", api_url: ApiUrl = "", api_key: ApiKey = "") -> None:
    """Watch a paused check again, as if it were new."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    work.resume(connect(api_url, api_key, project), check)


@checks.command()
def pings(
    check: Which,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, from the newest.")] = 20,
    body: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Print the body of ping N instead, to the letter.")
    ] = None,
    json: AsJson = False,
    project: InProject = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """List a check's pings, newest first."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    work.pings(connect(api_url, api_key, project), check, limit=limit, body=body, as_json=json)


@checks.command()
def flips(
    check: Which,
    *,
    last: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only of the last while: 90s, 5m, 1h30m, 7d.")
    ] = None,
    json: AsJson = False,
    project: InProject = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """List a check's changes of status, newest first."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    span = work.seconds(last, option="--last") if last else None
    work.flips(connect(api_url, api_key, project), check, seconds=span, as_json=json)


@checks.command()
def delete(
    check: Which,
    *,
    yes: Yes = False,
    project: InProject = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Delete a check; its ping URL stops working."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    api = connect(api_url, api_key, project)
    found = work.find(api, check)
    if not yes:
        typer.confirm(f"Delete {work.title(found)}? Its ping URL stops working.", abort=True, err=True)
    work.delete(api, found)


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Checks as YAML: see docs/apply.md.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete the project's checks that are not in the file.")
    ] = False,
    yes: Yes = False,
    project: InProject = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Make and change checks so that they are as a file says.

    The whole file is checked before anything is changed. An entry is known again by its slug, or without one by its
    name; what it does not name stays as it is. Applied twice, it changes nothing the second time.
    """
    from lastseen_cli import apply as work  # noqa: PLC0415 - only this command pays for httpx and yaml

    entries = work.read(file)
    with connect(api_url, api_key, project) as api:
        steps = work.plan(api, entries, prune=prune)
        work.tell(steps, same=len(entries) - sum(step.verb != "delete" for step in steps))
        if dry_run or not steps:
            return
        gone = [step.name for step in steps if step.verb == "delete"]
        if gone and not yes:
            typer.confirm(f"Delete {', '.join(gone)}? Their ping URLs stop working.", abort=True, err=True)
        work.run(api, steps)
    output.say("Done.")


@app.command()
def doctor(
    *,
    stack: Stack = "Lastseen",
    send_test_alert: Annotated[
        bool, typer.Option("--send-test-alert", help="Let a check of its own fail, so that everybody gets an alert.")
    ] = False,
    project: Annotated[str, typer.Option(help="The project of the test alert.")] = "default",
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Look at a deployment with your AWS credentials, and say what would bite.

    It reads quotas, subscriptions, alarms, dead letters, tables, throttles and runtimes; it changes nothing. Exit
    status: 0 nothing is wrong, 1 something is. What you may not read is a warning.
    """
    from lastseen_cli import deployment  # noqa: PLC0415 - only this command pays for boto3
    from lastseen_cli import doctor as work  # noqa: PLC0415 - and so this one

    found = deployment.find(stack)
    findings = work.examine(found, deployment.present())
    if send_test_alert:
        findings.append(work.send_test_alert(found, project, deployment.present()))
    if json:
        output.as_json(work.document(findings))
    else:
        work.report(findings)
    raise typer.Exit(work.status(findings))


@app.command()
def export(
    *,
    project: Annotated[str, typer.Option(envvar="LASTSEEN_PROJECT", help="The project.")] = "default",
    stack: Stack = "Lastseen",
) -> None:
    """Write a whole project to stdout as JSON, with your AWS credentials: checks and their state, channels, keys.

    It holds ping URLs and channel URLs, so keep it as you keep passwords. Keys are in it as hashes, and go on working
    after an import. History is not in it.
    """
    from lastseen_cli import backup, deployment  # noqa: PLC0415 - only this command pays for boto3

    output.as_json(backup.export(deployment.find(stack).store, project, deployment.present()))


@app.command("import")
def import_(
    file: Annotated[typer.FileText, typer.Argument(metavar="FILE", help="What `lastseen export` wrote; - is stdin.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Write over what is there and differs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
    stack: Stack = "Lastseen",
) -> None:
    """Bring back a project that was exported, with your AWS credentials.

    What is there and equal stays; what is there and differs stops the import, unless --replace is given. Deadlines go
    on from the state in the file: a job whose ping came after the export is late until it pings again.
    """
    from lastseen_cli import backup, deployment  # noqa: PLC0415 - only this command pays for boto3

    saved = backup.read(file.read())
    steps = backup.plan(deployment.find(stack).store, saved)
    differing = [step.what for step in steps if step.replaces]
    for step in steps:
        output.say(f"{'replace' if step.replaces else 'make'} {step.what}")
    if dry_run:
        output.say(f"{len(steps)} writes; nothing was written.")
        return
    if differing and not replace:
        raise CliError(
            f"{len(differing)} of these are there and differ. Nothing was written; --replace writes over them."
        )
    backup.run(steps)
    output.say(f"Done: {len(steps)} written into the project {saved.project}.")
    if any(one["via"] in {"email", "sms"} for one in saved.channels.values()):
        output.say(
            "In another deployment its e-mail and SMS channels must be made anew: SNS knows its subscriptions alone."
        )
