"""The commands `lastseen keys ...` and `lastseen projects ...`: who may do what, and where."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from lastseen_cli import find, output
from lastseen_cli.connect import Answer, command
from lastseen_cli.errors import UsageError
from lastseen_cli.options import Yes
from lastseen_cli.output import hint, one_line

if TYPE_CHECKING:
    from lastseen_cli.api import Api

keys = typer.Typer(
    help="Make, list and revoke keys: with a key of the project, or with AWS credentials.", no_args_is_help=True
)
projects = typer.Typer(help="Make, list and delete projects: with AWS credentials.", no_args_is_help=True)

PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,59}", re.ASCII)


class Scope(StrEnum):
    """What a key is for."""

    WRITE = "rw"
    READ = "ro"
    PING = "ping"


KeyName = Annotated[str, typer.Argument(help="Who uses it, so that you can revoke it later without guessing.")]
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="The key's id or name: lastseen keys list")]
ProjectName = Annotated[str, typer.Argument(metavar="PROJECT", help="Its name: a-z, 0-9 and hyphens.")]
DefaultChannels = Annotated[
    str | None,
    typer.Option(
        "--channels",
        help='What new checks get: "*" all channels (the default), "" none, or ids or names with commas between.',
    ),
]


@command(keys, "create", "lastseen keys create CI", 'lastseen keys create "hosts of the shop" --scope ping')
def create_key(
    api: Api,
    name: KeyName,
    *,
    scope: Annotated[
        Scope, typer.Option(help="rw does everything in its project, ro reads, ping is for ping URLs by slug.")
    ] = Scope.WRITE,
) -> Answer:
    """Make a key and print it, this once: only its hash is kept."""
    made = api.create_key(scope.value, name)

    def show() -> None:
        output.say(f"Made the {scope.value} key {made['id']} of the project {made['project']}. It is shown only now:")
        output.data(made["key"])

    return Answer(made, show)


@command(keys, "list", "lastseen keys list")
def list_keys(api: Api) -> Answer:
    """List the project's keys, without the keys. Last use is to the hour; pings do not update it."""
    listed = api.keys()

    def show() -> None:
        if not listed:
            output.say("There is no key. Make one with: lastseen keys create NAME")
            return
        output.table(
            ("ID", "SCOPE", "BEGINS", "NAME", output.zoned("CREATED"), output.zoned("LAST USED")),
            [
                (
                    key["id"],
                    key["scope"],
                    key["hint"],
                    key["name"],
                    output.time(key["created"], form=output.MINUTES),
                    output.time(key["last_used"], none="never", form=output.MINUTES),
                )
                for key in listed
            ],
        )

    return Answer({"keys": listed}, show)


@command(keys, "revoke", "lastseen keys revoke CI --yes")
def revoke_key(api: Api, key: KeyId, *, yes: Yes = False) -> Answer:
    """Revoke a key: it stops working. A ping key may still ping for up to a minute."""
    found = find.key(api, key)
    called = f"the {found['scope']} key {found['id']} ({one_line(found['name']) or 'without a name'})"
    output.confirm(f"Revoke {called}? Everything that uses it is locked out.", yes=yes)
    api.revoke_key(found["id"])
    return Answer(found, lambda: output.say(f"Revoked {called}."))


@command(
    projects,
    "create",
    "lastseen projects create shop",
    'lastseen projects create shop --channels "team chat"',
    takes_key=False,
)
def create_project(api: Api, name: ProjectName, *, channels: DefaultChannels = None) -> Answer:
    """Make a project: checks, keys and channels of their own."""
    made = api.create_project({"name": _project(name)} | ({} if channels is None else {"channels": channels}))
    return Answer(
        made,
        lambda: output.say(
            f"Made the project {name}. Make a key: {hint('lastseen', 'keys', 'create', 'NAME')} --project {name}"
        ),
    )


@command(projects, "list", "lastseen projects list", takes_key=False)
def list_projects(api: Api) -> Answer:
    """List the projects of the deployment."""
    listed = api.projects()

    def show() -> None:
        output.table(
            ("NAME", output.zoned("CREATED"), "CHANNELS OF NEW CHECKS"),
            [
                (
                    each["name"],
                    output.time(each["created"], form=output.MINUTES) or "with the stack",
                    str({"*": "all", "": "none"}.get(each["channels"], each["channels"])),
                )
                for each in listed
            ],
        )

    return Answer({"projects": listed}, show)


@command(projects, "update", 'lastseen projects update shop --channels ""', takes_key=False)
def update_project(api: Api, name: ProjectName, *, channels: DefaultChannels = None) -> Answer:
    """Change what new checks of a project get."""
    after = api.update_project(_project(name), {} if channels is None else {"channels": channels})
    words = f"New checks of {name} get these channels: {one_line(after['channels']) or 'none'}."
    return Answer(after, lambda: output.say(words))


@command(projects, "delete", "lastseen projects delete shop --yes", takes_key=False)
def delete_project(api: Api, name: ProjectName, *, yes: Yes = False) -> Answer:
    """Delete a project that has neither checks nor channels; its keys are revoked."""
    _project(name)
    output.confirm(f"Delete the project {name}? Its keys are revoked.", yes=yes)
    api.delete_project(name)
    return Answer({"name": name}, lambda: output.say(f"Deleted the project {name}."))


def _project(name: str) -> str:
    """Return a name that a project can have. Raises UsageError."""
    if not PROJECT.fullmatch(name):
        raise UsageError(
            f'A project cannot be called "{one_line(name)}": at most 60 of a-z, 0-9 and hyphens, not beginning with a '
            "hyphen."
        )
    return name
