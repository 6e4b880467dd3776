"""Which deployment a command talks to, and as whom: the one place that decides. docs/contexts.md tells users.

The first of these that is there:

1. what the command line names: `--api-url`, `--api-key`, or `--context`
2. LASTSEEN_API_URL and LASTSEEN_API_KEY
3. LASTSEEN_CONTEXT
4. a running `lastseen local`
5. the current context
6. the stack Lastseen of the AWS account

What is used without being named, 4 and 5, is said on stderr. `lastseen local` comes before the current context because
it was started just now, on purpose, and because a command that is wrong about it does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lastseen_cli import contexts
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.local import state
from lastseen_cli.output import hint, one_line

if TYPE_CHECKING:
    import typer

API_URL, API_KEY, CONTEXT = "LASTSEEN_API_URL", "LASTSEEN_API_KEY", "LASTSEEN_CONTEXT"


@dataclass(frozen=True, slots=True)
class Access:
    """How a command was asked to get in, by its options and their variables."""

    api_url: str = ""
    api_key: str | None = ""  # None: no key would do
    project: str = ""
    context: str = ""
    typed: frozenset[str] = frozenset()
    """Which of these stand on the command line; the others are from the environment."""

    @classmethod
    def of(cls, line: typer.Context, **values: str) -> Access:
        """Return what a command line and its environment ask for."""
        typed = {name for name in values if getattr(line.get_parameter_source(name), "name", "") == "COMMANDLINE"}
        return cls(typed=frozenset(typed), **{"api_key": None, **values})  # type: ignore[arg-type] # mypy sees one type

    def stripped(self) -> Access:
        """Return it without blanks around its values: a file or a secret often ends with a line end."""
        key = None if self.api_key is None else self.api_key.strip()
        return replace(
            self, api_url=self.api_url.strip(), api_key=key, project=self.project.strip(), context=self.context.strip()
        )


@dataclass(frozen=True, slots=True)
class Way:
    """Where the API is and who calls it: with a key, or else with AWS credentials for a project."""

    api_url: str = ""  # empty: looked up in the stack
    api_key: str | None = ""
    project: str = ""
    local: state.LocalRun | None = None
    context_name: str = ""
    note: str = ""  # what the user should know


def find(access: Access, environ: Mapping[str, str]) -> Way:
    """Return the way that a command takes. Raises UsageError, CliError."""
    access = access.stripped()
    has_typed_values = bool({"api_url", "api_key"} & access.typed)
    if access.context and "context" in access.typed:
        if has_typed_values:
            raise UsageError("--context excludes --api-url and --api-key: a context is a URL with a key.")
        return _by_context(access, environ, access.context)
    if access.api_url or access.api_key:
        is_overlooked = access.context and not has_typed_values
        first = coming_first(name for name, value in ((API_URL, access.api_url), (API_KEY, access.api_key)) if value)
        note = f"{CONTEXT}={one_line(access.context)} is not used: {first}." if is_overlooked else ""
        return Way(access.api_url, access.api_key, access.project, note=note)
    if access.context:
        return _by_context(access, environ, access.context)
    if run := local_run(environ):
        return Way(f"{run.url}/api", access.api_key, access.project, run, note=_about_local(run, environ))
    if current := contexts.read(environ).current:
        way = _by_context(access, environ, current)
        by = ", with your AWS credentials" if access.api_key is None else ""
        return replace(way, note=f"Using the context {one_line(current)}: {one_line(way.api_url)}{by}.")
    return Way("", access.api_key, access.project)


def coming_first(variables: Iterable[str]) -> str:
    """Return in words that these variables decide."""
    names = list(variables)
    return f"{' and '.join(names)} {'come' if len(names) > 1 else 'comes'} first"


def local_run(environ: Mapping[str, str]) -> state.LocalRun | None:
    """Return the running `lastseen local` that commands use if nothing else is named.

    A user who named an endpoint of AWS, or set LASTSEEN_LOCAL=0, means another deployment.
    """
    return None if environ.get("AWS_ENDPOINT_URL") else state.running(environ)


def _by_context(access: Access, environ: Mapping[str, str], name: str) -> Way:
    context = contexts.read(environ).named(name)
    if access.api_key is None:  # the context says where; AWS credentials say who
        return Way(context.url, None, context_name=name)
    if access.project and access.project != context.project:
        raise UsageError(
            f"--project {one_line(access.project)}: the context {one_line(name)} is a key of the project "
            f"{one_line(context.project)}. Use a context of that project (lastseen context ls), or your AWS "
            f"credentials: {hint('--api-url', context.url)}"
        )
    return Way(context.url, context.key, context_name=name)


def _about_local(run: state.LocalRun, environ: Mapping[str, str]) -> str:
    try:
        current = contexts.read(environ).current
    except CliError:  # it is not needed here
        current = ""
    instead = f", not the context {one_line(current)}" if current else ""
    return f"Using the `lastseen local` at {run.url}{instead}. For another deployment: {state.SWITCH}=0"
