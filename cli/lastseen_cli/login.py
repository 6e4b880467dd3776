"""`lastseen login`, `logout` and `context`: point the command at a deployment once, and choose among several."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import typer

from lastseen_cli import contexts, output, ways
from lastseen_cli.complete import context_names
from lastseen_cli.connect import Answer, command
from lastseen_cli.contexts import Context, Contexts
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.options import ContextName
from lastseen_cli.output import hint, one_line

accounts = typer.Typer()
"""Top-level commands: commands.py adds them to `lastseen` itself."""

context = typer.Typer(help="Choose among the deployments and projects of `lastseen login`.", no_args_is_help=True)

STDIN = "-"
KEY_LIMIT_CHARS = 1_000
SCOPES = {"rw": "it may read and write", "ro": "it may only read"}
LOCAL_SUFFIXES = (".localhost", ".internal")
"""Names that never leave a machine or its network, such as host.docker.internal."""


@command(
    accounts,
    "login",
    "lastseen login https://abc123.execute-api.eu-central-1.amazonaws.com/api",
    "lastseen login https://ping.example.com --name prod --key-file key.txt",
    "pass show shop | lastseen login https://ping.example.com --key-file -",
)
def login(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="Of the deployment: the stack's output ApiUrl. Asked for if not given.",
            show_default=False,
        ),
    ] = "",
    *,
    name: Annotated[
        str, typer.Option(help="What to call this context. Default: its project.", show_default=False)
    ] = "",
    key_file: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Read the key from this file; - is stdin. Default: ask without showing it.",
            show_default=False,
        ),
    ] = "",
) -> Answer:
    """Store the URL and a key of a deployment, and use them from now on, unless something else is named.

    It asks the deployment which project the key is of and what it may do. The key is stored in a file that only you can
    read, and never taken from the command line, which a shell would remember. Make a key with AWS credentials:
    `lastseen keys create`.
    """
    if name and not contexts.NAME.fullmatch(name):
        raise UsageError(
            f'A context cannot be called "{one_line(name)}": letters, digits and . _ - only, 60 at most, and no - or . '
            "at its beginning."
        )
    environ = os.environ  # noqa: TID251 - where contexts are
    contexts.read(environ)  # nobody types a key for a file that is damaged
    api_url = _api_url(url or _asked_url())
    made = _asked_api(api_url, _key(key_file, api_url))
    names: list[str] = []

    def added(known: Contexts) -> Contexts:
        names.append(_name(known, made, name))
        return known.including(names[0], made)

    contexts.change(environ, added)
    return Answer({"name": names[0], **_document(made), "current": True}, lambda: _show_login(names[0], made))


@command(accounts, "logout", "lastseen logout", "lastseen logout prod")
def logout(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Its name. Default: the current context.",
            autocompletion=context_names,
            show_default=False,
        ),
    ] = "",
) -> Answer:
    """Forget a context and its key. The key itself goes on working until it is revoked."""
    current = contexts.read(os.environ).current  # noqa: TID251 - where contexts are
    if not (name or current):
        raise UsageError("No context is current. Name one: lastseen context ls")
    return _forgotten(name or current)


@command(context, "ls", "lastseen context ls", "lastseen context ls --json")
def list_contexts() -> Answer:
    """List the contexts, the current one marked; without their keys."""
    known = contexts.read(os.environ)  # noqa: TID251 - where contexts are
    listed = [
        {"name": name, **_document(each), "current": name == known.current}
        for name, each in sorted(known.by_name.items())
    ]

    def show() -> None:
        if not listed:
            output.say("There is no context. Make one with: lastseen login")
            return
        rows = [
            ("*" if each["current"] else "", *(str(each[field]) for field in ("name", "project", "scope", "url")))
            for each in listed
        ]
        output.table(("", "NAME", "PROJECT", "SCOPE", "URL"), rows)

    return Answer({"contexts": listed}, show)


@command(context, "use", "lastseen context use prod")
def use_context(name: ContextName) -> Answer:
    """Make a context the current one: what commands use from now on, unless something else is named."""
    known = contexts.change(os.environ, lambda known: known.using(name))  # noqa: TID251 - where contexts are
    chosen = known.by_name[name]

    def show() -> None:
        output.say(f"The context {one_line(name)} is current: {_words(chosen)}.")
        _warn(name)

    return Answer({"name": name, **_document(chosen), "current": True}, show)


@command(context, "rm", "lastseen context rm prod")
def remove_context(name: ContextName) -> Answer:
    """Forget a context and its key, as `lastseen logout` does."""
    return _forgotten(name)


def _forgotten(name: str) -> Answer:
    environ = os.environ  # noqa: TID251 - where contexts are
    gone: list[Context] = []

    def without(known: Contexts) -> Contexts:
        gone.append(known.named(name))
        return known.without(name)

    known = contexts.change(environ, without)

    def show() -> None:
        revoke = hint("lastseen", "keys", "revoke", gone[0].key_id)
        output.say(f"Forgot the context {one_line(name)}. Its key works until it is revoked: {revoke}")
        if known.by_name and not known.current:
            output.say("No context is current now. Choose one with: lastseen context use NAME")

    return Answer({"name": name, **_document(gone[0]), "current": False}, show)


def _asked_url() -> str:
    if not sys.stdin.isatty():
        raise UsageError("Which deployment? Give its URL: lastseen login https://host/api")
    return str(typer.prompt("URL of the deployment (the stack's output ApiUrl)", err=True))


def _api_url(text: str) -> str:
    """Return the API's URL for what somebody has of a deployment: the API's, or another address of it.

    Raises UsageError for what cannot be one, or would send the key unencrypted over a network.
    """
    wrong = UsageError(  # it may be a key in the URL's place, so it is not shown
        "This is not a deployment's URL. It is like https://host/api: the stack's output ApiUrl."
    )
    try:
        parts = urlsplit(text.strip())
        host = parts.hostname or ""
        has_no_port = parts.port == 0
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in {"http", "https"} or not host or has_no_port or parts.query or parts.fragment:
        raise wrong
    if "@" in parts.netloc:  # it would be stored, and shown with the URL
        raise UsageError("A deployment's URL has no user and password in it: https://host/api. The key is asked for.")
    if parts.scheme == "http" and not _is_near(host):
        raise UsageError(f"With http:// your key would be sent unencrypted to {one_line(host)}. Give the https:// URL.")
    return f"{_site(parts)}/api"


def _site(parts: SplitResult) -> str:
    path = parts.path.rstrip("/")
    for end in ("/api/v3", "/api/v2", "/api/v1", "/api", "/ping"):
        if path.endswith(end):
            path = path.removesuffix(end)
            break
    return f"{parts.scheme}://{parts.netloc}{path}"


def _is_near(host: str) -> bool:
    """Return whether a host is this machine, or a name that only its own network knows."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(LOCAL_SUFFIXES)


