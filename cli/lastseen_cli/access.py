"""The commands `lastseen keys ...` and `lastseen projects ...`: who may do what, and where."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from lastseen_cli import output
from lastseen_cli.connect import connect
from lastseen_cli.options import ApiKey, ApiUrl, AsJson, InProject, Yes

keys = typer.Typer(
    help="Make, list and revoke keys: with a key of the project, or with AWS credentials.", no_args_is_help=True
)
projects = typer.Typer(help="Make, list and delete projects: with AWS credentials.", no_args_is_help=True)


class Scope(StrEnum):
    """What a key is for."""

    WRITE = "rw"
    READ = "ro"
    PING = "ping"


KeyName = Annotated[str, typer.Argument(help="Who uses it, so that you can revoke it later without guessing.")]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id: lastseen keys list")]
ProjectName = Annotated[str, typer.Argument(metavar="PROJECT", help="Its name: a-z, 0-9 and hyphens.")]
DefaultChannels = Annotated[
    str | None,
    typer.Option(
        "--channels",
        help='What new checks get: "*" all channels (the default), "" none, or ids or names with commas between.',
    ),
]


@keys.command("create")
def create_key(
    name: KeyName,
    *,
    scope: Annotated[
        Scope, typer.Option(help="rw does everything in its project, ro reads, ping is for ping URLs by slug.")
    ] = Scope.WRITE,
    json: AsJson = False,
    project: InProject = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    with connect(api_url, api_key, project) as api:
        made = api.create_key(scope.value, name)
    if json:
        output.as_json(made)
        return
    output.say(f"Made the {scope.value} key {made['id']} of the project {made['project']}. Keep it, it is shown once:")
    output.data(made["key"])


@keys.command("list")
def list_keys(*, json: AsJson = False, project: InProject = "", api_url: ApiUrl = "", api_key: ApiKey = "") -> None:
    """List the project's keys, without the keys. Last use is to the hour; pings do not note it."""
    with connect(api_url, api_key, project) as api:
        found = api.keys()
    if json:
        output.as_json({"keys": found})
        return
    if not found:
        output.say("There is no key. Make one with: lastseen keys create NAME")
        return
    output.table(
        ("ID", "SCOPE", "BEGINS", "NAME", "CREATED", "LAST USED"),
        [
            (
                key["id"],
                key["scope"],
                output.plain(key["hint"]),
                output.plain(key["name"]),
                output.when(key["created"]),
                output.when(key["last_used"]),
            )
            for key in found
        ],
    )


@keys.command("revoke")
def revoke_key(
    key: KeyId, *, yes: Yes = False, project: InProject = "", api_url: ApiUrl = "", api_key: ApiKey = ""
) -> None:
    """Revoke a key: it opens nothing any more. A ping key may still ping for up to a minute."""
    if not yes:
        typer.confirm(f"Revoke the key {key}? Whoever uses it is locked out.", abort=True, err=True)
    with connect(api_url, api_key, project) as api:
        gone = api.revoke_key(key)
    output.say(f"Revoked the {gone['scope']} key {gone['id']} ({gone['name'] or 'without a name'}).")


@projects.command("create")
def create_project(
    name: ProjectName, *, channels: DefaultChannels = None, json: AsJson = False, api_url: ApiUrl = ""
) -> None:
    """Make a project: checks, keys and channels of their own."""
    with connect(api_url, "") as api:
        made = api.create_project({"name": name} | ({} if channels is None else {"channels": channels}))
    if json:
        output.as_json(made)
        return
    output.say(f"Made the project {name}. Make a key of it with: lastseen keys create NAME --project {name}")


@projects.command("list")
def list_projects(*, json: AsJson = False, api_url: ApiUrl = "") -> None:
    """List the projects of the deployment."""
    with connect(api_url, "") as api:
        found = api.projects()
    if json:
        output.as_json({"projects": found})
        return
    output.table(
        ("NAME", "CREATED", "CHANNELS OF NEW CHECKS"),
        [
            (
                each["name"],
                output.when(each["created"]) if each["created"] else "with the stack",
                str({"*": "all", "": "none"}.get(each["channels"], each["channels"])),
            )
            for each in found
        ],
    )


@projects.command("update")
def update_project(name: ProjectName, *, channels: DefaultChannels = None, api_url: ApiUrl = "") -> None:
    """Change what new checks of a project get."""
    with connect(api_url, "") as api:
        held = api.update_project(name, {} if channels is None else {"channels": channels})
    output.say(f"New checks of {name} get these channels: {held['channels'] or 'none'}.")


@projects.command("delete")
def delete_project(name: ProjectName, *, yes: Yes = False, api_url: ApiUrl = "") -> None:
    """Delete a project that has neither checks nor channels; its keys are revoked."""
    if not yes:
        typer.confirm(f"Delete the project {name}? Its keys are revoked.", abort=True, err=True)
    with connect(api_url, "") as api:
        api.delete_project(name)
    output.say(f"Deleted the project {name}.")
