"""What `lastseen local` shows: how far it is, where all is, a line per ping, each alert as the mail it would be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lastseen.check import Kind
from lastseen_cli.local.front import Seen
from lastseen_cli.local.inbox import Notice
from lastseen_cli.local.keys import Keys

MAIL_WIDTH = 96
SIGNAL_STYLES = {Kind.SUCCESS: "green", Kind.FAIL: "red", Kind.START: "cyan", Kind.LOG: "blue"}


class Screen:
    """The terminal. Everything is talk about the run, so all of it goes to stdout as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show what is being done while the block runs."""
        with self._console.status(doing):
            yield

    def live(self, *, url: str, keys: Keys, seconds: float, kept: str) -> None:
        """Say that all is ready and where."""
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for label, value in {
            "pings": f"{url}/ping/<uuid> or {url}/ping/<ping key>/<slug>",
            "API": f"{url}/api",
            "dashboard": f"{url}/",
            "API key": keys.write,
            "API key, read-only": keys.read,
            "ping key": keys.ping,
        }.items():
            table.add_row(label, Text(value))
        self._console.print(f"[bold green]Lastseen is live[/] after {seconds:.1f} s, {kept}. Ctrl-C stops it.\n")
        self._console.print(table)
        self._console.print("\nMake a check by pinging it, from another terminal:")
        self._console.print(Text(f"  curl '{url}/ping/{keys.ping}/nightly-backup?create=1'\n"), soft_wrap=True)

    def ping(self, seen: Seen, *, check: str, signal: Kind | None, note: str, at: datetime) -> None:
        """Print the line of one ping."""
        line = Text(f"{at:%H:%M:%S}  ping   ")
        line.append(f"{check:<24} ", style="bold")
        line.append(
            f"{signal.value if signal else 'not a ping':<8}", style=SIGNAL_STYLES.get(signal, "") if signal else ""
        )
        line.append(f" {note}" if note else "")
        line.append(f"  {seen.status}", style="" if seen.status < HTTPStatus.BAD_REQUEST else "bold red")
        line.append(f"  {seen.seconds * 1000:.0f} ms", style="dim")
        self._console.print(line, soft_wrap=True)

    def alert(self, notice: Notice, *, at: datetime) -> None:
        """Show one alert as the mail that it would be."""
        up = notice.attributes.get("status") == "up"
        mail = Group(Text(notice.subject, style="bold"), Text(""), Text(str(notice.event.get("text", "")).strip()))
        title = f"{at:%H:%M:%S}  alert: this is what people are mailed"
        self._console.print(
            Panel(
                mail, title=title, title_align="left", border_style="green" if up else "red", width=self._mail_width()
            )
        )

    def story(self, text: str) -> None:
        """Print what the demo does."""
        self._console.print(Text(text, style="magenta"), soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a remark."""
        self._console.print(text)

    def _mail_width(self) -> int:
        return min(MAIL_WIDTH, self._console.width)
