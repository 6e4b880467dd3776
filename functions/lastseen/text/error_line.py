"""The line of a job's output that names the error, for the subject of its alert. Pure.

It is looked for where programs put it: an exception with its message, last the last one of them, for causes are printed
above what they caused; then what tools print before they give up.
"""

from __future__ import annotations

import re

from lastseen.text.words import one_line

ERROR_LIMIT = 120
"""Characters that are kept of the line."""

_CLASS = r"[A-Za-z_][\w]*(?:(?:\.|::)[A-Za-z_]\w*)*"
_EXCEPTION = re.compile(
    rf"^(?:Uncaught |Unhandled exception[.:]? |Caused by: |Exception in thread \"[^\"]*\" )?"
    rf"((?:{_CLASS}(?:\.|::))?[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Failure|Fault|NotFound|DoesNotExist|Timeout|Warning)"
    rf"(?: \[[\w.]+\])?:.*|(?:{_CLASS}(?:\.|::))[A-Z]\w*: .*)$"
)
"""`ValueError: no such month`, `ActiveRecord::RecordInvalid: ...`, `java.io.IOException: ...`."""

_BARE = re.compile(rf"^((?:{_CLASS}(?:\.|::))?[A-Z]\w*(?:Error|Exception|Interrupt))$")
"""`KeyboardInterrupt`, without a message."""

_RUBY = re.compile(r"^\S+:\d+:in [`'].*?': (.+) \(([A-Z][\w:]*)\)$")
"""`job.rb:3:in 'run': no such month (ArgumentError)`."""

_PANIC = re.compile(r"^(panic: .+|fatal error: .+|thread '.*' panicked at .+)$")
_TOOL = re.compile(
    r"^(?:\S+\s)?(?:.{0,60}?\b(?:error|fatal|failed|failure|cannot|can't|could not|unable to|denied|refused|not found|"
    r"no such|no space left|timed out|out of memory|killed|segmentation fault)\b.*)$",
    re.IGNORECASE,
)
_NO_ERROR = re.compile(r"\b(?:0|no|without) (?:errors?|failures?|failed)\b|\bfailed[:=] ?0\b", re.IGNORECASE)
"""What tools print before they give up: `pg_dump: error: ...`, `Permission denied`; and what only sounds like it."""


def error_line(output: str) -> str:
    """Return the line that names the error, on one line; "" if there is none."""
    lines = [line for line in (row.strip() for row in output.split("\n")) if line]
    if len(lines) == 1:  # it says nothing else
        return one_line(lines[0], ERROR_LIMIT)
    for find in (_exception, _panic, _bare, _tool):
        if line := find(lines):
            return one_line(line, ERROR_LIMIT)
    return ""


def _exception(lines: list[str]) -> str:
    """Return the exception: of Python the last one, else the first, which other languages print before its trace."""
    found = [match[1] for line in lines if (match := _EXCEPTION.match(line))]
    found += [f"{match[2]}: {match[1]}" for line in lines if (match := _RUBY.match(line))]
    if not found:
        return ""
    is_python = any(line.startswith("Traceback (most recent call last)") for line in lines)
    return found[-1] if is_python else found[0]


def _panic(lines: list[str]) -> str:
    return next((match[1] for line in lines if (match := _PANIC.match(line))), "")


def _bare(lines: list[str]) -> str:
    return next((match[1] for line in reversed(lines) if (match := _BARE.match(line))), "")


def _tool(lines: list[str]) -> str:
    """Return the last line that speaks of an error."""
    spoken = (line for line in reversed(lines) if _TOOL.match(line) and not _NO_ERROR.search(line))
    return next(spoken, "")
