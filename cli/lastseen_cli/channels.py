"""The commands `lastseen channels ...`: where alerts go, and whether they arrive.

Never here: which kinds of targets there are; the API reads them.
"""

from __future__ import annotations

import re
import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lastseen_cli import find, output
from lastseen_cli.connect import Answer, command
from lastseen_cli.errors import CliError, RefusedError, UsageError
from lastseen_cli.options import ChannelName, Yes
from lastseen_cli.output import Styled, hint, one_line

if TYPE_CHECKING:
    from lastseen_cli.api import Api, Document

channels = typer.Typer(
    help="Make, list, change, test and delete channels: mail, SMS, chats, webhooks.", no_args_is_help=True
)

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


class Only(StrEnum):
    """Which alerts a channel takes."""

    DOWN = "down"
    UP = "up"
    ALL = "all"


class Method(StrEnum):
    """Of a webhook's request."""

    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    GET = "GET"
    DELETE = "DELETE"


Headers = Annotated[
    list[str] | None, typer.Option("--header", metavar="'NAME: VALUE'", help="Of a webhook; repeatable.")
]
Body = Annotated[str, typer.Option(help="Of a webhook, with placeholders like $NAME; else the event as JSON.")]
HttpMethod = Annotated[Method | None, typer.Option("--method", help="Of a webhook; POST if none is given.")]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", help="Only alerts of checks with this tag, or another that is given; repeatable."),
]


@command(
    channels,
    "create",
    "lastseen channels create ops ops@example.com",
    "lastseen channels create team https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    'lastseen channels create "on call" +491701234567 --only down --tag prod',
)
def create_channel(
    api: Api,
    name: Annotated[str, typer.Argument(help="What it is called: given once per project.")],
    target: Annotated[
        str,
        typer.Argument(
            help="Where alerts go: an address of mail, a number, the URL that a chat shows or an Apprise URL, a "
            "PagerDuty integration key, a URL of your own; - reads it from stdin."
        ),
    ] = "",
    *,
    email: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The same, as mail by SNS: its reader confirms it.")
    ] = "",
    sms: Annotated[str, typer.Option(metavar="NUMBER", help="The same, as SMS by SNS, like +491701234567.")] = "",
    chat: Annotated[str, typer.Option(metavar="URL", help="The same, as a chat; - reads it from stdin.")] = "",
    webhook: Annotated[
        str, typer.Option(metavar="URL", help="The same, as an HTTP request of your own; - reads it from stdin.")
    ] = "",
    method: HttpMethod = None,
    header: Headers = None,
    body: Body = "",
    only: Annotated[Status | None, typer.Option(help="Only alerts that something went down, or came up again.")] = None,
    tag: Tags = None,
    on_demand: Annotated[
        bool, typer.Option("--on-demand", help="Only alerts of checks that name this channel; not of those with all.")
    ] = False,
) -> Answer:
    """Make a channel from its target, whatever that is."""
    _check_name(name)
    via, target = _target(target, email=email, sms=sms, chat=chat, webhook=webhook)
    form = _form(method, header, body)
    if form and via not in {"", "webhook"}:
        raise UsageError("--method, --header and --body belong to a webhook.")
    settings: dict[str, Any] = {"name": name, "via": via, "target": target, "default": not on_demand, "tags": tag or []}
    settings["statuses"] = [only.value] if only else []
    made = api.create_channel(settings | form)
    return Answer(made, lambda: _show_made(made))


def _show_made(made: Document) -> None:
    output.say(f"Made the channel {one_line(made['name'])}: {one_line(made['kind'])}.")
    _show_secret(made)
    if made["state"] == "pending":
        _show_pending(made)
    else:
        output.say(f"Try it: {_hint('test', made)}")


def _show_secret(channel: Document) -> None:
    if channel["secret"]:
        output.say("Its requests are signed with this secret; keep it, it is shown only now:")
        output.data(channel["secret"])


@command(
    channels,
    "update",
    "lastseen channels update team https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/2Oo8qV0jZSgDfZ3hKxJ4mCq1",
    "lastseen channels update team --name chat --only down --no-tags",
)
def update_channel(
    api: Api,
    channel: ChannelName,
    target: Annotated[
        str,
        typer.Argument(
            help="Its new target; it replaces the old one only if it takes a test alert. - reads it from stdin.",
            show_default=False,
        ),
    ] = "",
    *,
    name: Annotated[str, typer.Option(help="Another name.")] = "",
    method: HttpMethod = None,
    header: Headers = None,
    body: Body = "",
    only: Annotated[Only | None, typer.Option(help="Only alerts of this kind, or all.")] = None,
    tag: Tags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Alerts of checks with whatever tags.")] = False,
    on_demand: Annotated[
        bool | None,
        typer.Option("--on-demand/--always", help="Only alerts of checks that name it, or also of those with all."),
    ] = None,
) -> Answer:
    """Change a channel; what is not given stays. Checks go on to list it.

    Of a webhook, --method, --header and --body are given anew together. The target of mail and SMS stays: their reader
    has to confirm it.
    """
    if tag and no_tags:
        raise UsageError("Give --tag or --no-tags.")
    settings: dict[str, Any] = {}
    if name:
        _check_name(name)
        settings["name"] = name
    if target:
        settings["target"] = _read(target)
    if only:
        settings["statuses"] = [] if only is Only.ALL else [only.value]
    if tag or no_tags:
        settings["tags"] = tag or []
    if on_demand is not None:
        settings["default"] = not on_demand
    settings |= _form(method, header, body)
    if not settings:
        raise UsageError("Nothing to change: give a target or an option. See: lastseen channels update --help")
    changed = api.update_channel(find.channel(api, channel)["id"], settings)

    def show() -> None:
        tested = " It took a test alert." if target else ""
        output.say(f"Changed the channel {one_line(changed['name'])}: {one_line(changed['kind'])}.{tested}")
        _show_secret(changed)

    return Answer(changed, show)


