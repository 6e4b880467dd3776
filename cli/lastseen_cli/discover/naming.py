"""What to call a job: by the comment above it, else by the program that it runs. Pure.

Arguments may be passwords, so only what names a task is taken of them: a script, a task of rake, a command of artisan.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from lastseen.core.limits import NAME_CHARS, REFUSED_TEXT
from lastseen_cli.settings import slug_of

SLUG_CHARS = 60
TITLE_CHARS = 60
DEPTH = 3  # shells within shells

_OPERATOR = re.compile(r"[();|&<>\n]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.ASCII | re.DOTALL)
_EXTENSION = re.compile(r"\.(?:sh|bash|py|rb|pl|php|js|mjs|ts|jar|exe|phar)$", re.ASCII)
_TASK = re.compile(r"[A-Za-z][\w.:/-]*", re.ASCII)
_HINT = re.compile(r"[a-z][a-z_-]{1,24}[0-9]{0,2}", re.ASCII)
_HEADER = re.compile(
    r"\bm\s+h\b|\bdom\b|day[ -]of[ -](?:month|week)|^min(?:ute)?\b|\*.*\*|^[#=*_-]*$|^\w+=", re.IGNORECASE
)

_ASIDE = ". [ [[ : cd echo exit export false mkdir set sleep source test true ulimit umask"
ASIDE = frozenset(_ASIDE.split())
"""Commands that prepare a job and are none."""

BEFORE = {
    "bundle": ("", 1), "chronic": ("", 0), "command": ("", 0), "cronic": ("", 0), "env": ("u", 0), "exec": ("", 0),
    "flock": ("wE", 1), "ionice": ("cn", 0), "nice": ("n", 0), "nohup": ("", 0), "pipenv": ("", 1), "poetry": ("", 1),
    "setsid": ("", 0), "stdbuf": ("ioe", 0), "sudo": ("ug", 0), "systemd-cat": ("tp", 0), "time": ("", 0),
    "timeout": ("sk", 1), "uv": ("", 1),
}  # fmt: skip
"""Commands that run another one: their options that take a value, and how many words stand before the command."""

_RUNNERS = """
artisan bash composer docker-entrypoint java make manage node npm perl php python python2 python3 rails rake ruby
run-parts sh yarn
"""
RUNNERS = frozenset(_RUNNERS.split())
"""Programs whose next word names the job."""

SILENT = frozenset(
    {"bash", "java", "node", "perl", "php", "python", "python2", "python3", "rake", "ruby", "run-parts", "sh"}
)
"""Of these, those that are not worth a word."""

VERBS = frozenset({"exec", "run", "runner", "-m", "-jar"})


def from_comment(lines: list[str]) -> str:
    """Return a job's name by the comment right above it, or "" if that is no title."""
    if len(lines) not in {1, 2}:
        return ""
    text = " ".join(lines[0].lstrip("#").split()).rstrip(".:")
    if not 3 <= len(text) <= TITLE_CHARS or _HEADER.search(text) or REFUSED_TEXT.search(text):  # noqa: PLR2004 - a word
        return ""
    return text if slug_for(text) else ""


def from_command(command: str, depth: int = 0) -> tuple[str, str]:
    """Return a job's name by its command, and a word that may distinguish it from others of that name."""
    for segment in _segments(command.replace("\\%", "%")):
        words = _without_wrappers(segment)
        if not words or words[0] in ASIDE:
            continue
        if depth < DEPTH and _base(words[0]) in {"sh", "bash", "dash", "zsh", "su", "flock"}:
            inner = _after_c(words)
            if inner:
                return from_command(inner, depth + 1)
        return _named(words)
    return "", ""


def slug_for(name: str) -> str:
    """Return the slug for a name, in which what a slug cannot hold separates words."""
    return slug_of(re.sub(r"[^\w-]+", " ", name))[:SLUG_CHARS].strip("-_")


def _segments(command: str) -> Iterator[list[str]]:
    """Yield the simple commands of a shell's line, each as its words, without redirections."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    is_redirected = False
    try:
        for token in lexer:
            if not _OPERATOR.fullmatch(token):
                words += [] if is_redirected or token in {"{", "}", "!"} else [token]
            elif token[0] in "<>":
                is_redirected = True
            else:
                yield words
                words, is_redirected = [], False
    except ValueError:  # a quotation mark that is not closed
        words = command.replace('"', " ").replace("'", " ").split()
    yield words


def _without_wrappers(words: list[str]) -> list[str]:
    while words:
        if _ASSIGNMENT.fullmatch(words[0]):
            words = words[1:]
            continue
        if _base(words[0]) not in BEFORE or _after_c(words):
            break
        with_value, positions = BEFORE[_base(words[0])]
        words = words[1:]
        while words and words[0].startswith("-"):
            takes_next = len(words[0]) == 2 and words[0][1] in with_value  # noqa: PLR2004 - like -n
            words = words[2 if takes_next else 1 :]
        words = words[positions:]
    return words


def _after_c(words: list[str]) -> str:
    for place, word in enumerate(words[:-1]):
        if re.fullmatch(r"-[a-z]*c", word):
            return words[place + 1]
    return ""


def _named(words: list[str]) -> tuple[str, str]:
    name: list[str] = []
    rest = list(words)
    while rest:
        base = _base(rest.pop(0))
        if base not in SILENT or not _next_task(rest):
            name.append(base)
        if base not in RUNNERS:
            break
        while rest and not (_TASK.fullmatch(rest[0].lstrip("/")) and rest[0] not in VERBS):
            is_environment = base == "rails" and rest[0] == "-e"  # its value follows
            rest = rest[1 + is_environment :]
        if base in {"artisan", "manage", "rake", "make", "npm", "yarn", "composer", "rails"} and rest:
            name.append(rest.pop(0))
            break
    text = "".join(char for char in " ".join(name) if char.isprintable())[:NAME_CHARS]
    is_option = False
    for word in rest:
        if _HINT.fullmatch(word) and not is_option:
            return text, word
        is_option = word.startswith("-")
    return text, ""


def _next_task(words: list[str]) -> bool:
    return any(_TASK.fullmatch(word.lstrip("/")) and word not in VERBS for word in words)


def _base(word: str) -> str:
    return _EXTENSION.sub("", word.rstrip("/").rsplit("/", 1)[-1])
