"""What is kept of a job's output: its head and its tail, at line ends, with a mark of what is left out between. Pure.

Errors stand at either end: Ruby, PowerShell and some others print them first, Python and shells last.
"""

from __future__ import annotations

import re

HEAD_SHARE = 4
"""A fourth of the room is for the head."""

_MARK = re.compile(r"^\[\.\.\. ([0-9,]+) bytes left out \.\.\.\]$")


def kept_output(body: bytes, limit: int) -> bytes:
    """Return what a flip keeps of a ping's body, at most `limit` bytes."""
    if len(body) <= limit:
        return body
    text, room = body.decode(errors="replace").replace("\r\n", "\n"), limit
    kept = body
    while len(kept) > limit:
        room -= max(1, (len(kept) - limit) // 4) if room < limit else len(left_out(len(body))) + 2
        kept = shortened(text, room).encode()
    return kept


def shortened(text: str, limit: int, *, lines: int | None = None) -> str:
    """Return text of about `limit` characters, and of so many lines, that keeps its head and its tail.

    What was left out before counts among what is left out now.
    """
    if len(text) <= limit and (lines is None or text.count("\n") < lines):
        return text
    rows = text.split("\n")
    head_rows = len(rows) if lines is None else max(1, lines // HEAD_SHARE)
    head = _whole_lines(rows[:head_rows], limit // HEAD_SHARE)
    rest = rows[len(head) :]
    tail_rows = len(rest) if lines is None else lines - head_rows
    tail = _whole_lines(rest[::-1][:tail_rows], limit - limit // HEAD_SHARE)[::-1]
    middle = rest[: len(rest) - len(tail)]
    if not middle:
        return text
    if not tail:  # the last line alone is longer than its room: its end is what counts
        tail = [middle[-1][-(limit - limit // HEAD_SHARE) :]]
        middle = [*middle[:-1], middle[-1][: -len(tail[0])]]
    return "\n".join([*head, left_out(sum(_bytes_of(row) for row in middle)), *tail])


def left_out(count: int) -> str:
    """Return the mark of what is not shown."""
    return f"[... {count:,} bytes left out ...]"


def _bytes_of(row: str) -> int:
    """Return how many bytes of the output a line stands for, with its line end."""
    mark = _MARK.match(row)
    return int(mark[1].replace(",", "")) if mark else len(row.encode()) + 1


def _whole_lines(rows: list[str], room: int) -> list[str]:
    """Return as many of the first lines as there is room for."""
    whole = []
    for row in rows:
        room -= len(row) + 1
        if room < 0:
            break
        whole.append(row)
    return whole
