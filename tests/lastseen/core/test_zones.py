"""Zone rules and names come from the pinned tzdata, whatever the machine has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastseen.core.zones import AT_HOME, PLACELESS, ZoneError, canonical_zone, is_zone, rules_version, zone

PACKED = Path(str(files("tzdata"))) / "zoneinfo"
SUMMER, WINTER = datetime(2026, 7, 15, tzinfo=UTC), datetime(2026, 1, 15, tzinfo=UTC)


# Rules


DUES = """
import sys, zoneinfo
from datetime import UTC, datetime, timedelta
from lastseen.core.schedule import Cron, OnCalendar, Period, next_due
from lastseen.core.check import Check
from lastseen.page.views import _at
now = datetime(2026, 1, 15, tzinfo=UTC)
print(now.astimezone(zoneinfo.ZoneInfo("Europe/Berlin")).utcoffset())
for schedule in (Cron("0 9 * * *", "Europe/Berlin"), OnCalendar("09:00", "Europe/Berlin"),
                 OnCalendar("09:00 Europe/Berlin"), Cron("0 9 * * *", "Pacific/Apia")):
    print(next_due(schedule, now))
    print(_at(Check(id="c", schedule=schedule), now))
"""


def dues(tzpath: str) -> list[str]:
    environment = os.environ | {"PYTHONTZPATH": tzpath}  # noqa: TID251 - a child's
    done = subprocess.run([sys.executable, "-c", DUES], env=environment, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout.splitlines()


def test_zone_files_of_the_machine_are_never_read(tmp_path: Path) -> None:
    for name, other in (("Europe/Berlin", "Asia/Tokyo"), ("Pacific/Apia", "America/New_York")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((PACKED / other).read_bytes())
    altered, plain = dues(str(tmp_path)), dues("")
    assert (altered[0], plain[0]) == ("9:00:00", "1:00:00")  # Python's own way would have taken them
    assert altered[1:] == plain[1:]
    assert plain[1] == "2026-01-15 08:00:00+00:00"


def test_the_version_of_the_rules_is_that_of_the_pinned_package() -> None:
    assert re.fullmatch(r"20[0-9]{2}[a-z]", rules_version())
    year, number = version("tzdata").split(".")
    assert rules_version() == f"{year}{'abcdefghijklmnopqrstuvwxyz'[int(number) - 1]}"


@pytest.mark.parametrize(
    "name", ["", "Europe", "Europe/", "/etc/localtime", "../zones", "Europe/../UTC", "zone.tab", "leapseconds", "UTC\0"]
)
def test_what_is_no_zone_is_refused_and_no_other_file_is_opened(name: str) -> None:
    with pytest.raises(ZoneError, match="Unknown time zone"):
        zone(name)


# Names


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_known_zone_or_refused(name: str) -> None:
    known = "UTC"
    with suppress(ZoneError):
        known = canonical_zone(name)
    assert str(zone(known)) == known


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("Europe/Kiev", "Europe/Kyiv"),
        ("US/Eastern", "America/New_York"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Zulu", "Etc/UTC"),
        ("Iceland", "Atlantic/Reykjavik"),
        ("europe/BERLIN", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("utc", "UTC"),
        ("Etc/GMT+5", "Etc/GMT+5"),
    ],
)
def test_old_and_misspelled_names_become_the_names_of_today(name: str, canonical: str) -> None:
    assert canonical_zone(name) == canonical


def countries() -> set[str]:
    lines = (PACKED / "zone.tab").read_text("utf-8").splitlines()
    return {line.split("\t")[2] for line in lines if not line.startswith("#")}


def test_the_names_that_countries_use_stay_though_the_zone_file_links_them_abroad() -> None:
    names = countries() | PLACELESS
    assert {"Europe/Oslo", "Europe/Stockholm", "Africa/Accra", "UTC"} < names
    assert {canonical_zone(name) for name in names} == names


def test_every_zone_that_tzdata_knows_is_known_and_its_name_of_today_shows_the_same_time() -> None:
    names = (files("tzdata") / "zones").read_text("utf-8").split()
    assert len(names) > 500
    for name in names:
        known = canonical_zone(name)
        assert is_zone(name)
        assert canonical_zone(known) == known
        for moment in (SUMMER, WINTER):
            assert moment.astimezone(zone(known)).utcoffset() == moment.astimezone(zone(name)).utcoffset(), name


def test_places_renamed_by_hand_go_to_names_that_countries_use() -> None:
    assert set(AT_HOME.values()) <= countries()
    assert all(canonical_zone(old) == new for old, new in AT_HOME.items())
