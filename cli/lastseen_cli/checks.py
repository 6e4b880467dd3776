"""What `lastseen checks ...` does: turn options into the API's settings, and the API's documents into tables."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from rich.console import Console
from rich.table import Table

from lastseen_cli.api import Api, Document
from lastseen_cli.errors import CliError, UsageError

STYLES = {"up": "green", "down": "bold red", "grace": "yellow", "new": "dim", "paused": "dim"}
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
TIME = re.compile(r"(?=\w)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)
UNIQUE_KEY = re.compile(r"[0-9a-f]{40}", re.ASCII)

out = Console(highlight=False, soft_wrap=True)
talk = Console(stderr=True, highlight=False, soft_wrap=True)


def api(url: str, key: str) -> Api:
    """Return the API that the options name."""
    return Api(url, key)


def seconds(text: str, *, option: str) -> int:
    """Read a duration like 90, 90s, 5m, 1h30m or 1d. Raises UsageError naming the option."""
    match = TIME.fullmatch(text)
    if not match:
        raise UsageError(f"{option} {text}: not a time. Write seconds, or like 90s, 5m, 1h30m, 1d.")
    return sum(int(part or 0) * unit for part, unit in zip(match.groups(), UNITS.values(), strict=True))


def settings(
    name: str,
    *,
    every: str | None,
    schedule: str | None,
    tz: str | None,
    grace: str | None,
    slug: str | None,
    tags: str | None,
    desc: str | None,
    unique: bool,
) -> dict[str, object]:
    """Return the API's settings for the options. Raises UsageError for those that exclude each other."""
    if every and schedule:
        raise UsageError("--every and --schedule exclude each other: give one of them.")
    if tz and not schedule:
        raise UsageError("--tz belongs to --schedule.")
    given: dict[str, object | None] = {
        "name": name,
        "timeout": seconds(every, option="--every") if every else None,
        "schedule": schedule,
        "tz": tz,
        "grace": seconds(grace, option="--grace") if grace else None,
        "slug": slug,
        "tags": tags,
        "desc": desc,
        "unique": ["name"] if unique else None,
    }
    return {key: value for key, value in given.items() if value is not None}


def create(api: Api, settings: dict[str, object], *, as_json: bool) -> None:
    """Make a check; print its ping URL, and a line to try it with."""
    check, is_new = api.create(settings)
    if as_json:
        _print_json(check)
        return
    talk.print(f"{'Made' if is_new else 'Updated'} {title(check)}. Its ping URL:", markup=False)
    out.print(check["ping_url"], markup=False)
    talk.print(f"Put this at the end of the job:\n  curl -fsS -m 10 --retry 5 {check['ping_url']}", markup=False)


def list_all(api: Api, *, tags: Sequence[str], as_json: bool) -> None:
    """Print the checks as a table, by name."""
    found = sorted(api.checks(tags), key=lambda check: (check["name"].casefold(), check.get("uuid", "")))
    if as_json:
        _print_json({"checks": found})
        return
    if not found:
        talk.print("There is no check. Make one with: lastseen checks create NAME --every 1h", markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("STATUS", "NAME", "EXPECTED", "LAST PING", "PINGS", "KEY"):
        table.add_column(column, overflow="fold", justify="right" if column == "PINGS" else "left")
    for check in found:
        status = check["status"]
        key = check.get("uuid") or check.get("unique_key", "")
        values = (check["name"], _expected(check), _when(check["last_ping"]), str(check["n_pings"]), key)
        table.add_row(f"[{STYLES.get(status, '')}]{status}[/]" if status in STYLES else status, *map(_plain, values))
    out.print(table)


def show(api: Api, name: str, *, as_json: bool) -> None:
    """Print one check."""
    check = find(api, name)
    if as_json:
        _print_json(check)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    rows = {
        "name": title(check),
        "status": check["status"] + (" (running)" if check.get("started") else ""),
        "expected": f"{_expected(check)}, {_span(check['grace'])} of grace",
        "last ping": _when(check["last_ping"]),
        "next ping": _when(check.get("next_ping")),
        "pings": str(check["n_pings"]),
        "slug": check.get("slug", ""),
        "tags": check.get("tags", ""),
        "about": check.get("desc", ""),
        "ping URL": check.get("ping_url", ""),
    }
    for label, value in rows.items():
        if value:
            table.add_row(label, _plain(value))
    out.print(table)


def delete(api: Api, check: Document) -> None:
    """Delete a check that was found. Raises CliError if the key may not see its UUID."""
    if "uuid" not in check:
        raise CliError("This key may only read. Set LASTSEEN_API_KEY to one that may write.")
    api.delete(check["uuid"])
    talk.print(f"Deleted {title(check)}.", markup=False)


def find(api: Api, name: str) -> Document:
    """Return the one check with this UUID, unique key, slug or name. Raises CliError if there is none, or several."""
    if _is_key(name):
        found = api.check(name.lower())
        if found:
            return found
    else:
        checks = api.checks()
        for field in ("slug", "name"):
            matches = [check for check in checks if check.get(field) == name]
            if len(matches) == 1:
                return matches[0]
            if matches:
                raise CliError(f"{len(matches)} checks have the {field} {name}. Give the UUID: lastseen checks list")
    raise CliError(f'No check is called "{name}". List them with: lastseen checks list')


def title(check: Document) -> str:
    """Return what to call a check when talking of it."""
    return str(check["name"] or check.get("slug") or "the check without a name")


def _is_key(name: str) -> bool:
    if UNIQUE_KEY.fullmatch(name):
        return True
    try:
        UUID(name)
    except ValueError:
        return False
    return True


def _expected(check: Document) -> str:
    if "schedule" in check:
        return f"{check['schedule']} {check.get('tz', '')}".strip().replace("\n", "; ")
    return f"every {_span(check['timeout'])}"


def _span(total: int) -> str:
    parts = []
    for unit, size in UNITS.items():
        count, total = divmod(total, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _when(stamp: str | None) -> str:
    return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S") if stamp else "never"


def _plain(value: str) -> str:
    return value.replace("[", r"\[")


def _print_json(document: object) -> None:
    out.print(json.dumps(document, indent=2, ensure_ascii=False), markup=False)
