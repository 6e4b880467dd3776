"""A check's settings between people and the API: durations, slugs, and what differs in words. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from lastseen.core.limits import EARLY_SECONDS, SECONDS, SLUG_CHARS
from lastseen_cli.errors import UsageError
from lastseen_cli.output import one_line

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
TIME = re.compile(r"(?=\w)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)
NOT_A_TIME = "not a time. Write seconds, or like 90s, 5m, 1h30m, 1d."

SETTINGS = (
    "name",
    "slug",
    "tags",
    "desc",
    "timeout",
    "schedule",
    "tz",
    "skipped_hour",
    "grace",
    "early",
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
"""What can be asked of a check, in the order in which changes are listed."""

DEFAULT = "default"
"""What resets a setting whose default depends on others."""

DURATIONS = {"timeout": "every", "grace": "grace", "early": "early", "reminder": "reminder"}
"""Settings that are durations: as the API calls them, and as options and files do."""


def seconds(text: str) -> int | None:
    """Return a duration like 90, 90s, 5m, 1h30m or 1d in seconds, or None if it is not one."""
    match = TIME.fullmatch(text)
    if not match:
        return None
    return sum(int(part or 0) * unit for part, unit in zip(match.groups(), UNITS.values(), strict=True))


def seconds_of(text: str, *, option: str) -> int:
    """Return an option's duration in seconds. Raises UsageError naming the option."""
    total = seconds(text)
    if total is None:
        raise UsageError(f"{option} {text}: {NOT_A_TIME}")
    return total


def out_of_bounds(total: int, *, or_zero: bool = False, allowed: range = SECONDS) -> str:
    """Return why a setting that is a duration cannot be this long, or "" if it can."""
    if total in allowed or (or_zero and not total):
        return ""
    return f"{'0, or ' if or_zero else ''}{span(allowed[0])} to {span(allowed[-1])}"


def _setting_of(text: str, *, option: str) -> int:
    total = seconds_of(text, option=option)
    allowed = EARLY_SECONDS if option == "--early" else SECONDS
    if bounds := out_of_bounds(total, or_zero=option == "--reminder", allowed=allowed):
        raise UsageError(f"{option} {text}: it can be {bounds}.")
    return total


def span(total: int) -> str:
    """Return a duration as options take it: 1h30m."""
    parts = []
    for unit, size in UNITS.items():
        count, total = divmod(total, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def from_options(
    *,
    name: str | None = None,
    every: str | None = None,
    schedule: str | None = None,
    tz: str | None = None,
    grace: str | None = None,
    early: str | None = None,
    reminder: str | None = None,
    **same: object,
) -> dict[str, object]:
    """Return the API's settings for the options; those in `same` have the API's names and values.

    Raises UsageError for what is not a duration, or excludes each other.
    """
    if every and schedule:
        raise UsageError("--every and --schedule exclude each other: give one of them.")
    given: dict[str, object | None] = {
        "name": name,
        "timeout": _setting_of(every, option="--every") if every else None,
        "schedule": schedule,
        "tz": tz,
        "grace": _setting_of(grace, option="--grace") if grace else None,
        "early": _setting_of(early, option="--early") if early and early != DEFAULT else None,
        "reminder": _setting_of(reminder, option="--reminder") if reminder else None,
        **same,
    }
    reset = {"early": None} if early == DEFAULT else {}
    return {**{key: value for key, value in given.items() if value is not None}, **reset}


def slug_of(name: str) -> str:
    """Return the slug that a check of this name gets, or "" if its name has no letter or digit of ASCII."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain)).strip("-_")[:SLUG_CHARS]


def title(check: Mapping[str, Any]) -> str:
    """Return what to call a check in a sentence, harmless."""
    return one_line(str(check["name"] or check.get("slug") or "")) or "the check without a name"


def expected(check: Mapping[str, Any]) -> str:
    """Return when a check's pings are expected: its schedule with its zone, or its period."""
    if "schedule" in check:
        return f"{check['schedule']} {check.get('tz', '')}".strip().replace("\n", "; ")
    return f"every {span(check['timeout'])}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return in words which settings differ."""
    differ = [name for name in SETTINGS if before.get(name) != after.get(name)]
    return [f"{name} {_word(name, before.get(name))} -> {_word(name, after.get(name))}" for name in differ]


def writable(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a check has, as the API takes them."""
    return {name: check[name] for name in SETTINGS if name in check and check[name] is not None}


def _word(name: str, value: object) -> str:
    if name in DURATIONS and value:
        return span(int(str(value)))
    return one_line(json.dumps(value, ensure_ascii=False))
