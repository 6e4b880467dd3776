"""What `lastseen checks ...` does: turn options into the API's settings, and the API's documents into tables."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from uuid import UUID

from lastseen_cli import output
from lastseen_cli.api import Api, Document
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.output import plain, when

STYLES = {"up": "green", "down": "bold red", "grace": "yellow", "new": "dim", "paused": "dim"}
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
TIME = re.compile(r"(?=\w)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)
UNIQUE_KEY = re.compile(r"[0-9a-f]{40}", re.ASCII)
SLUG = re.compile(r"[a-z0-9_-]+", re.ASCII)
SETTINGS = (
    "name",
    "slug",
    "tags",
    "desc",
    "timeout",
    "schedule",
    "tz",
    "grace",
    "reminder",
    "channels",
    "manual_resume",
    "methods",
    "flap_limit",
    "snoozed_until",
    "start_kw",
    "success_kw",
    "failure_kw",
    "filter_http_body",
    "filter_default_fail",
    "filter_subject",
    "filter_body",
)
"""What can be asked of a check, in the order in which changes are told."""


def seconds(text: str, *, option: str) -> int:
    """Read a duration like 90, 90s, 5m, 1h30m or 1d. Raises UsageError naming the option."""
    match = TIME.fullmatch(text)
    if not match:
        raise UsageError(f"{option} {text}: not a time. Write seconds, or like 90s, 5m, 1h30m, 1d.")
    return sum(int(part or 0) * unit for part, unit in zip(match.groups(), UNITS.values(), strict=True))


def settings(
    *,
    name: str | None = None,
    every: str | None = None,
    schedule: str | None = None,
    tz: str | None = None,
    grace: str | None = None,
    reminder: str | None = None,
    **same: object,
) -> dict[str, object]:
    """Return the API's settings for the options; those in `same` bear the API's names and values.

    Raises UsageError for what is no time, or excludes each other.
    """
    if every and schedule:
        raise UsageError("--every and --schedule exclude each other: give one of them.")
    given: dict[str, object | None] = {
        "name": name,
        "timeout": seconds(every, option="--every") if every else None,
        "schedule": schedule,
        "tz": tz,
        "grace": seconds(grace, option="--grace") if grace else None,
        "reminder": seconds(reminder, option="--reminder") if reminder else None,
        **same,
    }
    return {key: value for key, value in given.items() if value is not None}


def create(api: Api, settings: dict[str, object], *, as_json: bool) -> None:
    """Make a check; print its ping URL, and a line to try it with."""
    check, is_new = api.create(settings)
    if as_json:
        output.as_json(check)
        return
    output.say(f"{'Made' if is_new else 'Updated'} {title(check)}. Its ping URL:")
    output.data(check["ping_url"])
    output.say(f"Put this at the end of the job:\n  curl -fsS -m 10 --retry 5 {check['ping_url']}")
    if note := check.get("schedule_note"):
        output.say(f"Schedule: {note}")


def list_all(api: Api, *, tags: Sequence[str], as_json: bool) -> None:
    """Print the checks as a table, by name."""
    found = api.checks(tags)
    if as_json:
        output.as_json({"checks": found})
        return
    if not found:
        output.say("There is no check. Make one with: lastseen checks create NAME --every 1h")
        return
    columns = ("STATUS", "NAME", "EXPECTED", "LAST PING", "PINGS", "KEY")
    output.table(columns, [_row(check) for check in found], right=["PINGS"])


def _row(check: Document) -> tuple[str, ...]:
    status, key = check["status"], check.get("uuid") or check.get("unique_key", "")
    values = (check["name"], _expected(check), when(check["last_ping"]), str(check["n_pings"]), key)
    return (_styled(status), *map(plain, values))


def _styled(status: str) -> str:
    return f"[{STYLES[status]}]{status}[/]" if status in STYLES else status


def show(api: Api, name: str, *, as_json: bool) -> None:
    """Print one check."""
    check = find(api, name)
    if as_json:
        output.as_json(check)
        return
    rows = {
        "name": title(check),
        "status": check["status"] + (" (running)" if check.get("started") else ""),
        "expected": f"{_expected(check)}, {span(check['grace'])} of grace",
        "last ping": when(check["last_ping"]),
        "next ping": when(check.get("next_ping")),
        "pings": str(check["n_pings"]),
        "slug": check.get("slug", ""),
        "tags": check.get("tags", ""),
        "about": check.get("desc", ""),
        "channels": {"*": "all", "": "none"}.get(check.get("channels", "*"), check.get("channels", "")),
        "ping URL": check.get("ping_url", ""),
        "badge": check.get("badge_url", ""),
    }
    output.record(list(rows.items()))


def update(api: Api, name: str, settings: dict[str, object], *, as_json: bool) -> None:
    """Change settings of a check; say which."""
    before = _writable(find(api, name))
    after = api.update(before["uuid"], settings)
    if as_json:
        output.as_json(after)
        return
    changed = changes(before, after)
    output.say(f"Updated {title(after)}: {'; '.join(changed)}." if changed else f"{title(after)} was so already.")
    if note := after.get("schedule_note"):
        output.say(f"Schedule: {note}")


def changes(before: Document, after: Document) -> list[str]:
    """Return in words which settings differ."""
    told = {"timeout": span, "grace": span, "reminder": span}
    differ = [name for name in SETTINGS if before.get(name) != after.get(name)]

    def word(name: str, value: object) -> str:
        return told[name](int(str(value))) if name in told and value else json.dumps(value, ensure_ascii=False)

    return [f"{name} {word(name, before.get(name))} -> {word(name, after.get(name))}" for name in differ]


def pause(api: Api, name: str) -> None:
    """Stop watching a check."""
    paused = api.pause(_writable(find(api, name))["uuid"])
    how = "until you resume it" if paused["manual_resume"] else "until it is pinged or resumed"
    output.say(f"Paused {title(paused)}: nothing is expected of it {how}.")


def resume(api: Api, name: str) -> None:
    """Watch a paused check again."""
    output.say(f"Resumed {title(api.resume(_writable(find(api, name))['uuid']))}: its next ping starts the clock.")


def pings(api: Api, name: str, *, limit: int, body: int | None, as_json: bool) -> None:
    """Print a check's newest pings, or the body of one."""
    check = _writable(find(api, name))
    if body is not None:
        sys.stdout.buffer.write(api.body(check["uuid"], body))
        return
    found = api.pings(check["uuid"], limit=limit)
    if as_json:
        output.as_json({"pings": found})
        return
    if not found:
        output.say(f"No ping of {title(check)} is kept.")
        return
    rows = [
        (
            str(ping["n"]),
            when(ping["date"]),
            ping["type"],
            f"{ping['duration']:g} s" if "duration" in ping else "",
            str(ping.get("note") or ping.get("exitstatus", "")),
            plain(f"{ping['method']} {ping['remote_addr']} {ping['ua']}"),
            "yes" if ping["body_url"] else "",
        )
        for ping in found
    ]
    output.table(("N", "TIME", "SAID", "TOOK", "EXIT", "FROM", "BODY"), rows, right=["N", "TOOK", "EXIT"])


