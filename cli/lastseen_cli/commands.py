"""All commands together, and those that are no group of their own.

Data goes to stdout, talk to stderr. Exit status: 0 done, 1 failed, 2 not understood, 3 done and something is down, or
differs from the file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lastseen_cli import output
from lastseen_cli.access import keys, projects
from lastseen_cli.channels import channels
from lastseen_cli.checks import checks
from lastseen_cli.connect import Answer, command
from lastseen_cli.daily import daily
from lastseen_cli.discover.commands import discover
from lastseen_cli.errors import DIFFERS, CliError, UsageError
from lastseen_cli.login import accounts, context
from lastseen_cli.migrate.commands import migrate
from lastseen_cli.options import AsJson, Stack, Yes

if TYPE_CHECKING:
    from lastseen_cli.api import Api

app = typer.Typer(
    help="Lastseen alerts a team when a background job goes silent.",
    epilog="Exit status: 0 done, 1 failed, 2 not understood, 3 something is down, or differs from the file.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"]},
)


WITHOUT_AWS = (
    "AWS's library is not installed, which this needs. Run `lastseen login`, or set LASTSEEN_API_URL and "
    'LASTSEEN_API_KEY, to do without; or install all: uv tool install ".[aws]" in a clone of Lastseen.'
)
IN_A_CLONE = (
    "This works in a clone of Lastseen only, by `uv run lastseen`, which installs what it needs: {} is missing here."
)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; errors that are foreseen are explained on stderr."""
    output.prepare()
    try:
        app(list(arguments), prog_name="lastseen")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except CliError as error:
        output.error(str(error))
        return error.exit_code
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in {"lastseen", "lastseen_cli"}:
            raise
        output.error(WITHOUT_AWS if missing in {"boto3", "botocore"} else IN_A_CLONE.format(missing))
        return CliError.exit_code
    return 0


def _version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it with the option's value
    if asked:
        typer.echo(f"lastseen {version('lastseen')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Lastseen alerts a team when a background job goes silent."""


@app.command(
    "exec",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
    short_help="Run a job and ping when it starts, ends and fails.",
)
def exec_(_context: typer.Context) -> None:
    """Stand in the list of commands: main.py calls lastseen_cli.exec before Typer is there."""


@app.command(
    epilog="Examples:\n\n$ lastseen local --demo\n\n$ lastseen local --data ~/.lastseen --env-file .env\n\n"
    "$ lastseen local --export",
)
def local(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the URLs on 127.0.0.1; 0 picks a free one.")
    ] = 8000,
    env_file: Annotated[
        Path | None,
        typer.Option(help="Write the URLs and keys here when all is ready, as LASTSEEN_... lines; removed at exit."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Keep checks, history and keys in this folder from one run to the next.")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Fill the page with made-up jobs, and play three more for you to see alerts.")
    ] = False,
    export: Annotated[
        bool, typer.Option("--export", help="Print the URLs and keys of the one that runs, for `eval`, and exit.")
    ] = False,
) -> None:
    """Run all of Lastseen on this machine until Ctrl-C: no Docker, no AWS account.

    Deploys the same template that `cdk deploy` ships to an AWS emulator on loopback, then shows each ping as it comes
    in and each alert as it reaches a subscriber. As long as it runs, commands that are given neither a URL nor a key
    use it, and say so; LASTSEEN_LOCAL=0 stops that.
    """
    from lastseen_cli.local.command import exports, run_local  # noqa: PLC0415 - only this command pays for boto3

    if export:
        output.data(exports())
        return
    run_local(port=port, env_file=env_file, data=data, demo=demo)


app.add_typer(accounts)
app.add_typer(daily)


@command(
    app,
    "apply",
    "lastseen apply checks.yaml --dry-run",
    "lastseen apply checks/web.yaml checks/db.yaml --prune --yes",
    "generate-checks | lastseen apply -",
)
def apply(
    api: Api,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Checks as YAML: see docs/apply.md; - is stdin.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="With --dry-run: exit status 3 if anything would change.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete the project's checks that are in none of the files.")
    ] = False,
    yes: Yes = False,
    json: AsJson = False,
) -> Answer:
    """Make and change checks so that they are as files say.

    The files are checked as a whole before anything is changed. An entry is recognized by its slug, which is made from
    its name by default; what it does not name stays as it is. Applied twice, it changes nothing the second time.
    """
    from lastseen_cli import apply as work  # noqa: PLC0415 - only this command pays for yaml
    from lastseen_cli import checkfile  # noqa: PLC0415 - and so this one

    if exit_code and not dry_run:
        raise UsageError("--exit-code belongs to --dry-run.")
    entries = checkfile.read(work.contents(files), os.environ)  # noqa: TID251 - for ${NAME}
    steps = work.plan(api, entries, prune=prune)
    same = len(entries) - sum(step.verb != "delete" for step in steps)
    document = {"changes": [step.document() for step in steps], "same": same, "applied": not dry_run}
    if not json:
        work.show(steps, same=same)
    if dry_run or not steps:
        return Answer(document, lambda: None, exit_code=DIFFERS if exit_code and steps else 0)
    gone = [step.name for step in steps if step.verb == "delete"]
    if gone:
        output.confirm(f"Delete {', '.join(gone)}? Their ping URLs stop working.", yes=yes)
    work.run(api, steps)
    return Answer(document, lambda: output.say("Done."))


