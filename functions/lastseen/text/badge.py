"""A badge: what it says of some checks, and how it looks. Pure.

Source of the rules: Healthchecks' badges. New and paused checks count as up; with two states a late one does, too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from lastseen.text.words import one_line

if TYPE_CHECKING:
    from jinja2 import Template

State = Literal["up", "late", "down"]
COLORS: dict[State, str] = {"up": "#3c8527", "late": "#a86500", "down": "#c42b2b"}
"""Dark enough for white letters (WCAG AA: 4.5 to 1)."""

SHIELDS_COLORS: dict[State, Literal["success", "important", "critical"]] = {
    "up": "success",
    "late": "important",
    "down": "critical",
}
LABEL_LIMIT = 60
"""Characters of a label that are drawn."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a badge says."""

    status: State
    total: int
    grace: int
    down: int


def summary(appearances: Iterable[str], *, states: int) -> Summary:
    """Return what the appearances of checks come to; `states`: 2, or 3 to distinguish late ones."""
    seen = list(appearances)
    grace, down = seen.count("grace"), seen.count("down")
    late: State = "late" if grace and states == 3 else "up"  # noqa: PLR2004 - two or three
    return Summary("down" if down else late, total=len(seen), grace=grace, down=down)


def svg(label: str, status: State) -> str:
    """Return the badge as an image, flat and readable."""
    label = one_line(label, LABEL_LIMIT)
    left, right = _width(label) + 12, _width(status) + 12
    return _template().render(label=label, status=status, color=COLORS[status], left=left, right=right)


@cache
def _template() -> Template:
    from jinja2 import Environment  # noqa: PLC0415 - only a badge pays for it

    return Environment(autoescape=True).from_string(_SVG)


_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{{ left + right }}" height="20" role="img" \
aria-label="{{ label }}: {{ status }}">
<title>{{ label }}: {{ status }}</title>
<clipPath id="r"><rect width="{{ left + right }}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)">
<rect width="{{ left }}" height="20" fill="#444"/>
<rect x="{{ left }}" width="{{ right }}" height="20" fill="{{ color }}"/>
</g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
<text x="{{ left / 2 }}" y="14" textLength="{{ left - 12 }}" lengthAdjust="spacingAndGlyphs">{{ label }}</text>
<text x="{{ left + right / 2 }}" y="14" textLength="{{ right - 12 }}" \
lengthAdjust="spacingAndGlyphs">{{ status }}</text>
</g>
</svg>
"""

_WIDTHS = (("ijlI|!.,:;'`", 4), ('frt()[]{}/\\-" ', 5), ("mwMW@%", 11), ("ABCDEFGHKNOPQRSTUVXYZ&+=<>#~^", 8))
"""Pixels of letters in Verdana 11; others have 7. The image then fits the text into its width to the pixel."""


def _width(text: str) -> int:
    return max(sum(_char_width(char) for char in text), 1)


def _char_width(char: str) -> int:
    if unicodedata.east_asian_width(char) in "WF":
        return 11
    if unicodedata.combining(char):
        return 0
    return next((width for chars, width in _WIDTHS if char in chars), 7)
