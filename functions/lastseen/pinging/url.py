"""What a ping URL says: which check, which signal, which run, and how to make a check that is not there yet.

Lives here: the parsing of path and query, with the words for each mistake. Pure: values in, values out.
Never here: what a signal does (core/machine.py), whether the check exists (ping.py).

Source of the forms: Healthchecks' pinging API, /<uuid> and /<ping key>/<slug>, each with /start, /fail, /log or
/<exit status>. Kinder where it would lose a ping: a slash too many, upper-case UUIDs, run ids without hyphens or empty,
an exit status by signal name, below 0 or above 255, and what copying leaves at the end of a URL or a key: a blank, a
line end, the CR of a script from Windows.
"""

from __future__ import annotations

import operator
import re
import signal
import string
from dataclasses import dataclass
from itertools import dropwhile
from typing import Literal
from urllib.parse import parse_qs, unquote

from lastseen.core.check import Kind
from lastseen.core.ids import as_uuid
from lastseen.core.limits import SLUG_CHARS, SLUG_PATTERN

KEY_LIMIT = 100
NOTE_LIMIT = 100
"""Characters of a ping key, and of an odd exit status that is kept."""

FORMS = (
    "not found: this is no ping URL. One is /ping/<uuid> or /ping/<ping key>/<slug>, for success; "
    "add /start, /fail, /log or /<exit status> to say something else."
)

_SLUG = re.compile(f"{SLUG_PATTERN}+", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_EXIT = re.compile(r"[+-]?[0-9]+", re.ASCII)
_SIGNALS = frozenset(name.removeprefix("SIG") for name in signal.Signals.__members__)
_REALTIME = re.compile(r"RT(MIN|MAX)([+-][0-9]+)?", re.ASCII)
_EXIT_MAX = 255
_COPIED = string.whitespace + (  # blanks, line ends, and those that nobody sees
    "\x00\x85\u00a0\u00ad\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202f\u2060\ufeff"
)
_WORDS = {"start": Kind.START, "fail": Kind.FAIL, "log": Kind.LOG}


class BadPingError(Exception):
    """The URL's form is wrong. The text names the right one."""


class NoSuchPathError(Exception):
    """The path is that of no ping, whichever checks there are. The text names the forms."""

    def __init__(self) -> None:
        super().__init__(FORMS)


@dataclass(frozen=True, slots=True)
class Target:
    """Which check: by its UUID, or by a ping key and a slug."""

    uuid: str = ""
    ping_key: str = ""
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """What the path says of the job."""

    kind: Kind = Kind.SUCCESS
    exit_status: int | None = None
    note: str = ""


def read_path(path: str) -> tuple[Target, Signal]:
    """Return what the part of a path after `/ping/` says.

    Raises BadPingError for a slug or key of the wrong form, NoSuchPathError for everything that is no ping.
    """
    trimmed = [_trimmed(part) for part in path.split("/")]
    parts = list(dropwhile(operator.not_, trimmed))  # slashes at its begin: the base URL ended with one
    if not parts:
        raise NoSuchPathError
    if not parts[-1]:
        parts.pop()  # a final slash
    uuid = as_uuid(parts[0])
    target_parts = 1 if uuid else 2
    target, rest = parts[:target_parts], [part for part in parts[target_parts:] if part]
    if len(target) < target_parts or len(rest) > 1:
        raise NoSuchPathError
    spoken = _signal(rest[0]) if rest else Signal()
    return (Target(uuid=uuid) if uuid else _by_slug(*target)), spoken


def read_query(query: str) -> dict[str, str]:
    """Return the query's parameters without blanks around their values; of one that comes twice, the last."""
    parameters = parse_qs(query, keep_blank_values=True, errors="replace")
    return {name: values[-1].strip(_COPIED) for name, values in parameters.items()}


def read_rid(value: str | None) -> str | None:
    """Return a run id in lower case with hyphens; None if none is given.

    Raises BadPingError if it is no UUID: a run that cannot be distinguished from another would be reported wrongly.
    """
    if not value:
        return None
    rid = as_uuid(value)
    if not rid:
        raise BadPingError("invalid rid: a run id is a UUID, like 7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80")
    return rid


def read_over(value: str | None) -> Literal["", "1", "again"]:
    """Return what follows a run that is over: nothing, or a retry; "" if that is not said."""
    return "1" if value == "1" else "again" if value == "again" else ""


def _trimmed(part: str) -> str:
    """Return a part of a path without what copying left around it, whether or not the gateway decoded it."""
    return unquote(part, errors="replace").strip(_COPIED)


def _by_slug(ping_key: str, slug: str) -> Target:
    if not _KEY.fullmatch(ping_key):
        raise NoSuchPathError
    if len(ping_key) > KEY_LIMIT:
        raise BadPingError(f"invalid ping key: at most {KEY_LIMIT} characters, this one has {len(ping_key)}")
    if len(slug) > SLUG_CHARS:
        raise BadPingError(f"invalid slug: at most {SLUG_CHARS} characters, this one has {len(slug)}")
    if not _SLUG.fullmatch(slug):
        raise BadPingError("invalid slug: only the characters a-z, 0-9, - and _")
    return Target(ping_key=ping_key, slug=slug)


def _signal(word: str) -> Signal:
    if word in _WORDS:
        return Signal(_WORDS[word])
    if _EXIT.fullmatch(word):
        status = int(word) if len(word) <= NOTE_LIMIT else -1
        if 0 <= status <= _EXIT_MAX:
            return Signal(Kind.FAIL if status else Kind.SUCCESS, exit_status=status)
        return Signal(Kind.FAIL, note=f"exit status {word[:NOTE_LIMIT]}")
    if word.removeprefix("SIG") in _SIGNALS or _REALTIME.fullmatch(word.removeprefix("SIG")):
        return Signal(Kind.FAIL, note=f"signal {word.removeprefix('SIG')[:NOTE_LIMIT]}")
    raise NoSuchPathError
