"""Timers of systemd: which become checks, what is said of the others, and the drop-ins that come and go."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lastseen_cli.discover import proposing, systemd
from lastseen_cli.discover.jobs import Reading
from lastseen_cli.discover.proposing import Proposed, Wishes
from tests.cli.conftest import Terminal

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SHIPPED = Path(__file__).parents[3] / "clients" / "systemd" / "lastseen.conf"
CAT = """\
# /lib/systemd/system/nightly-backup.timer
[Unit]
Description=Backup

[Timer]
OnCalendar=daily
RandomizedDelaySec=1h 30min
[Install]
WantedBy=timers.target

# /etc/systemd/system/nightly-backup.timer.d/when.conf
[Timer]
OnCalendar=
OnCalendar=*-*-* \\
   04:30:00 Europe/Berlin

# /etc/systemd/system/My.Job@7.timer
[Timer]
OnCalendar=Mon..Fri 08:00
OnCalendar=Sat 10:00
AccuracySec=1us

# /etc/systemd/system/other.timer
[Timer]
OnCalendar=hourly
Unit=real.service
; OnCalendar=never

# /etc/systemd/system/real.service
[Service]
ExecStart=/bin/true

# /etc/systemd/system/real.service.d/lastseen.conf
[Service]
ExecStartPre=-/usr/local/bin/lastseen-ping start %N
ExecStopPost=-/usr/local/bin/lastseen-ping end %N
"""


def read(text: str, tz: str = "UTC") -> Reading:
    return systemd.read(systemd.units([("cat", text)]), tz)


def proposed(text: str) -> Proposed:
    return proposing.propose([read(text)], [], Wishes(), NOW)


def test_the_drop_in_is_the_one_that_is_shipped() -> None:
    assert systemd.drop_in("nightly.service", "nightly") == SHIPPED.read_text()
    other = systemd.drop_in("nightly.service", "nightly-db1")
    assert "lastseen-ping end nightly-db1\n" in other
    assert "start %N" not in other


def test_timers_become_checks_by_their_calendars_drop_ins_and_units() -> None:
    found = proposed(CAT)
    assert found.remarks == ()
    assert [
        (each.slug, each.due.expression, each.due.tz, each.grace, each.job.watched, each.job.where)  # type: ignore[union-attr]
        for each in found.proposals
    ] == [
        ("nightly-backup", "*-*-* 04:30:00 Europe/Berlin", "UTC", 3600 + 5400 + 60, False, "cat:14"),
        ("my-job-7", "Mon..Fri 08:00\nSat 10:00", "UTC", 3600, False, "cat:19"),
        ("real", "hourly", "UTC", 15 * 60 + 60, True, "cat:25"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[Timer]\nOnUnitActiveSec=15 min\n", "lastseen checks create a --every 15min"),
        ("[Timer]\nOnCalendar=\n", "has no OnCalendar="),
        ("[Timer]\nOnCalendar=daily\nUnit=a.target\n", "starts a.target, which is no service"),
        ("[Timer]\nOnCalendar=whenever it suits\n", "is no schedule in a dialect known here"),
        ("[Timer]\nOnCalendar=\x1b[31m daily\n", ""),
        ("[Timer]\nOnCalendar=daily\n# /x/A.timer\n[Timer]\nOnCalendar=daily\n", "the check a is that of a.timer too"),
    ],
)
def test_a_timer_that_is_not_understood_is_named_with_its_line(text: str, words: str) -> None:
    (remark,) = proposed(f"# /x/a.timer\n{text}").remarks
    assert remark.is_fault
    assert words in remark.text
    assert remark.where.startswith("cat:")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1h 30min", 5400), ("2d", 172800), ("1us", 0), ("1.5h", 5400), ("soon", None), ("", None)],
)
def test_a_time_span_is_read_as_systemd_writes_it(text: str, seconds: int | None) -> None:
    assert systemd.seconds(text) == seconds


SYSTEMCTL = """#!/bin/sh
case "$1" in
  list-timers) echo "Sat 2026-03-07 04:30 UTC 5h left - - nightly-backup.timer nightly-backup.service" ;;
  cat) printf '%s\\n' '# /lib/systemd/system/nightly-backup.timer' '[Timer]' 'OnCalendar=*-*-* 04:30:00' ;;
esac
"""


def test_this_hosts_timers_get_their_drop_ins_once_and_lose_them_again(lastseen: Terminal, tmp_path: Path) -> None:
    program = tmp_path / "systemctl"
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    lastseen.monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    folder = tmp_path / "system"
    folder.mkdir()
    command = ("discover", "systemd", "--tz", "UTC", "--host", "db1", "--into", str(folder))
    dry = lastseen(*command, "--dry-run", "--exit-code")
    assert (dry.status, list(folder.iterdir())) == (3, [])
    assert "+ExecStopPost=-/usr/local/bin/lastseen-ping end %N\n" in dry.out
    lastseen.ok(*command, "--yes")
    written = folder / "nightly-backup.service.d" / "lastseen.conf"
    assert (written.read_text(), written.stat().st_mode & 0o777) == (SHIPPED.read_text(), 0o644)
    assert [(check.slug, check.tags) for check in lastseen.world.store.checks.values()] == [
        ("nightly-backup", "host:db1")
    ]
    own = folder / "own.service.d" / "lastseen.conf"
    own.parent.mkdir()
    own.write_text(f"{SHIPPED.read_text()}# changed\n")
    undone = lastseen.ok("discover", "systemd", "--into", str(folder), "--undo", "--yes")
    assert f"- {written}\n" in undone.err
    assert [path.name for path in folder.iterdir()] == ["own.service.d"]


def test_units_given_as_files_are_shown_and_written_only_where_asked(lastseen: Terminal, tmp_path: Path) -> None:
    timer = tmp_path / "a.timer"
    timer.write_text("[Timer]\nOnCalendar=daily\n")
    done = lastseen.ok("discover", "systemd", str(timer), "--tz", "Europe/Berlin", "--yes")
    assert "a.service.d/lastseen.conf" in done.out
    assert [check.slug for check in lastseen.world.store.checks.values()] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.timer"]
