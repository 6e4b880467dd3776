"""Every schedule on our pages and in the files to copy can be read, and the clocks of its zone never skip it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lastseen.core.dialects import understood
from lastseen.core.schedule import Cron, OnCalendar, next_due, skipped_time

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"  # the zone of our examples

FORMS = (  # how pages and files write a schedule: the text, and the zone if it stands beside it
    r'--schedule "(?P<text>[^"]+)"(?: --tz (?P<tz>\S+))?',
    r'"schedule": "(?P<text>[^"]+)"(?:, "tz": "(?P<tz>[^"]+)")?',
    r"^\s*-? ?(?P<text>(?:cron|schedule): .+)$",
    r'cron"?(?: =>|:) "(?P<text>[^"]+)"',
    r"^(?P<text>[0-9*]\S* [0-9*]\S* [0-9*L]\S* [0-9*]\S* [0-9*]\S* +\S.*)$",
    r"^(?P<text>OnCalendar=.+)$",
)


def schedules() -> list[tuple[str, str, str]]:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "clients").rglob("*")]
    found = []
    for page in pages:
        if page.suffix in {".pyc", ".png"} or page.is_dir():
            continue
        text = page.read_text("utf-8")
        matches = [match for form in FORMS for match in re.finditer(form, text, re.MULTILINE)]
        name = str(page.relative_to(ROOT))
        found += [(name, match["text"], match.groupdict().get("tz") or BERLIN) for match in matches]
    return found


FOUND = schedules()


def test_schedules_are_found_on_the_pages_of_every_scheduler() -> None:
    pages = {page for page, _, _ in FOUND}
    assert {
        "README.md", "docs/apply.md", "docs/rails.md", "docs/clients/crontab.md", "docs/clients/aws.md",
        "docs/clients/systemd.md", "docs/clients/kubernetes.md", "clients/kubernetes/cronjob.yaml",
        "clients/github-actions/scheduled.yml",
    } <= pages  # fmt: skip


@pytest.mark.parametrize(("page", "text", "tz"), FOUND)
def test_a_schedule_of_our_pages_is_at_a_time_that_no_clock_skips(page: str, text: str, tz: str) -> None:
    schedule = understood(text, tz, after=NOW)
    if isinstance(schedule, Cron):
        assert skipped_time(schedule, NOW) is None, page
    if isinstance(schedule, OnCalendar):  # in UTC it is due at half past two of that day if its text says so
        on_the_wall = OnCalendar(schedule.expression, "UTC")
        due = next_due(on_the_wall, datetime(2027, 3, 28, 1, 59, 59, tzinfo=UTC))
        assert due is not None
        assert due >= datetime(2027, 3, 28, 3, tzinfo=UTC), page
