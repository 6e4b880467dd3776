"""What `lastseen local` shows: how far it is, where all is, a line per ping, each alert as the mail it would be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus

from rich.console import Console
from rich.text import Text

from lastseen.core.check import Kind
from lastseen_cli.local.front import Seen
from lastseen_cli.local.inbox import Notice
from lastseen_cli.local.keys import Keys

RULE_WIDTH = 80
SIGNAL_STYLES = {Kind.SUCCESS: "green", Kind.FAIL: "red", Kind.START: "cyan", Kind.LOG: "blue"}


class Screen:
    """The terminal. Everything is talk about the run, so all of it goes to stdout as it happens.

    Whatever may be copied (a URL, a key, a command) is on one line, however long, with nothing around it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show what is being done while the block runs."""
        if not self._console.is_terminal:
            self._line(Text(doing, style="dim"))
        with self._console.status(doing):
            yield

    def live(self, *, url: str, outbox: str, keys: Keys, seconds: float, kept: str) -> None:
        """Say that all is ready and where."""
        self._line(
            Text.assemble(("Lastseen is live", "bold green"), f" after {seconds:.1f} s; {kept}. Ctrl-C stops it.")
        )
        self._line(Text())
        for label, value in {
            "dashboard": f"{url}/",
            "alerts as mail": outbox,
            "API": f"{url}/api",
            "API key": keys.write,
            "read-only key": keys.read,
            "pings": f"{url}/ping",
            "ping key": keys.ping,
        }.items():
            self._line(Text.assemble((f"{label:<15}", "bold"), value))
        self._command(
            "Make a check by pinging it, from another terminal:", f"curl '{url}/ping/{keys.ping}/my-job?create=1'"
        )
        self._command("And look at it; commands find what runs here by themselves:", "uv run lastseen checks list")
        self._command("Let a shell know the URLs and keys:", 'eval "$(uv run lastseen local --export)"')
        self._line(Text())

    def ping(self, seen: Seen, *, check: str, signal: Kind | None, note: str, at: datetime) -> None:
        """Print the line of one ping."""
        style = SIGNAL_STYLES.get(signal, "") if signal else ""
        line = Text(f"{at:%H:%M:%S}  ping   ")
        line.append(f"{check:<24} ", style="bold")
        line.append(f"{signal.value if signal else 'not a ping':<8}", style=style)
        line.append(f" {note}" if note else "")
        line.append(f"  {seen.status}", style="" if seen.status < HTTPStatus.BAD_REQUEST else "bold red")
        line.append(f"  {seen.seconds * 1000:.0f} ms", style="dim")
        self._line(line)

    def alert(self, notice: Notice, *, at: datetime) -> None:
        """Show one alert as the mail that it would be."""
        style = "green" if notice.event.get("status") == "up" else "red"
        self._rule(f"{at:%H:%M:%S}  alert: this is what people are mailed ", style)
        self._line(Text(f"  {notice.subject}", style=f"bold {style}"))
        self._line(Text())
        for line in str(notice.event.get("text", "")).strip().splitlines():
            self._line(Text(f"  {line}" if line else ""))
        self._rule("", style)

    def story(self, text: str) -> None:
        """Print what the demo does."""
        self._console.print(Text(f"demo: {text}", style="magenta"))

    def say(self, text: str) -> None:
        """Print a remark."""
        self._line(Text(text))

    def _command(self, why: str, command: str) -> None:
        self._line(Text(f"\n{why}"))
        self._line(Text(f"  {command}"))

    def _rule(self, title: str, style: str) -> None:
        width = min(RULE_WIDTH, self._console.width)
        self._line(Text(f"── {title}".ljust(width, "─") if title else "─" * width, style=style))

    def _line(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