@command(
    app,
    "doctor",
    "lastseen doctor",
    "lastseen doctor --send-test-alert --stack Lastseen",
    "lastseen doctor --deep --facts facts.json",
)
def doctor(
    *,
    stack: Stack = "Lastseen",
    send_test_alert: Annotated[
        bool, typer.Option("--send-test-alert", help="Let a check of its own fail, so that everybody gets an alert.")
    ] = False,
    project: Annotated[str, typer.Option(help="The project of the test alert.")] = "default",
    deep: Annotated[
        bool, typer.Option("--deep", help="Try it out and measure it: takes minutes and sends test alerts.")
    ] = False,
    deadlines: Annotated[
        int, typer.Option(min=1, max=100, help="With --deep: how many test deadlines are missed, 25 s apart.")
    ] = 10,
    facts: Annotated[
        Path | None, typer.Option(help="With --deep: write what was measured to this file as JSON, without secrets.")
    ] = None,
    yes: Yes = False,
) -> Answer:
    """Look at a deployment with your AWS credentials, and report what could cause trouble.

    It reads quotas, subscriptions, alarms, dead letters, tables, throttles and runtimes; it changes nothing. Exit
    status: 0 nothing is wrong, 1 something is. What you may not read is a warning.

    With --deep it also makes checks, a queue and a subscription of its own: it misses deadlines and fails on purpose,
    measures how late the alerts are, sends odd requests, asks IAM about every grant, and removes all of it again.
    """
    from lastseen_cli import deployment, trial  # noqa: PLC0415 - only this command pays for boto3
    from lastseen_cli import doctor as work  # noqa: PLC0415 - and so this one

    if facts and not deep:
        raise UsageError("--facts belongs to --deep.")
    found = deployment.find(stack)
    findings = work.examine(found, output.present())
    measured: dict[str, Any] = {}
    if deep:
        from lastseen_cli.deep import examination  # noqa: PLC0415 - only then

        deep_findings, measured = examination.examine_deeply(
            found, output.present(), plan=examination.agreed(deadlines, yes=yes), say=output.say
        )
        findings += deep_findings
        if facts:
            examination.write_facts(facts, measured)
    if send_test_alert:
        findings.append(trial.send_test_alert(found, project, output.present()))
    return Answer(work.document(findings) | measured, lambda: work.report(findings), exit_code=work.status(findings))


@app.command(epilog="Examples:\n\n$ lastseen backup --project default > default.json")
def backup(
    *,
    project: Annotated[str, typer.Option(envvar="LASTSEEN_PROJECT", help="The project.")] = "default",
    stack: Stack = "Lastseen",
) -> None:
    """Write a whole project to stdout as JSON, with your AWS credentials: checks and their state, channels, keys.

    It holds ping URLs and channel URLs, so keep it as you keep passwords. Keys are in it as hashes, and still work
    after a restore. History is not in it.
    """
    from lastseen_cli import backup as work  # noqa: PLC0415 - only this command pays for boto3
    from lastseen_cli import deployment  # noqa: PLC0415 - and so this one

    output.as_json(work.backup(deployment.find(stack).store, project, output.present()))


@command(app, "restore", "lastseen restore --dry-run default.json", "lastseen restore default.json")
def restore(
    file: Annotated[typer.FileText, typer.Argument(metavar="FILE", help="What `lastseen backup` wrote; - is stdin.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Write over what is there and differs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
    stack: Stack = "Lastseen",
) -> Answer:
    """Bring back a project from its backup, with your AWS credentials.

    What is there and equal stays; what is there and differs stops the restore, unless --replace is given. Deadlines
    continue from the state in the file: a job whose ping came after the backup is late until it pings again.
    """
    from lastseen_cli import backup as work  # noqa: PLC0415 - only this command pays for boto3
    from lastseen_cli import deployment  # noqa: PLC0415 - and so this one

    saved = work.read(file.read())
    steps = work.plan(deployment.find(stack).store, saved)
    for step in steps:
        output.say(f"{'replace' if step.replaces else 'make'} {step.what}")
    document: dict[str, Any] = {
        "project": saved.project,
        "steps": [{"what": step.what, "replaces": step.replaces} for step in steps],
        "written": 0 if dry_run else len(steps),
    }
    if dry_run:
        return Answer(document, lambda: output.say(f"{len(steps)} writes; nothing was written."))
    work.run(steps, replace=replace)

    def show() -> None:
        output.say(f"Done: {len(steps)} written into the project {saved.project}.")
        if any(channel["via"] in {"email", "sms"} for channel in saved.channels.values()):
            output.say("In another deployment, make its e-mail and SMS channels again: SNS does not know them there.")

    return Answer(document, show)


app.add_typer(checks, name="checks")
app.add_typer(discover, name="discover")
app.add_typer(migrate, name="migrate")
app.add_typer(channels, name="channels")
app.add_typer(keys, name="keys")
app.add_typer(projects, name="projects")
app.add_typer(context, name="context")


def _renamed(old: str, new: str) -> None:
    """Let a command's former name end with its present one."""

    def moved(_context: typer.Context) -> None:
        raise UsageError(f"`lastseen {old}` is now `lastseen {new}`.")

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    app.command(old, hidden=True, context_settings=settings)(moved)


_renamed("export", "backup")
_renamed("import", "restore")
