"""From the name that somebody typed to the one thing that it means, by the API's lists."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from lastseen_cli.errors import CliError, RefusedError
from lastseen_cli.output import hint, one_line
from lastseen_cli.settings import title

if TYPE_CHECKING:
    from lastseen_cli.api import Api, Document

SLUG = re.compile(r"[a-z0-9_-]{1,100}", re.ASCII)
UNIQUE_KEY = re.compile(r"[0-9a-f]{40}", re.ASCII)


def check(api: Api, name: str) -> Document:
    """Return the one check with this UUID, unique key, slug or name. Raises CliError if there is none, or several."""
    if key := _key(name):
        found = api.check(key)
        if found:
            return found
    checks = api.checks(slug=name) if SLUG.fullmatch(name) else []
    checks = checks or api.checks()
    for field in ("slug", "name"):
        matches = [each for each in checks if name and each.get(field) == name]
        if len(matches) == 1:
            return matches[0]
        if matches:
            listed = hint("lastseen", "checks", "list", "--columns", "name,slug,uuid")
            raise CliError(f"{len(matches)} checks have the {field} {name}. Give the UUID: {listed}")
    raise _none("check", name, [word for each in checks for word in (each.get("slug"), each["name"]) if word])


def writable_check(api: Api, name: str) -> Document:
    """Return a check that this key may change. Raises CliError if it may not, or as `check` does."""
    return may_write(check(api, name))


def may_write(found: Document) -> Document:
    """Return a check that this key may change. Raises CliError for a key that may only read."""
    if "uuid" not in found:
        raise CliError("This key may only read. Use one that may write: LASTSEEN_API_KEY, or `lastseen login`.")
    return found


def same(checks: Sequence[Document], settings: Mapping[str, object], *, derived: bool) -> Document | None:
    """Return the check that these settings speak of: that of the UUID, else of the slug, or without one of the name.

    `derived`: the slug was made from the name, so a check of the name may have another.

    Raises RefusedError if several are.
    """
    if uuid := settings.get("uuid"):
        return next((each for each in checks if each["uuid"] == uuid), None)
    slug, name = settings.get("slug"), settings.get("name")
    by_slug = [each for each in checks if slug and each["slug"] == slug]
    by_name = [each for each in checks if name and each["name"] == name and (derived or not slug or not each["slug"])]
    for field, value, matches in (("slug", slug, by_slug), ("name", name, by_name)):
        if len(matches) > 1:
            raise CliError(
                f"{len(matches)} checks have the {field} {one_line(str(value))}. Give each a slug of its own."
            )
        if matches:
            return matches[0]
    return None


def refuse_taken(checks: Sequence[Document], slug: object, *, but: str = "") -> None:
    """Raise RefusedError if a check other than that of the UUID `but` has the slug: pings of it would be refused."""
    taken = [each for each in checks if slug and each["slug"] == slug and each.get("uuid") != but]
    if taken:
        change = hint("lastseen", "checks", "update", str(slug))
        raise RefusedError(f"The check {title(taken[0])} has the slug {slug} already. Change that one: {change}")


def channel(api: Api, name: str) -> Document:
    """Return the channel with this id or name. Raises CliError."""
    channels = api.channels()
    for field in ("id", "name"):
        for each in channels:
            if each[field] == name:
                return each
    raise _none("channel", name, [each["name"] for each in channels])


def key(api: Api, name: str) -> Document:
    """Return the key with this id, or of this name if only one has it. Raises CliError."""
    keys = api.keys()
    matches = [each for each in keys if each["id"] == name] or [each for each in keys if each["name"] == name]
    if len(matches) > 1:
        raise CliError(f"{len(matches)} keys have the name {name}. Give the id: lastseen keys list")
    if not matches:
        raise _none("key", name, [each["name"] for each in keys])
    return matches[0]


def _none(kind: str, name: str, known: Iterable[str]) -> CliError:
    close = difflib.get_close_matches(name, set(known), n=1)
    meant = f" Did you mean {hint(close[0])}?" if close else ""
    return CliError(f'No {kind} is called "{one_line(name)}".{meant} List them with: lastseen {kind}s list')


def _key(name: str) -> str:
    """Return a UUID or unique key as the API writes it, or "" if the name is neither."""
    if UNIQUE_KEY.fullmatch(name):
        return name
    try:
        return str(UUID(name))
    except ValueError:
        return ""
