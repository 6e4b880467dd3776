"""What the command line can foresee going wrong, as exceptions that carry the mend.

CliError      exit 1: the work failed
  UsageError  exit 2: the command was not understood or cannot be run as asked

The text is shown to people as it stands: first what happened, then how to mend it. Never put a key or a ping URL in it.
"""


class CliError(Exception):
    """Say what failed and how to mend it; `main` prints it without a traceback and exits with `exit_code`."""

    exit_code = 1


class UsageError(CliError):
    """The command cannot be run as it was asked for."""

    exit_code = 2
