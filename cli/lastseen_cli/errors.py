"""What the command line can foresee going wrong, as exceptions that say what to do.

CliError        exit 1: the work failed
  RefusedError  what was asked for cannot be; with other settings it may
  UsageError    exit 2: the command was not understood or cannot be run as asked

The text is shown to people as it stands: first what happened, then what to do. Never put a key or a ping URL in it.
"""

DIFFERS = 3
"""Exit status: done, and what was looked for is there: something is down, or differs from the file."""


class CliError(Exception):
    """Say what failed and what to do; `run` prints it without a traceback and exits with `exit_code`."""

    exit_code = 1


class RefusedError(CliError):
    """What was asked for cannot be: the API did not accept it, or it would break what is there."""


class UsageError(CliError):
    """The command cannot be run as it was asked for."""

    exit_code = 2
