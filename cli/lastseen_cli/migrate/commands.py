"""The commands `lastseen migrate ...`: checks of another service, brought here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lastseen_cli.connect import Answer, command
from lastseen_cli.errors import UsageError
from lastseen_cli.options import AsJson, Yes

if TYPE_CHECKING:
    from lastseen_cli.api import Api

migrate = typer.Typer(
    help="Bring checks from another service, with the URLs that their jobs ping.", no_args_is_help=True
)


@command(
    migrate,
    "healthchecks",
    "HC_API_KEY=... lastseen migrate healthchecks --dry-run",
    "lastseen migrate healthchecks --url https://hc.example.com --yes",
    "lastseen migrate healthchecks checks.json",
)
def healthchecks(
    api: Api,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Instead of the API: its answer to GET /api/v3/checks/; - is stdin.",
            show_default=False,
        ),
    ] = "",
    *,
    url: Annotated[str, typer.Option(help="The installation.")] = "https://healthchecks.io",
    key: Annotated[
        str,
        typer.Option(
            envvar="HC_API_KEY",
            help="An API key of the project there; better in the variable. A read-write key shows the UUIDs.",
            show_default=False,
        ),
    ] = "",
    ping_key: Annotated[
        str,
        typer.Option(
            envvar="HC_PING_KEY", help="Take over this ping key, so that URLs by slug stay.", show_default=False
        ),
    ] = "",
    update: Annotated[
        bool, typer.Option("--update", help="Change checks that are here and differ, too: as they are there.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="With --dry-run: exit status 3 if anything would be done.")
    ] = False,
    yes: Yes = False,
    json: AsJson = False,
) -> Answer:
    """Bring the checks of a Healthchecks project, with their UUIDs: in the jobs, only the host name changes.

    It shows what would be made and what cannot come along, then asks. Names, slugs, tags, descriptions, schedules,
    grace, keywords and pauses come along; history, and where integrations send to, is not in Healthchecks' API. A check
    that is here already stays as it is, so it can be run again. See docs/migrate.md.

    Exit status: 0 all checks are here, 1 some cannot come along or something failed, 2 the command is wrong, 3 with
    --exit-code: something would be done.
    """
    from lastseen_cli.migrate import source, work  # noqa: PLC0415 - httpx takes its time

    if exit_code and not dry_run:
        raise UsageError("--exit-code belongs to --dry-run.")
    if file == source.STDIN and not (yes or dry_run):
        raise UsageError("With - nobody can be asked: give --yes, or --dry-run first.")
    if not (file or key.strip()):
        raise UsageError("Set HC_API_KEY to an API key of the project in Healthchecks, or give a file.")
    export = source.from_file(file) if file else source.from_api(url, key)
    options = work.Options(ping_key.strip(), update, dry_run, exit_code, yes, json)
    return work.run(api, export, options)
