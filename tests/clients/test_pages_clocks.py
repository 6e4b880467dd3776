"""What each page says of its scheduler where the clocks change. Times of day: tests/test_schedules_of_pages.py."""

from __future__ import annotations

import pytest

from tests.clients.pages import page


@pytest.mark.parametrize(
    ("name", "scheduler", "rule"),
    [
        ("clients/crontab.md", "Debian's cron", "run when the gap ends"),
        ("clients/systemd.md", "systemd does not start a timer at a time that the clocks skip", "once at one that"),
        ("clients/kubernetes.md", "a CronJob skips a time that the clocks skip", "schedules.md#kubernetes"),
        ("clients/aws.md", "EventBridge skips a time that the clocks skip", "schedules.md#aws"),
        ("clients/github-actions.md", "in UTC", "no hour is skipped or doubled"),
        ("clients/powershell.md", "Task Scheduler", "skip or repeat"),
        ("clients/python.md", "Beat goes by", "skip or repeat"),
        ("clients/python.md", "APScheduler may not run", "skip or repeat"),
        ("rails.md", "sidekiq-cron, good_job and solid_queue", "runs twice"),
    ],
)
def test_each_page_names_the_rule_of_its_scheduler_for_skipped_and_doubled_hours(
    name: str, scheduler: str, rule: str
) -> None:
    text = " ".join(page(name).text.split())
    assert scheduler in text
    assert rule in text