def _key(file: str, api_url: str) -> str:
    """Return the key from a file, from stdin if nobody is there to be asked, or from who is. Raises UsageError."""
    if file == STDIN or (not file and not sys.stdin.isatty()):
        key = sys.stdin.read(KEY_LIMIT_CHARS)
    elif file:
        try:
            with Path(file).open(errors="replace") as opened:
                key = opened.read(KEY_LIMIT_CHARS)
        except OSError as error:
            raise UsageError(f"--key-file {file}: {error.strerror}.") from error
    else:
        key = str(typer.prompt("API key (not shown)", hide_input=True, err=True))
    if not key.strip():
        make = hint("lastseen", "keys", "create", "NAME", "--api-url", api_url)
        raise UsageError(f"No key was given. With AWS credentials you can make one: {make}")
    return key.strip()


def _asked_api(api_url: str, key: str) -> Context:
    """Return the context of a key, as its deployment knows it. Raises CliError."""
    from lastseen_cli.api import Api  # noqa: PLC0415 - httpx takes its time

    make = hint("lastseen", "keys", "create", "NAME", "--api-url", api_url)
    with Api(api_url, key, other_key=f"Give another one. With AWS credentials you can make it: {make}") as api:
        known = api.own_key()
    project, scope, key_id = (known.get(field) for field in ("project", "scope", "id"))
    if not (isinstance(project, str) and isinstance(scope, str) and isinstance(key_id, str)):
        raise CliError(f"The API at {api.url} does not say which key this is. Is it one of Lastseen?")
    return Context(url=api_url, key=key, project=project, scope=scope, key_id=key_id)


def _name(known: Contexts, made: Context, asked: str) -> str:
    """Return what a new context is called: as asked, as the one that it renews, or as its project.

    Raises UsageError for a name that another deployment or project has.
    """
    renewed = [name for name, each in known.by_name.items() if (each.url, each.project) == (made.url, made.project)]
    if not asked and renewed:
        return known.current if known.current in renewed else renewed[0]
    host = (urlsplit(made.url).hostname or "").partition(".")[0]
    for name in [asked] if asked else [made.project, f"{made.project}-{host}"]:
        if contexts.NAME.fullmatch(name) and (name not in known.by_name or name in renewed):
            return name
    taken = asked or made.project
    other = f" ({_words(known.by_name[taken])})" if taken in known.by_name else ""
    raise UsageError(
        f"The name {one_line(taken)} is taken{other}. Give another with --name, or forget that one first: "
        f"{hint('lastseen', 'logout', taken)}"
    )


def _words(one: Context) -> str:
    return one_line(f"the project {one.project} at {one.url}, by the key {one.key_id} ({one.scope})")


def _document(one: Context) -> dict[str, object]:
    return {"url": one.url, "project": one.project, "scope": one.scope, "key_id": one.key_id}


def _show_login(name: str, made: Context) -> None:
    scope = SCOPES.get(made.scope, made.scope)
    output.say(one_line(f"Logged in: {_words(made)}; {scope}."))
    path = contexts.file_of(os.environ)  # noqa: TID251 - where contexts are
    output.say(f"It is the current context, {one_line(name)}, stored in {path}, which only you can read.")
    _warn(name)


def _warn(name: str) -> None:
    """Say what comes before the current context here and now."""
    environ = os.environ  # noqa: TID251 - what comes first
    if first := [variable for variable in (ways.API_URL, ways.API_KEY) if environ.get(variable)]:
        output.say(f"But {ways.coming_first(first)}, as long as set here.")
    elif environ.get(ways.CONTEXT, name) != name:
        output.say(f"But {ways.CONTEXT} comes first, as long as set here.")
    elif run := ways.local_run(environ):
        output.say(f"But the `lastseen local` at {run.url} comes first, as long as it runs.")
