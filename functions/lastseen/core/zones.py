"""Time zones: their rules and their names, all from the pinned package `tzdata`.

Lives here: the only door to `zoneinfo` in the repository. Never here: the machine's own zone files. They are as old as
the machine, so one schedule would be due at different hours on two machines. What counts is what was deployed: some
governments change their clocks every year, and a newer tzdata and a deploy bring the new rules.

Read next: local_time.py, which puts what clocks show on the line of real time.
"""

from __future__ import annotations

import os.path
import re
from datetime import tzinfo
from functools import cache

from lastseen.core.limits import ZONE_CHARS

# The packed zone file points old names of places to the zone that has the same clock today, if need be abroad.
# These have a name in their own country.
AT_HOME = {
    "Africa/Asmera": "Africa/Asmara",
    "Africa/Timbuktu": "Africa/Bamako",
    "America/Coral_Harbour": "America/Atikokan",
    "America/Virgin": "America/St_Thomas",
    "Antarctica/South_Pole": "Antarctica/McMurdo",
    "Atlantic/Jan_Mayen": "Arctic/Longyearbyen",
    "Iceland": "Atlantic/Reykjavik",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
    "Pacific/Yap": "Pacific/Chuuk",
}
# Links as well, but nobody who writes them means a place.
PLACELESS = frozenset(
    ("UTC", "GMT", "CET", "EET", "MET", "WET", "EST", "MST", "HST", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT")
)

_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", re.ASCII)


class ZoneError(ValueError):
    """No zone has this name; the text suggests one."""


@cache
def zone(name: str) -> tzinfo:
    """Return the rules of the zone of this very name, letter case included. Raise ZoneError if there are none."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only a schedule with a zone pays for it, not every ping

    unknown = f"Unknown time zone {name!r}: use a name such as Europe/Berlin."
    if not _NAME.fullmatch(name):
        raise ZoneError(unknown)
    try:
        with open(_path(name), "rb") as file:  # noqa: PTH123 - pathlib costs a cold start milliseconds
            return ZoneInfo.from_file(file, key=name)
    except (ValueError, OSError) as error:
        raise ZoneError(unknown) from error


def rules_version() -> str:
    """Return the version of the rules, as the people who publish them count, such as 2026f."""
    import tzdata  # noqa: PLC0415 - as above

    return str(tzdata.IANA_VERSION)


def canonical_zone(name: str) -> str:
    """Return a zone's name of today in its right case. Raise ZoneError with the closest name for an unknown one."""
    if len(name) > ZONE_CHARS:
        raise ZoneError(f"A zone's name has at most {ZONE_CHARS} characters, such as Europe/Berlin.")
    wanted = name.strip().replace(" ", "_").lower()
    if known := _names().get(wanted):
        return known
    raise ZoneError(f"Unknown time zone {name!r}. {_closest(wanted)}")


def is_zone(name: str) -> bool:
    """Return whether a zone has this name, in whatever case."""
    return name.lower() in _names()


def names_city(name: str) -> bool:
    """Return whether a zone has this name as its last part, as Berlin, in whatever case."""
    return name.strip().replace(" ", "_").lower() in _cities()


@cache
def _names() -> dict[str, str]:
    """Map every name that tzdata knows, in lower case, to the one to use."""
    places = {line.split("\t")[2] for line in _lines("zone.tab") if not line.startswith("#")}
    names: dict[str, str] = {}
    for line in _lines("tzdata.zi"):
        kind, name, *rest = line.split(" ", 2)
        if kind == "Z":
            names[name.lower()] = name
        elif kind == "L":  # "L Europe/Kyiv Europe/Kiev": target, then the other name
            other = rest[0]
            stays = other in places or other in PLACELESS
            names[other.lower()] = other if stays else AT_HOME.get(other, name)
    return names


@cache
def _cities() -> dict[str, str]:
    return {name.rpartition("/")[2]: canonical for name, canonical in _names().items() if "/" in name}


def _lines(file_name: str) -> list[str]:
    with open(_path(file_name), encoding="utf-8") as file:  # noqa: PTH123 - as above
        return file.read().splitlines()


def _path(name: str) -> str:
    import tzdata  # noqa: PLC0415 - as above

    return os.path.join(os.path.dirname(tzdata.__file__), "zoneinfo", name)  # noqa: PTH118, PTH120 - as above


def _closest(wanted: str) -> str:
    """Suggest a name: the one with that city, else one spelled alike."""
    from difflib import get_close_matches  # noqa: PLC0415 - only who misspells pays for it

    places = {name: canonical for name, canonical in _names().items() if "/" in name}
    for known in (_cities(), places):
        for name in get_close_matches(wanted, known, n=1, cutoff=0.8):
            return f"Did you mean {known[name]}?"
    return "Use a name such as Europe/Berlin or UTC."
