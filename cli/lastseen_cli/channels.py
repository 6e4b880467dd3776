"""The commands `lastseen channels ...`: where alerts go, and whether they arrive."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lastseen_cli import output
from lastseen_cli.connect import connect
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.options import ApiKey, ApiUrl, AsJson, InProject, Yes

if TYPE_CHECKING:
    from lastseen_cli.api import Api

channels = typer.Typer(help="Make, list, test and delete channels: mail, SMS, chats, webhooks.", no_args_is_help=True)

POLL_SECONDS = 0.5
WAIT_SECONDS = 90.0
"""How long a test is waited for; a function that was not used for a while takes seconds to start."""

STATES = {"on": "green", "pending": "yellow", "off": "bold red"}


class Status(StrEnum):
    """What an alert says of a check."""

    DOWN = "down"
    UP = "up"


class Method(StrEnum):
    """Of a webhook's request."""

    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    GET = "GET"
    DELETE = "DELETE"


ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help="Its name or id: lastseen channels list")]


@channels.command("create")
def create_channel(
    name: Annotated[str, typer.Argument(help="What it is called: given once per project.")],
    *,
    email: Annotated[str, typer.Option(metavar="ADDRESS", help="Mail, by SNS; whoever reads it has to confirm.")] = "",
    sms: Annotated[str, typer.Option(metavar="NUMBER", help="SMS, by SNS, like +491701234567.")] = "",
    chat: Annotated[
        str,
        typer.Option(
            metavar="URL", help="A chat, as an Apprise URL or the URL that the service shows; - reads it from stdin."
        ),
    ] = "",
    webhook: Annotated[
        str, typer.Option(metavar="URL", help="A request of your own form; - reads the URL from stdin.")
    ] = "",
    method: Annotated[Method, typer.Option(help="Of the webhook.")] = Method.POST,
    header: Annotated[
        list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="Of the webhook; may be repeated.")
    ] = None,
    body: Annotated[
        str, typer.Option(help="Of the webhook, with placeholders like $NAME; else the event as JSON.")
    ] = "",
    only: Annotated[Status | None, typer.Option(help="Only alerts that something went down, or came up again.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only alerts of checks with this tag, or another that is given.")
    ] = None,
    on_demand: Annotated[
        bool, typer.Option("--on-demand", help="Only alerts of checks that name this channel; not of those with all.")
    ] = False,
    json: AsJson = False,
    project: InProject = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Make a channel: give one of --email, --sms, --chat, --webhook."""
    via, target = _target(email=email, sms=sms, chat=chat, webhook=webhook)
    settings: dict[str, Any] = {"name": name, "via": via, "target": target, "default": not on_demand, "tags": tag or []}
    settings["statuses"] = [only.value] if only else []
    if via == "webhook":
        settings["webhook"] = {"method": method.value, "headers": _headers(header or []), "body": body}
    elif header or body:
        raise UsageError("--header and --body belong to --webhook.")
    with connect(api_url, api_key, project) as api:
        made = api.create_channel(settings)
    if json:
        output.as_json(made)
        return
    output.say(f"Made the channel {made['name']}.")
    if made["secret"]:
        output.say("Its requests are signed with this secret; keep it, it is shown once:")
        output.data(made["secret"])
    if made["state"] == "pending":
        output.say(
            f"AWS has mailed {made['to']} a link. Do not open it: copy it, and run\n"
            f"  lastseen channels confirm '{made['name']}' 'LINK'\n"
            "so that no mail scanner that opens links can unsubscribe the address."
        )
    else:
        output.say(f"Try it: lastseen channels test '{made['name']}'")


@channels.command("list")
def list_channels(*, json: AsJson = False, project: InProject = "", api_url: ApiUrl = "", api_key: ApiKey = "") -> None:
    """List the project's channels, whether they work, and what became of their last alert."""
    with connect(api_url, api_key, project) as api:
        found = api.channels()
    if json:
        output.as_json({"channels": found})
        return
    if not found:
        output.say("There is no channel. Make one with: lastseen channels create NAME --email you@example.com")
        return
    output.table(
        ("STATE", "NAME", "KIND", "TO", "TAKES", "LAST ALERT"),
        [
            (
                f"[{STATES[each['state']]}]{each['state']}[/]",
                output.plain(each["name"]),
                each["kind"],
                output.plain(each["to"]),
                output.plain(_takes(each)),
                output.plain(each["why"] or _last(each["last_delivery"])),
            )
            for each in found
        ],
    )


