"""The commands `lastseen channels ...`: where alerts go, and whether they arrive."""

from __future__ import annotations

import re
import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lastseen_cli import find, output
from lastseen_cli.connect import Answer, command
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.options import ChannelName, Yes
from lastseen_cli.output import Styled, hint, one_line

if TYPE_CHECKING:
    from lastseen_cli.api import Api, Document

channels = typer.Typer(help="Make, list, test and delete channels: mail, SMS, chats, webhooks.", no_args_is_help=True)

NO_URL = re.compile(r"[/\\?#%]|\A\.{1,2}\Z")
"""What a name cannot have, because no URL can have it in its path: other clients address channels by name."""

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


@command(
    channels,
    "create",
    "lastseen channels create ops --email ops@example.com",
    'lastseen channels create "team chat" --chat slack://TokenA/TokenB/TokenC --only down',
)
def create_channel(
    api: Api,
    name: Annotated[str, typer.Argument(help="What it is called: given once per project.")],
    *,
    email: Annotated[str, typer.Option(metavar="ADDRESS", help="E-mail, by SNS; its reader has to confirm it.")] = "",
    sms: Annotated[str, typer.Option(metavar="NUMBER", help="SMS, by SNS, like +491701234567.")] = "",
    chat: Annotated[
        str,
        typer.Option(
            metavar="URL", help="A chat, as an Apprise URL or the URL that the service shows; - reads it from stdin."
        ),
    ] = "",
    webhook: Annotated[
        str, typer.Option(metavar="URL", help="An HTTP request of your own; - reads the URL from stdin.")
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
) -> Answer:
    """Make a channel: give one of --email, --sms, --chat, --webhook."""
    if NO_URL.search(name):
        raise UsageError(
            f'A channel cannot be called "{one_line(name)}": a name has none of / \\ ? # % and is not . or ..'
        )
    via, target = _target(email=email, sms=sms, chat=chat, webhook=webhook)
    settings: dict[str, Any] = {"name": name, "via": via, "target": target, "default": not on_demand, "tags": tag or []}
    settings["statuses"] = [only.value] if only else []
    if via == "webhook":
        settings["webhook"] = {"method": method.value, "headers": _headers(header or []), "body": body}
    elif header or body:
        raise UsageError("--header and --body belong to --webhook.")
    made = api.create_channel(settings)
    return Answer(made, lambda: _show_made(made))


def _show_made(made: Document) -> None:
    output.say(f"Made the channel {one_line(made['name'])}.")
    if made["secret"]:
        output.say("Its requests are signed with this secret; keep it, it is shown only now:")
        output.data(made["secret"])
    if made["state"] == "pending":
        output.say(
            f"AWS has mailed {one_line(made['to'])} a link. Do not open it: copy it, and run\n"
            f"  {_hint('confirm', made)} 'LINK'\n"
            "so that no mail scanner that opens links can unsubscribe the address."
        )
    else:
        output.say(f"Try it: {_hint('test', made)}")


@command(channels, "list", "lastseen channels list")
def list_channels(api: Api) -> Answer:
    """List the project's channels, whether they work, and what became of their last alert."""
    listed = api.channels()

    def show() -> None:
        if not listed:
            output.say("There is no channel. Make one with: lastseen channels create NAME --email you@example.com")
            return
        output.table(
            ("STATE", "NAME", "KIND", "TO", "TAKES", "LAST ALERT"),
            [
                (
                    Styled(each["state"], STATES.get(each["state"], "")),
                    each["name"],
                    each["kind"],
                    each["to"],
                    _takes(each),
                    each["why"] or _last(each["last_delivery"]),
                )
                for each in listed
            ],
        )

    return Answer({"channels": listed}, show)


@command(channels, "test", 'lastseen channels test "team chat"')
def try_channel(api: Api, channel: ChannelName) -> Answer:
    """Send a marked test alert the whole way, and say whether it arrived at the provider.

    A channel that is off is tried too; if it takes the test, it is on again.
    """
    found = find.channel(api, channel)
    name, state = one_line(found["name"]), _waited(api, found["id"], api.test_channel(found["id"]))
    why = one_line(state.get("why", ""))
    match state["result"]:
        case "delivered":
            words = f"The test arrived at {name}."
        case "sent":
            words = f"AWS has taken the test for {name}, and reports nothing more. Look whether it arrived."
        case "refused":
            raise CliError(f"{name} refused the test: {why}. Make the channel again with its right address.")
        case "again":
            raise CliError(f"{name} did not take the test: {why}. It is retried for over an hour.")
        case _:
            raise CliError(
                f"No result of the test came in {WAIT_SECONDS:.0f} seconds. Look at the log of the deliver function."
            )
    return Answer(state, lambda: output.say(words))


@command(channels, "confirm", "lastseen channels confirm ops 'LINK'")
def confirm_channel(
    api: Api,
    channel: ChannelName,
    link: Annotated[str, typer.Argument(help="The link of AWS's mail, or the token in it.")],
) -> Answer:
    """Confirm an e-mail address, so that only AWS credentials can unsubscribe it, and no mail scanner."""
    confirmed = api.confirm_channel(find.channel(api, channel)["id"], link)
    words = f"{one_line(confirmed['to'])} gets alerts now. Try it: {_hint('test', confirmed)}"
    return Answer(confirmed, lambda: output.say(words))


@command(channels, "delete", 'lastseen channels delete "team chat" --yes')
def delete_channel(api: Api, channel: ChannelName, *, yes: Yes = False) -> Answer:
    """Delete a channel, and with it its subscription."""
    found = find.channel(api, channel)
    name = one_line(found["name"])
    output.confirm(f"Delete the channel {name}? It gets no more alerts.", yes=yes)
    deleted = api.delete_channel(found["id"])

    def show() -> None:
        output.say(f"Deleted the channel {name}.")
        if deleted["state"] == "pending":
            output.say("Nobody had confirmed its address. Ignore AWS's mail: its link expires in two days.")

    return Answer(deleted, show)


def _hint(verb: str, channel: Document) -> str:
    """Return a command for a channel: by its name where a shell shows and takes it, else by its id."""
    name = channel["name"]
    is_plain = name.isprintable() and not name.startswith("-")
    return hint("lastseen", "channels", verb, name if is_plain else channel["id"])


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


def _waited(api: Api, channel_id: str, state: dict[str, Any]) -> dict[str, Any]:
    give_up = time.monotonic() + WAIT_SECONDS
    while state["result"] == "waiting" and time.monotonic() < give_up:
        time.sleep(POLL_SECONDS)
        state = api.tested_channel(channel_id, state["test"])
    return state


def _takes(channel: dict[str, Any]) -> str:
    takes = "all" if channel["default"] else "on demand"
    if channel["statuses"]:
        takes += f", {' '.join(channel['statuses'])} only"
    return takes + (f", tags {' '.join(channel['tags'])}" if channel["tags"] else "")


def _last(delivery: dict[str, Any] | None) -> str:
    if delivery is None:
        return ""
    why = f": {delivery['why']}" if delivery["why"] else ""
    result = "to be retried" if delivery["result"] == "again" else delivery["result"]
    return f"{output.when(delivery['at'])} {result}{why}"
