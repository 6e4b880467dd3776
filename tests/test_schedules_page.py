"""docs/schedules.md: each line of its tables is understood as the page says, or refused with the words to write."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from lastseen.core.check import Check, Status
from lastseen.core.dialects import understood
from lastseen.core.dues import deadline, expectation
from lastseen.core.machine import configured
from lastseen.core.schedule import Cron, OnCalendar, Period, Schedule, ScheduleError, next_due
from lastseen.core.zones import zone
from lastseen.page.phrases import expected

PAGE = (Path(__file__).parents[1] / "docs" / "schedules.md").read_text("utf-8")
TAB = (files("tzdata.zoneinfo") / "zone1970.tab").read_text("utf-8").splitlines()
ZONES = [line.split("\t")[2] for line in TAB if not line.startswith("#")]  # aliases left out
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def rows(*header: str) -> list[list[str]]:
    """The rows of every table of that header; a cell's code as text, a line each."""
    found: list[list[str]] = []
    inside = False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        if cells[: len(header)] == list(header):
            inside = True
        elif inside and cells and not set(line) <= set("|-"):
            found.append(["\n".join(re.findall(r"`([^`]+)`", cell)) or cell for cell in cells])
        elif not cells:
            inside = False
    return found


TAKEN = rows("you have", "is kept as", "in words")
REFUSED = rows("you have", "write")


def test_the_page_has_a_table_for_each_scheduler() -> None:
    assert len(TAKEN) > 40
    assert len(REFUSED) > 12
    for scheduler in ("cron", "systemd", "Kubernetes", "Rails", "AWS", "Jenkins", "GitHub Actions", "Quartz"):
        assert re.search(rf"^## .*\b{scheduler}", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("text", "kept", "words"), TAKEN, ids=[row[0] for row in TAKEN])
def test_a_line_of_the_page_is_taken_as_it_says(text: str, kept: str, words: str) -> None:
    schedule = understood(text, "UTC", after=NOW)
    assert ("a period" if isinstance(schedule, Period) else schedule.expression) == kept
    assert expected(schedule) == words


@pytest.mark.parametrize(("text", "write"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_line_that_the_page_calls_refused_is_refused_with_what_to_write(text: str, write: str) -> None:
    with pytest.raises(ScheduleError, match=re.escape(write)):
        understood(text, "UTC", after=NOW)


BERLIN = "Europe/Berlin"
OF_THE_CLOCKS: dict[str, Schedule] = {  # by what stands as code in the first cell
    "skipped_hour\nrun": Cron("30 2 * * *", BERLIN, "run"),
    "skipped_hour\nskip": Cron("30 2 * * *", BERLIN, "skip"),
    "*": Cron("30 */2 * * *", BERLIN, "run"),
    "OnCalendar": OnCalendar("02:30", BERLIN),
}
IN_SPRING: dict[tuple[str, ...], str] = {("01:00",): "is due when the gap ends", (): "is not due"}
IN_AUTUMN: dict[tuple[str, ...], str] = {
    ("00:30",): "is due once, the first time",
    ("00:30", "01:30"): "is due both times",
}


def test_what_the_page_says_of_skipped_and_repeated_times_is_so() -> None:
    table = rows("schedule", "a time that the clocks skip in spring")
    assert [kind for kind, _, _ in table] == list(OF_THE_CLOCKS)
    for kind, in_spring, in_autumn in table:
        assert IN_SPRING[_dues(OF_THE_CLOCKS[kind], datetime(2027, 3, 28, 0, tzinfo=UTC))] == in_spring, kind
        assert IN_AUTUMN[_dues(OF_THE_CLOCKS[kind], datetime(2027, 10, 31, 0, tzinfo=UTC))] == in_autumn, kind


def _dues(schedule: Schedule, after: datetime) -> tuple[str, ...]:
    """The times in UTC, within two hours."""
    dues, until = [], after + timedelta(hours=2)
    while (due := next_due(schedule, after)) and due < until:
        dues.append(f"{due:%H:%M}")
        after = due
    return tuple(dues)


def test_what_the_page_says_of_a_change_is_so() -> None:
    said = dict(rows("you change", "the next ping is expected"))
    pinged, change, hour = NOW, NOW + timedelta(hours=6), timedelta(hours=1)
    check = Check(id="x", schedule=Cron("0 13 * * *"), status=Status.UP, since=NOW, last_ping=pinged)
    on_time = replace(check, schedule=Period(10 * hour))

    moved = configured(on_time, change, schedule=Cron("0 13 * * *")).check
    assert expectation(moved) == next_due(moved.schedule, change) != next_due(moved.schedule, pinged)
    assert said.pop("a cron or OnCalendar schedule, or its zone") == (
        "at its first time after the later of last ping and change"
    )
    assert expectation(configured(on_time, change, schedule=Period(9 * hour)).check) == pinged + 9 * hour
    assert expectation(configured(on_time, change, schedule=Period(hour)).check) == change
    assert said.pop("a period") == "a period after the last ping, but not before the change"
    late = replace(on_time, schedule=Period(5.5 * hour))
    assert expectation(configured(late, change, grace=2 * hour).check) == expectation(late)
    assert deadline(configured(late, change, grace=2 * hour).check) == change + 2 * hour
    assert said.pop("grace") == (
        "as before; a ping that is late already, or a run that is open, has the new grace from the change on"
    )
    assert not said


def test_the_times_that_no_zone_skips_or_repeats_are_those_of_the_page() -> None:
    [(first, last)] = re.findall(r"Times from (\d\d:\d\d) to (\d\d:\d\d) are neither skipped nor repeated", PAGE)
    changing = {wall for name in ZONES for wall in _changed_walls(name)}
    assert min(wall for wall in changing if wall >= "12:00") > last
    assert max(wall for wall in changing if wall < "12:00") < first


def _changed_walls(name: str) -> set[str]:
    """Times of the day that the clocks of a zone skip or repeat within a year, each full quarter of an hour."""
    tz, quarter, days = zone(name), timedelta(minutes=15), [NOW + timedelta(days=day) for day in range(366)]
    walls = set()
    for day in days:
        if (before := day.astimezone(tz).utcoffset()) != (day + timedelta(days=1)).astimezone(tz).utcoffset():
            at = day
            while (after := at.astimezone(tz).utcoffset()) == before:
                at += quarter
            assert before is not None
            assert after is not None
            ends = sorted((at.replace(tzinfo=None) + before, at.replace(tzinfo=None) + after))
            walls |= {f"{ends[0] + n * quarter:%H:%M}" for n in range((ends[1] - ends[0]) // quarter)}
    return walls
