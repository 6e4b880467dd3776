"""Views into HTML: the templates, and the content security policy that fits what they hold.

Everything is in the one page: no request to anywhere else. Style and script are constants, so the policy names them by
their hashes and lets nothing else run.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lastseen.page.views import CheckPage, Listing, Visitor
from lastseen.text.words import harmless

if TYPE_CHECKING:
    from jinja2 import Environment

REFRESH_SECONDS = 30
MANY = 1_000
REFRESH_MANY_SECONDS = 300
"""A project of more checks than `MANY` is looked at less often: each look reads them all."""

_TEMPLATES = Path(__file__).parent / "templates"


def home(listing: Listing, visitor: Visitor, *, first_ping: str) -> str:
    """Return the list of checks."""
    refresh = REFRESH_SECONDS if listing.total <= MANY else REFRESH_MANY_SECONDS
    return _render("home.html", listing=listing, visitor=visitor, first_ping=first_ping, refresh=refresh)


def check(page: CheckPage, visitor: Visitor) -> str:
    """Return the page of one check."""
    return _render("check.html", page=page, visitor=visitor, refresh=REFRESH_SECONDS)


def sign_in(*, back: str, trouble: str = "") -> str:
    """Return the form that asks for a key; `back` is where it leads."""
    return _render("sign_in.html", back=back, trouble=trouble, visitor=None, refresh=0)


def trouble(heading: str, words: str, visitor: Visitor | None = None) -> str:
    """Return a page that says why there is no other."""
    return _render("trouble.html", heading=heading, words=words, visitor=visitor, refresh=0)


@cache
def policy() -> str:
    """Return the content security policy of every page."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(_file('style.css'))}'",
            f"script-src '{_hash(_file('refresh.js'))}'",
            "img-src data:",  # the icon in the tab
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(style=_file("style.css"), script=_file("refresh.js"), **values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only pages pay for it

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _plain(value: object) -> object:
    """Make text harmless, no matter who wrote it; what is HTML already stays so."""
    return harmless(value) if type(value) is str else value


@cache
def _file(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