def flips(api: Api, name: str, *, seconds: int | None, as_json: bool) -> None:
    """Print a check's changes of status."""
    check = find(api, name)
    found = api.flips(check.get("uuid") or check["unique_key"], seconds=seconds)
    if as_json:
        output.as_json({"flips": found})
        return
    if not found:
        output.say(f"{title(check)} has not changed its status.")
        return
    rows = [(when(flip["timestamp"]), _styled(flip["status"]), flip["reason"]) for flip in found]
    output.table(("TIME", "STATUS", "WHY"), rows)


def delete(api: Api, check: Document) -> None:
    """Delete a check that was found. Raises CliError if the key may not see its UUID."""
    api.delete(_writable(check)["uuid"])
    output.say(f"Deleted {title(check)}.")


def _writable(check: Document) -> Document:
    if "uuid" not in check:
        raise CliError("This key may only read. Set LASTSEEN_API_KEY to one that may write.")
    return check


def find(api: Api, name: str) -> Document:
    """Return the one check with this UUID, unique key, slug or name. Raises CliError if there is none, or several."""
    if _is_key(name):
        found = api.check(name.lower())
        if found:
            return found
    else:
        for field in ("slug", "name"):
            if field == "slug" and not SLUG.fullmatch(name):
                continue
            checks = api.checks(slug=name) if field == "slug" else api.checks()
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
    return f"every {span(check['timeout'])}"


def span(total: int) -> str:
    """Return a duration as options take it: 1h30m."""
    parts = []
    for unit, size in UNITS.items():
        count, total = divmod(total, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
