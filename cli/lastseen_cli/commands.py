"""The commands, their options and their help. The work is in the modules that each command imports when it is called.

Data goes to stdout, talk to stderr. Exit status: 0 done, 1 failed, 2 not understood.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from lastseen_cli.errors import CliError

app = typer.Typer(
    help="Lastseen tells a team when a background job goes silent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
checks = typer.Typer(help="Make, list, show and delete checks over the HTTP API.", no_args_is_help=True)
app.add_typer(checks, name="checks")


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


ApiUrl = Annotated[
    str, typer.Option(envvar="LASTSEEN_API_URL", help="The API, like https://host/api.", show_default=False)
]
ApiKey = Annotated[
    str,
    typer.Option(envvar="LASTSEEN_API_KEY", help="A key of the project; better in the variable.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's JSON instead of a table.")]
Which = Annotated[str, typer.Argument(metavar="CHECK", help="A check's UUID, unique key, slug or name.")]


@checks.command()
def create(
    name: Annotated[str, typer.Argument(help="What the job is called.")],
    *,
    every: Annotated[
        str | None, typer.Option(metavar="TIME", help="Expected between two pings: 60, 90s, 5m, 1h30m, 1d.")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="Instead of --every: cron (five fields) or systemd OnCalendar.")
    ] = None,
    tz: Annotated[str | None, typer.Option(help="Time zone of the schedule, like Europe/Berlin.")] = None,
    grace: Annotated[
        str | None, typer.Option(metavar="TIME", help="How late a ping, or how long a run, may be before the alert.")
    ] = None,
    slug: Annotated[str | None, typer.Option(help="Short name for ping URLs: a-z, 0-9, - and _.")] = None,
    tags: Annotated[str | None, typer.Option(help="Tags, separated by blanks.")] = None,
    desc: Annotated[str | None, typer.Option(help="A description.")] = None,
    unique: Annotated[
        bool, typer.Option("--unique", help="Update the check of this name instead of making a second one.")
    ] = False,
    json: AsJson = False,
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Make a check and print its ping URL."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    settings = work.settings(
        name, every=every, schedule=schedule, tz=tz, grace=grace, slug=slug, tags=tags, desc=desc, unique=unique
    )
    work.create(work.api(api_url, api_key), settings, as_json=json)


@checks.command("list")
def list_(
    *,
    tag: Annotated[list[str] | None, typer.Option(help="Only checks with this tag; may be repeated.")] = None,
    json: AsJson = False,
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """List the project's checks."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    work.list_all(work.api(api_url, api_key), tags=tag or [], as_json=json)


@checks.command()
def show(check: Which, *, json: AsJson = False, api_url: ApiUrl = "", api_key: ApiKey = "") -> None:
    """Show one check."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    work.show(work.api(api_url, api_key), check, as_json=json)


@checks.command()
def delete(
    check: Which,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Delete a check; its ping URL stops working."""
    from lastseen_cli import checks as work  # noqa: PLC0415 - only these commands pay for httpx

    api = work.api(api_url, api_key)
    found = work.find(api, check)
    if not yes:
        typer.confirm(f"Delete {work.title(found)}? Its ping URL stops working.", abort=True, err=True)
    work.delete(api, found)