@channels.command("test")
def try_channel(channel: ChannelName, *, project: InProject = "", api_url: ApiUrl = "", api_key: ApiKey = "") -> None:
    """Send a marked test alert the whole way, and say whether it arrived at the provider.

    A channel that is off is tried too; if it takes the test, it is on again.
    """
    with connect(api_url, api_key, project) as api:
        state = _waited(api, channel, api.test_channel(channel))
    match state["result"]:
        case "delivered":
            output.say(f"The test arrived at {channel}.")
        case "sent":
            output.say(f"AWS has taken the test for {channel}, and tells no further. Look whether it arrived.")
        case "refused":
            raise CliError(f"{channel} refused the test: {state['why']}. Make the channel anew with its right address.")
        case "again":
            raise CliError(f"{channel} did not take the test: {state['why']}. It is tried again for over an hour.")
        case _:
            raise CliError(
                f"Nothing was heard of the test for {WAIT_SECONDS:.0f} seconds. See the log of the deliver function."
            )


@channels.command("confirm")
def confirm_channel(
    channel: ChannelName,
    link: Annotated[str, typer.Argument(help="The link of AWS's mail, or the token in it.")],
    *,
    project: InProject = "",
    api_url: ApiUrl = "",
    api_key: ApiKey = "",
) -> None:
    """Confirm an address of mail, so that only AWS credentials can unsubscribe it, and no mail scanner."""
    with connect(api_url, api_key, project) as api:
        confirmed = api.confirm_channel(channel, link)
    output.say(f"{confirmed['to']} gets alerts now. Try it: lastseen channels test '{confirmed['name']}'")


@channels.command("delete")
def delete_channel(
    channel: ChannelName, *, yes: Yes = False, project: InProject = "", api_url: ApiUrl = "", api_key: ApiKey = ""
) -> None:
    """Delete a channel, and with it its subscription."""
    if not yes:
        typer.confirm(f"Delete the channel {channel}? It gets no alerts any more.", abort=True, err=True)
    with connect(api_url, api_key, project) as api:
        gone = api.delete_channel(channel)
    output.say(f"Deleted the channel {gone['name']}.")
    if gone["state"] == "pending":
        output.say("Nobody had confirmed its address. Leave AWS's mail alone: it is void in two days.")


def _target(**given: str) -> tuple[str, str]:
    """Return how the channel is reached, and where. Raises UsageError unless just one way is given."""
    ways = {via: target for via, target in given.items() if target}
    if len(ways) != 1:
        raise UsageError("Give one of --email, --sms, --chat, --webhook.")
    [(via, target)] = ways.items()
    return via, sys.stdin.readline().strip() if target == "-" else target


def _headers(lines: list[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise UsageError(f"--header {line!r}: write it like 'Name: value'.")
        headers[name.strip()] = value.strip()
    return headers


def _waited(api: Api, channel: str, state: dict[str, Any]) -> dict[str, Any]:
    give_up = time.monotonic() + WAIT_SECONDS
    while state["result"] == "waiting" and time.monotonic() < give_up:
        time.sleep(POLL_SECONDS)
        state = api.tested_channel(channel, state["test"])
    return state


def _takes(channel: dict[str, Any]) -> str:
    said = "all" if channel["default"] else "on demand"
    if channel["statuses"]:
        said += f", {' '.join(channel['statuses'])} only"
    return said + (f", tags {' '.join(channel['tags'])}" if channel["tags"] else "")


def _last(delivery: dict[str, Any] | None) -> str:
    if delivery is None:
        return ""
    why = f": {delivery['why']}" if delivery["why"] else ""
    word = "to be tried again" if delivery["result"] == "again" else delivery["result"]
    return f"{output.when(delivery['at'])} {word}{why}"
