"""What all commands share: how they are declared, how they get in, and how they answer.

`command` adds the options that every command has. A function whose first parameter is `api` gets the API, as ways.py
decides; one whose first parameter is `access` gets what was asked for, to connect later. It returns an Answer, which is
printed as JSON if that is asked for, else in words.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import typer

from lastseen_cli import output, ways
from lastseen_cli.errors import UsageError
from lastseen_cli.local import state
from lastseen_cli.options import ApiKey, ApiUrl, AsJson, InContext, InProject
from lastseen_cli.output import hint
from lastseen_cli.ways import Access

if TYPE_CHECKING:
    from lastseen_cli.api import Api

F = TypeVar("F", bound=Callable[..., Any])
ACCESS: dict[str, Any] = {"context": InContext, "project": InProject, "api_url": ApiUrl, "api_key": ApiKey}
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
    entries = ACCESS if takes_key else {name: ACCESS[name] for name in ("context", "api_url")}

    def declared(function: F) -> F:
        hints = get_type_hints(function, localns={"Api": object}, include_extras=True)
        parameters = list(inspect.signature(function).parameters.values())
        wants = parameters[0].name if parameters and parameters[0].name in {"api", "access"} else ""
        asks_json = "json" in hints  # it prints its own
        own = [one.replace(annotation=hints[one.name]) for one in parameters[bool(wants) :]]
        added: dict[str, Any] = ({} if asks_json else {"json": AsJson}) | (entries if wants else {})

        def run(line: typer.Context, **given: Any) -> None:
            access = Access.of(line, **{option: given.pop(option) for option in added if option in entries})
            json = given["json"] if asks_json else given.pop("json")
            with connect(access) if wants == "api" else nullcontext(access) as entered:
                answer = function(entered, **given) if wants else function(**given)
                if answer is not None:
                    _print(answer, json=json)

        keyword = inspect.Parameter.KEYWORD_ONLY
        line = inspect.Parameter("line", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        options = [_option(option, added[option]) for option in added]
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # Typer reads it
            [line, *(one.replace(kind=keyword) for one in own), *options]
        )
        run.__annotations__ = {"line": typer.Context} | {one.name: one.annotation for one in own} | added
        run.__doc__ = function.__doc__
        group.command(name, epilog="\n\n".join(["Examples:", *(f"$ {example}" for example in examples)]))(run)
        return function

    return declared


def connect(access: Access, *, timeout: float | None = None) -> Api:
    """Return the API that was asked for; `timeout` is for each request, in seconds, where a shell completes.

    Raises UsageError, CliError.
    """
    from lastseen_cli.api import TIMEOUT_SECONDS, Api  # noqa: PLC0415 - httpx takes its time

    environ = os.environ  # noqa: TID251 - the environment of a command
    way = ways.find(access, environ)
    if way.api_key and way.project:
        raise UsageError("--project goes with AWS credentials: a key belongs to one project. Unset LASTSEEN_API_KEY.")
    if way.note and timeout is None:
        output.say(way.note)
    if way.local:
        way.local.enter(environ)
    timeout = timeout or TIMEOUT_SECONDS
    if way.api_key and way.api_url:
        again = hint("lastseen", "login", way.api_url, "--name", way.context_name) if way.context_name else ""
        return Api(way.api_url, way.api_key, timeout=timeout, other_key=f"Log in again: {again}" if again else "")
    from lastseen_cli import aws  # noqa: PLC0415 - so does boto3

    api_url = way.api_url or aws.api_url()
    if way.api_key:
        return Api(api_url, way.api_key, timeout=timeout)
    signer = aws.signer(api_url, or_key=way.api_key is not None)
    return Api(api_url, signer=signer, project=way.project, timeout=timeout)


def enter_local() -> state.LocalRun | None:
    """Call AWS in the emulator of a running `lastseen local` from now on, if there is one, and say so."""
    environ = os.environ  # noqa: TID251 - the environment of a command
    if run := ways.local_run(environ):
        run.enter(environ)
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
