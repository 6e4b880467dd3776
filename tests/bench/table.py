"""A bench's result: figures in sections, shown as a table, as Markdown or as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured or counted value."""

    what: str
    value: float
    unit: str
    note: str = ""
    second: float | None = None  # the same, seen otherwise: its section says how

    @property
    def shown(self) -> str:
        """The value as people read it."""
        return _shown(self.value)

    @property
    def second_shown(self) -> str:
        """The second value as people read it, or ""."""
        return "" if self.second is None else _shown(self.second)


def _shown(value: float) -> str:
    """Return a number with the three digits that matter, thousands apart."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Section:
    """The figures of one question."""

    title: str
    figures: tuple[Figure, ...]
    heads: tuple[str, str] = ("", "")
    """Of the values and the second values, where there are any."""


def show(sections: list[Section], console: Console) -> None:
    """Print sections as tables."""
    for section in sections:
        table = Table(title=section.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        table.add_column("", overflow="fold", min_width=44)
        table.add_column(section.heads[0], justify="right", no_wrap=True)
        table.add_column(section.heads[1], justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        table.add_column("", style="dim", overflow="fold")
        for figure in section.figures:
            table.add_row(figure.what, figure.shown, figure.second_shown, figure.unit, figure.note)
        console.print(table)
        console.print()


def markdown(sections: list[Section]) -> str:
    """Return sections as one Markdown table, as the README shows it."""
    rows = ["| | | |", "|---|--:|---|"]
    for section in sections:
        rows.append(f"| **{section.title}** | {section.heads[0]} | {section.heads[1]} |".replace("|  ", "| "))
        for figure in section.figures:
            second = f"{figure.second_shown} {figure.unit}" if figure.second_shown else figure.unit
            rest = "; ".join(part for part in (second, figure.note) if part)
            rows.append(f"| {figure.what} | {figure.shown} | {rest} |".replace("|  |", "| |"))
    return "\n".join(rows) + "\n"


def as_json(sections: list[Section]) -> dict[str, Any]:
    """Return sections as a document."""
    return {section.title: [asdict(figure) for figure in section.figures] for section in sections}