@command(channels, "list", "lastseen channels list")
def list_channels(api: Api) -> Answer:
    """List the project's channels, whether they work, and what became of their last alert."""
    listed = api.channels()

    def show() -> None:
        if not listed:
            output.say("There is no channel. Make one with: lastseen channels create NAME you@example.com")
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
            raise CliError(
                f"{name} refused the test: {why}. Give it its right address: {_hint('update', found)} TARGET"
            )
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


@command(channels, "ask-again", "lastseen channels ask-again ops")
def ask_again(api: Api, channel: ChannelName) -> Answer:
    """Let AWS mail a reader again who has not confirmed, or whose address was unsubscribed."""
    asked = api.ask_again(find.channel(api, channel)["id"])
    return Answer(asked, lambda: _show_pending(asked))


@command(
    channels,
    "delete",
    'lastseen channels delete "team chat" --yes',
    'lastseen channels delete "team chat" --replace-by ops',
)
def delete_channel(
    api: Api,
    channel: ChannelName,
    *,
    replace_by: Annotated[
        str, typer.Option(metavar="CHANNEL", help="Checks that list it get this one in its place.")
    ] = "",
    detach: Annotated[bool, typer.Option("--detach", help="Checks that list it go without.")] = False,
    yes: Yes = False,
) -> Answer:
    """Delete a channel, and with it its subscription. What is open in an incident tool is closed there.

    One that checks list is deleted only with --replace-by or --detach.
    """
    if replace_by and detach:
        raise UsageError("Give --replace-by or --detach.")
    found = find.channel(api, channel)
    successor = find.channel(api, replace_by) if replace_by else None
    name = one_line(found["name"])
    output.confirm(f"Delete the channel {name}? It gets no more alerts.", yes=yes)
    try:
        deleted = api.delete_channel(found["id"], replace_by=successor["id"] if successor else "", detach=detach)
    except RefusedError as error:
        words = str(error).replace("replace_by=CHANNEL", "--replace-by CHANNEL").replace("detach=1", "--detach")
        raise CliError(words) from error

    def show() -> None:
        output.say(f"Deleted the channel {name}.")
        _show_changed(deleted, successor)
        if deleted["state"] == "pending":
            output.say("Nobody had confirmed its address. Ignore AWS's mail: its link expires in two days.")

    return Answer(deleted, show)


def _show_changed(deleted: Document, successor: Document | None) -> None:
    """Say which checks listed a channel that is gone, and which of them alert nobody of the project now."""
    if deleted["changed"] and successor:
        output.say(f"{one_line(successor['name'])} takes its place for: {_names(deleted['changed'])}.")
    elif deleted["changed"]:
        output.say(f"These checks go without: {_names(deleted['changed'])}.")
    if deleted["without"]:
        output.say(f"No channel is left for: {_names(deleted['without'])}; they alert the deployment's addresses only.")


def _names(names: list[str]) -> str:
    return ", ".join(one_line(name) for name in names)


def _show_pending(channel: Document) -> None:
    output.say(
        f"AWS has mailed {one_line(channel['to'])} a link. Do not open it: copy it, and run\n"
        f"  {_hint('confirm', channel)} 'LINK'\n"
        "so that no mail scanner that opens links can unsubscribe the address."
    )


def _hint(verb: str, channel: Document) -> str:
    """Return a command for a channel: by its name where a shell shows and takes it, else by its id."""
    name = channel["name"]
    is_plain = name.isprintable() and not name.startswith("-")
    return hint("lastseen", "channels", verb, name if is_plain else channel["id"])


def _check_name(name: str) -> None:
    if NO_URL.search(name):
        raise UsageError(
            f'A channel cannot be called "{one_line(name)}": a name has none of / \\ ? # % and is not . or ..'
        )


def _target(target: str, **given: str) -> tuple[str, str]:
    """Return how the channel is reached, "" if that follows from its target, and the target. Raises UsageError."""
    ways = {via: each for via, each in {"": target, **given}.items() if each}
    if len(ways) != 1:
        raise UsageError(
            "Give one target: lastseen channels create NAME TARGET, or one of --email, --sms, --chat, --webhook."
        )
    [(via, each)] = ways.items()
    return via, _read(each)


def _read(target: str) -> str:
    return sys.stdin.readline().strip() if target == "-" else target


def _form(method: Method | None, header: list[str] | None, body: str) -> dict[str, Any]:
    """Return how a webhook's request looks, if anything is said of that."""
    if not (method or header or body):
        return {}
    return {"webhook": {"method": (method or Method.POST).value, "headers": _headers(header or []), "body": body}}


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
