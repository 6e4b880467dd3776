"""What all commands share: how they are declared, how they get in, and how they answer.

`command` adds the options that every command has. A function whose first parameter is `api` gets the API: by the key
that is set, else by AWS credentials; the URL is given, or looked up in the stack. With neither URL nor key it is that
of a running `lastseen local`. It returns an Answer, which is printed as JSON if that is asked for, else in words.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import typer

from lastseen_cli import output
from lastseen_cli.errors import UsageError
from lastseen_cli.local import state
from lastseen_cli.options import ApiKey, ApiUrl, AsJson, InProject

if TYPE_CHECKING:
    from lastseen_cli.api import Api

F = TypeVar("F", bound=Callable[..., Any])
ACCESS: dict[str, Any] = {"project": InProject, "api_url": ApiUrl, "api_key": ApiKey}
"""The options that say how a command gets in."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found or did: for programs, for people, and as an exit status."""

    document: object
    show: Callable[[], None]
    exit_code: int = 0


def command(group: typer.Typer, name: str, *examples: str, takes_key: bool = True) -> Callable[[F], F]:
    """Declare a command of a group: its help ends with the examples, its options are completed by those of all.

    `takes_key`: it works with a key; else with AWS credentials only, whether or not a key is set.
    """
    ways = ACCESS if takes_key else {"api_url": ApiUrl}

    def declared(function: F) -> F:
        hints = get_type_hints(function, localns={"Api": object}, include_extras=True)
        parameters = list(inspect.signature(function).parameters.values())
        wants_api = parameters[0].name == "api" if parameters else False
        asks_json = "json" in hints  # it prints its own
        own = [one.replace(annotation=hints[one.name]) for one in parameters[wants_api:]]
        added: dict[str, Any] = ({} if asks_json else {"json": AsJson}) | (ways if wants_api else {})

        def run(**given: Any) -> None:
            access = {option: given.pop(option) for option in added if option in ways}
            json = given["json"] if asks_json else given.pop("json")
            with connect(**access) if wants_api else nullcontext() as api:
                answer = function(api, **given) if wants_api else function(**given)
                if answer is not None:
                    _print(answer, json=json)

        keyword = inspect.Parameter.KEYWORD_ONLY
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # Typer reads it
            [*(one.replace(kind=keyword) for one in own), *(_option(option, added[option]) for option in added)]
        )
        run.__annotations__ = {one.name: one.annotation for one in own} | added
        run.__doc__ = function.__doc__
        group.command(name, epilog="\n\n".join(["Examples:", *(f"$ {line}" for line in examples)]))(run)
        return function

    return declared


def connect(api_url: str, api_key: str | None = None, project: str = "", *, timeout: float | None = None) -> Api:
    """Return the API that the options name; `timeout` is for each request, in seconds.

    `api_key`: empty if none is set, None if none would do. Raises UsageError, CliError.
    """
    from lastseen_cli.api import TIMEOUT_SECONDS, Api  # noqa: PLC0415 - httpx takes its time

    # A file or a secret often ends with a line end.
    api_url, api_key = api_url.strip(), api_key if api_key is None else api_key.strip()
    if api_key and project:
        raise UsageError("--project goes with AWS credentials: a key belongs to one project. Unset LASTSEEN_API_KEY.")
    if api_key and api_url:
        return Api(api_url, api_key, timeout=timeout or TIMEOUT_SECONDS)
    run = None if api_url or api_key else enter_local(quiet=timeout is not None)  # a shell completes
    from lastseen_cli import aws  # noqa: PLC0415 - so does boto3

    api_url = f"{run.url}/api" if run else api_url
    timeout = timeout or TIMEOUT_SECONDS
    api_url = api_url or aws.api_url()
    if api_key:
        return Api(api_url, api_key, timeout=timeout)
    return Api(api_url, signer=aws.signer(api_url, or_key=api_key is not None), project=project, timeout=timeout)


def enter_local(*, quiet: bool = False) -> state.LocalRun | None:
    """Call AWS in the emulator of a running `lastseen local` from now on, if there is one, and say so.

    A user who named an endpoint of AWS, or set LASTSEEN_LOCAL=0, means another deployment.
    """
    environ = os.environ  # noqa: TID251 - the environment of a command
    run = None if environ.get("AWS_ENDPOINT_URL") else state.running(environ)
    if run:
        run.enter(environ)
    if run and not quiet:
        output.say(f"Using the `lastseen local` at {run.url}. For another deployment: {state.SWITCH}=0")
    return run


def _print(answer: Answer, *, json: bool) -> None:
    if json:
        output.as_json(answer.document)
    else:
        answer.show()
    if answer.exit_code:
        raise typer.Exit(answer.exit_code)


def _option(name: str, annotation: Any) -> inspect.Parameter:
    default = False if name == "json" else ""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
