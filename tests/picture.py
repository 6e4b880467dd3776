"""The picture on the README's first screen: a real run of `lastseen local --demo`, shortened to fit.

    uv run python -m tests.picture

It takes a bit more than a minute and writes docs/demo.svg. Left out are the other keys, the recovery, and the ends of
the mails; what is shown is what the run printed.
"""

from __future__ import annotations

import io
import os
import re
import signal
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from lastseen.core.check import Kind
from lastseen_cli.local.command import run_local
from lastseen_cli.local.front import Seen
from lastseen_cli.local.inbox import Notice
from lastseen_cli.local.keys import Keys
from lastseen_cli.local.screen import Screen

PICTURE = Path(__file__).parents[1] / "docs" / "demo.svg"
COLUMNS = 100
MAIL_LINES = 10
FONT_FROM_ELSEWHERE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


class Excerpt(Screen):
    """The screen without what a first look can do without."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._fixed = False

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show nothing of what comes before."""
        del doing
        yield

    def live(self, *, url: str, outbox: str, keys: Keys, seconds: float, kept: str) -> None:
        """Show how to ping, without the other addresses and keys."""
        del outbox, kept
        self._line(Text.assemble(("Lastseen is live", "bold green"), f" after {seconds:.1f} s."))
        self._command("Make a check by pinging it:", f"curl '{url}/ping/{keys.ping}/my-job?create=1'")
        self._line(Text())

    def alert(self, notice: Notice, *, at: datetime) -> None:
        """Show the beginning of a mail, and none of a recovery."""
        if notice.event["status"] == "up":
            return
        lines = [short for line in str(notice.event["text"]).strip().splitlines() for short in _wrapped(line)]
        shown = "\n".join([*lines[:MAIL_LINES], "..."])
        super().alert(replace(notice, event={**notice.event, "text": shown}), at=at)

    def ping(self, seen: Seen, *, check: str, signal: Kind | None, note: str, at: datetime) -> None:
        """Leave out the recovery."""
        if not self._fixed:
            super().ping(seen, check=check, signal=signal, note=note, at=at)

    def story(self, text: str) -> None:
        """Leave out the recovery, and stop at the end."""
        if text.startswith("That was all"):
            os.kill(os.getpid(), signal.SIGINT)
        elif text.startswith("Somebody has fixed"):
            self._fixed = True  # the last ping of the demo
        else:
            super().story(text)

    def say(self, text: str) -> None:
        """Leave out the good-bye."""


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, COLUMNS - 4, subsequent_indent="  " if line.startswith(" ") else "") or [""]


def main() -> None:
    """Play the demo and draw it."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False)
    run_local(port=8000, env_file=None, data=None, demo=True, screen=Excerpt(console))
    drawn = console.export_svg(title="uv run lastseen local --demo", unique_id="lastseen")
    PICTURE.write_text(FONT_FROM_ELSEWHERE.sub("", drawn))


if __name__ == "__main__":
    main()
