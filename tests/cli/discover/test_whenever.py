"""What whenever writes: checks named as the tasks, and what to write into its schedule."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Terminal

PRINTED = """\
30 4 * * * /bin/bash -l -c 'cd /srv/shop && RAILS_ENV=production bundle exec rake billing:close_month --silent'

0 5 * * * /bin/bash -l -c 'cd /srv/shop && bundle exec bin/rails runner -e production '\\''Report.run'\\'''

0 6 * * * /bin/bash -l -c 'cd /srv/shop && /usr/local/bin/lastseen.sh nightly-dump -- pg_dump -Fc shop'

## [message] Above is your schedule file converted to cron syntax; your crontab file was not updated.
"""


def test_its_lines_become_checks_and_its_schedule_says_how_they_are_watched(lastseen: Terminal, tmp_path: Path) -> None:
    (tmp_path / "whenever").write_text(PRINTED)
    bundle = tmp_path / "bundle"
    bundle.write_text(f"#!/bin/sh\ncat {tmp_path}/whenever\n")
    bundle.chmod(0o755)
    lastseen.monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    done = lastseen.ok("discover", "whenever", "--tz", "Europe/Berlin", "--yes")
    slugs = sorted(check.slug for check in lastseen.world.store.checks.values())
    assert slugs == ["billing-close_month", "rails-report-run"]
    assert 'whenever:1: in config/schedule.rb: watched "...", slug: "billing-close_month"' in done.err
    assert "watched  nightly-dump" in done.out
    again = lastseen(
        "discover", "whenever", str(tmp_path / "whenever"), "--tz", "Europe/Berlin", "--dry-run", "--exit-code"
    )
    assert (again.status, "0 checks to make, 0 to change" in again.err) == (0, True)


def test_a_crontab_that_whenever_writes_is_pointed_out(lastseen: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "tab"
    file.write_text(f"# Begin Whenever generated tasks for: /srv\n{PRINTED}# End Whenever generated tasks for: /srv\n")
    done = lastseen.ok("discover", "crontab", str(file), "--tz", "UTC", "--dry-run")
    assert f"{file}:1: whenever writes the lines from here on again at each deploy" in done.err
