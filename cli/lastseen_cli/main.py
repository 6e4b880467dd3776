"""The `lastseen` command: sends each call to what serves it, importing nothing else.

`lastseen exec` runs before every start of somebody's cron job, so it is dispatched before Typer is imported.
"""

import sys


def main() -> None:
    """Run the command line and exit."""
    if sys.argv[1:2] == ["exec"]:
        from lastseen_cli.exec import main as run_job  # noqa: PLC0415 - see above

        sys.exit(run_job(sys.argv[2:]))
    from lastseen_cli.commands import run  # noqa: PLC0415 - see above

    sys.exit(run(sys.argv[1:]))
