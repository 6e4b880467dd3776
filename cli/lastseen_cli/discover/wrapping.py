"""A command of a crontab put under watch, and taken out again: `unwrapped(wrapped(...))` is the command, byte for byte.

cron gives the text up to the first percent sign without a backslash to a shell, and what follows to its stdin. A
command of plain words is put behind the wrapper as it is; any other one goes, quoted, to the shell that cron would have
given it to. flock stays before the wrapper: a run that it skips is no failure. Backslashes stand in pairs with what
follows them before and after, so each percent sign keeps its meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PLAIN = re.compile(r"(?:[A-Za-z0-9_@+=:,./~ \t-]|\\%)+", re.ASCII)
"""Words that no shell has to understand: no quotes, variables, redirections, operators."""

_BUILTINS = """
. : [ [[ alias bg break builtin case cd command continue coproc declare dirs do enable eval exec exit export fg for
function getopts hash history if jobs let local logout popd pushd read readonly return select set shift shopt source
suspend time times trap type typeset ulimit umask unalias unset until wait while
"""
BUILTINS = frozenset(_BUILTINS.split())
"""First words that are a shell's own, and no program."""

SHELLS = frozenset({"sh", "ash", "dash", "bash", "ksh", "mksh", "zsh"})
SHELL = "sh"
COMMAND_PART = re.compile(r"(?:\\.|[^%\\])*\\?", re.DOTALL)
SLUG = r"[a-z0-9_-]{1,100}"
_PROGRAM = r"(?:[\w.+-]*/)*(?:lastseen\.sh|lastseen exec)"
_LOCK = r"(?:/usr/bin/)?flock(?:[ \t]+(?:-[nxs]+|-[wE][ \t]*[0-9]+|--nonblock))*[ \t]+(?!-)\S+[ \t]+(?!-)"
LOCKING = re.compile(r"(?<![\w./-])(?:/usr/bin/)?(?:flock|setlock|lckdo|run-one|lockrun)[ \t]", re.ASCII)
_LOCKED = re.compile(rf"(?P<lock>{_LOCK})(?P<rest>.+)", re.ASCII | re.DOTALL)
_OURS = re.compile(
    rf"(?P<lock>{_LOCK})?(?P<program>{_PROGRAM}) (?P<slug>{SLUG}) -- (?P<inner>.*\S.*)", re.ASCII | re.DOTALL
)
_QUOTED = re.compile(r"(?P<shell>[\w./-]+) -c '(?P<text>(?:[^']|'\\'')*)'", re.ASCII | re.DOTALL)
_WATCHED = re.compile(
    rf"(?<![\w-])lastseen(?:\.sh|[ \t]+exec)[ \t](?:[^|;&]*?[ \t])?[\"']?(?P<slug>{SLUG}|[0-9a-fA-F-]{{36}})[\"']?"
    r"[ \t]+--[ \t]"
    r"|LASTSEEN_PING_URL[\"'}]*(?:/[\"']?\$\{?LASTSEEN_PING_KEY[\"'}]*)?/(?P<pinged>[a-z0-9_-]{1,100})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A command under watch: the wrapper's program, the slug, and the command as it was before."""

    program: str
    slug: str
    command: str


def split(command: str) -> tuple[str, str]:
    """Return what cron gives to a shell, and the rest: a percent sign and what it gives to stdin, or nothing."""
    match = COMMAND_PART.match(command)
    end = match.end() if match else 0
    return command[:end], command[end:]


def wrapped(command: str, slug: str, program: str, shell: str = SHELL) -> str:
    """Return a command under watch; `shell` is the one that cron gives it to."""
    text, stdin = split(command)
    lock, rest = _split_lock(text)
    return f"{lock}{program} {slug} -- {_inner(rest, shell)}{stdin}"


def unwrapped(command: str) -> Wrapped | None:
    """Return what a command was before `wrapped`, or None if that did not write it."""
    text, stdin = split(command)
    ours = _OURS.fullmatch(text)
    if not ours:
        return None
    inner, shell = ours["inner"], SHELL
    if quoted := _QUOTED.fullmatch(inner):
        inner, shell = quoted["text"].replace("'\\''", "'"), quoted["shell"]
    before = Wrapped(ours["program"], ours["slug"], f"{ours['lock'] or ''}{inner}{stdin}")
    return before if wrapped(before.command, before.slug, before.program, shell) == command else None


def watched_slug(command: str) -> str | None:
    """Return the slug or UUID by which a command pings Lastseen already, or None if it does not."""
    match = _WATCHED.search(command)
    return (match["slug"] or match["pinged"]) if match else None


def is_shell(path: str) -> bool:
    """Return whether a command can be quoted for this shell."""
    return bool(re.fullmatch(r"[\w./-]+", path, re.ASCII)) and path.rsplit("/", 1)[-1] in SHELLS


def is_plain(command: str) -> bool:
    """Return whether a command is words that need no shell."""
    text, _ = split(command)
    first = text.split(maxsplit=1)[0] if text.split() else ""
    return bool(PLAIN.fullmatch(text)) and "=" not in first and first not in BUILTINS and not first.startswith("-")


def counts_skipped_runs(command: str) -> bool:
    """Return whether a run that its lock skips fails in the wrapper's eyes: the lock is not before the wrapper."""
    text, _ = split(command)
    return bool(LOCKING.search(text)) and not _split_lock(text)[0]


def _split_lock(text: str) -> tuple[str, str]:
    """Return flock with its options, which stays before the wrapper, and the rest."""
    locked = _LOCKED.fullmatch(text) if is_plain(text) else None
    return (locked["lock"], locked["rest"]) if locked and is_plain(locked["rest"]) else ("", text)


def _inner(text: str, shell: str) -> str:
    if is_plain(text):
        return text
    quoted = text.replace("'", "'\\''")
    return f"{shell} -c '{quoted}'"
