"""`lastseen discover crontab`: checks, changed lines, a backup, a second time, and back again; a job really run."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lastseen.core.schedule import Cron
from lastseen_cli import contexts
from lastseen_cli.contexts import Context
from lastseen_cli.discover import places
from lastseen_cli.errors import CliError
from lastseen_cli.local.state import LocalRun, remembered
from tests.cli.conftest import Terminal
from tests.clients.receiver import KEY, receiving
from tests.times import hours

CLIENT = Path(__file__).parents[3] / "clients" / "sh" / "lastseen.sh"
COMMAND = Path(sys.executable).with_name("lastseen")
SH = "/usr/local/bin/lastseen.sh"
TEXT = """\
MAILTO=ops@example.org

# Nightly backup
30 4 * * * backup --all > /dev/null

@daily report "$(date +\\%F)"
@reboot warm-up
"""
WATCHED = f"""\
MAILTO=ops@example.org

# Nightly backup
30 4 * * * {SH} nightly-backup -- sh -c 'backup --all > /dev/null'

@daily {SH} report -- sh -c 'report "$(date +\\%F)"'
@reboot warm-up
"""
BERLIN = ("--tz", "Europe/Berlin")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("LASTSEEN_PING_URL", "LASTSEEN_PING_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "tab"
    path.write_text(TEXT)
    return path


def backups(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.lastseen-backup-*"))


def test_it_shows_asks_makes_the_checks_and_writes_with_a_backup(lastseen: Terminal, file: Path) -> None:
    file.chmod(0o640)
    asked = lastseen("discover", "crontab", str(file), *BERLIN)
    assert asked.status == 1
    assert f"Make 2 checks, change 0, and write {file}?" in asked.err
    assert "+30 4 * * * /usr/local/bin/lastseen.sh nightly-backup -- sh -c 'backup --all > /dev/null'\n" in asked.out
    assert f"{file}:7: @reboot has no schedule" in asked.err
    assert (file.read_text(), lastseen.world.store.checks) == (TEXT, {})

    done = lastseen.ok("discover", "crontab", str(file), *BERLIN, "--yes")
    assert "the jobs need LASTSEEN_PING_URL and LASTSEEN_PING_KEY" in done.err
    assert file.read_text() == WATCHED
    assert file.stat().st_mode & 0o777 == 0o640
    (backup,) = backups(file.parent)
    assert (backup.read_text(), backup.stat().st_mode & 0o777) == (TEXT, 0o600)
    checks = {check.slug: check for check in lastseen.world.store.checks.values()}
    assert checks["nightly-backup"].schedule == Cron("30 4 * * *", "Europe/Berlin")
    assert (checks["report"].schedule, checks["report"].grace) == (Cron("0 0 * * *", "Europe/Berlin"), hours(1))


def test_a_second_time_it_changes_nothing_and_undo_takes_out_only_what_it_wrote(lastseen: Terminal, file: Path) -> None:
    lastseen.ok("discover", "crontab", str(file), *BERLIN, "--yes")
    again = lastseen.ok("discover", "crontab", str(file), *BERLIN, "--dry-run", "--exit-code")
    assert "2 jobs: 0 checks to make, 0 to change" in again.err
    assert again.out.count("watched ") == 2
    assert "all is watched" in lastseen.ok("discover", "crontab", str(file), *BERLIN).err
    assert len(backups(file.parent)) == 1
    file.write_text(file.read_text() + "# somebody's\n")
    assert lastseen("discover", "crontab", str(file), "--undo", "--dry-run", "--exit-code").status == 3
    assert file.read_text() == WATCHED + "# somebody's\n"
    done = lastseen.ok("discover", "crontab", str(file), "--undo", "--yes")
    assert file.read_text() == TEXT + "# somebody's\n"
    assert "lastseen checks pause nightly-backup\n" in done.err
    assert len(lastseen.world.store.checks) == 2
    assert "Nothing to undo" in lastseen.ok("discover", "crontab", str(file), "--undo", "--yes").err


def test_a_changed_time_is_a_changed_schedule_and_all_else_of_the_check_stays(lastseen: Terminal, file: Path) -> None:
    lastseen.ok("discover", "crontab", str(file), *BERLIN, "--yes")
    lastseen.ok("checks", "update", "nightly-backup", "--name", "Ours", "--grace", "3h")
    file.write_text(file.read_text().replace("30 4 * * *", "30 5 * * *"))
    done = lastseen("discover", "crontab", str(file), *BERLIN, "--dry-run", "--exit-code")
    assert (done.status, '~ Ours: schedule "30 4 * * *" -> "30 5 * * *"' in done.out) == (3, False)
    assert '~ nightly-backup: schedule "30 4 * * *" -> "30 5 * * *"' in done.out
    lastseen.ok("discover", "crontab", str(file), *BERLIN, "--yes")
    (ours,) = [check for check in lastseen.world.store.checks.values() if check.name == "Ours"]
    assert (ours.schedule, ours.grace) == (Cron("30 5 * * *", "Europe/Berlin"), hours(3))


def test_a_filter_reads_stdin_and_prints_only_the_changed_crontab(
    lastseen: Terminal, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = TEXT.encode() + b"0 9 * * * caf\xe9\n"
    given = [io.TextIOWrapper(io.BytesIO(content)) for _ in range(4)]
    for arguments, out in (((), b""), (("--dry-run",), b""), (("--yes",), WATCHED.encode())):
        monkeypatch.setattr("sys.stdin", given.pop())
        done = lastseen("discover", "crontab", "-", *BERLIN, *arguments)
        assert (done.status, bool(done.out)) == (0 if arguments else 2, bool(out)), done.err
    assert done.out.startswith(WATCHED)
    assert done.out.count("\n") == 8
    assert file.read_text() == TEXT


def test_yaml_is_a_file_for_apply_and_asks_no_api(lastseen: Terminal, file: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LASTSEEN_API_URL", "http://127.0.0.1:9/api")
        done = lastseen.ok(
            "discover", "crontab", str(file), *BERLIN, "--output", "yaml", "--grace", "10m", "--host", "db1"
        )
    assert file.read_text() == TEXT
    lines = [
        "name: Nightly backup",
        "slug: nightly-backup",
        'schedule: "30 4 * * *"',
        "tz: Europe/Berlin",
        "grace: 10m",
    ]
    assert done.out.startswith("checks:\n  - " + "\n    ".join([*lines, 'tags: ["host:db1"]\n']))
    checks = tmp_path / "checks.yaml"
    checks.write_text(done.out)
    as_json = lastseen.ok("discover", "crontab", str(file), *BERLIN, "--output", "yaml", "--json")
    assert [check["slug"] for check in json.loads(as_json.out)["checks"]] == ["nightly-backup", "report"]
    lastseen.ok("apply", str(checks))
    assert "0 checks to make, 0 to change" in lastseen("discover", "crontab", str(file), *BERLIN, "--dry-run").err


def test_a_fault_is_status_1_and_all_other_jobs_are_watched(lastseen: Terminal, file: Path) -> None:
    file.write_text(f"{TEXT}61 * * * * \x1b]0;owned\x07\n")
    done = lastseen("discover", "crontab", str(file), *BERLIN, "--yes", "--json")
    document = json.loads(done.out)
    assert done.status == 1
    assert [remark["is_fault"] for remark in document["remarks"]] == [False, True, False]
    assert document["remarks"][1]["where"] == f"{file}:8"
    assert "\x1b" not in lastseen("discover", "crontab", str(file), *BERLIN, "--dry-run").out + done.out
    assert file.read_text() == f"{WATCHED}61 * * * * \x1b]0;owned\x07\n"


def test_a_schedule_that_the_api_refuses_leaves_all_as_it_is(lastseen: Terminal, file: Path) -> None:
    lastseen.by_key(lastseen.world.read)
    done = lastseen("discover", "crontab", str(file), *BERLIN, "--yes")
    assert (done.status, file.read_text(), backups(file.parent)) == (1, TEXT, [])


def test_the_ping_key_goes_only_where_nobody_else_reads_and_is_not_shown(lastseen: Terminal, file: Path) -> None:
    lastseen.monkeypatch.setenv("LASTSEEN_PING_URL", "https://x.test/ping")
    lastseen.monkeypatch.setenv("LASTSEEN_PING_KEY", "secret-key")
    file.chmod(0o644)
    done = lastseen.ok("discover", "crontab", str(file), *BERLIN, "--dry-run")
    assert "it is read by all users" in done.err
    file.chmod(0o600)
    done = lastseen.ok("discover", "crontab", str(file), *BERLIN, "--yes")
    assert "secret-key" not in done.out + done.err
    assert file.read_text().split("\n")[1:3] == [
        "LASTSEEN_PING_URL=https://x.test/ping",
        "LASTSEEN_PING_KEY=secret-key",
    ]
    lastseen.ok("discover", "crontab", str(file), "--undo", "--yes")
    assert file.read_text() == TEXT


def test_jobs_ping_a_running_local_only_if_their_checks_are_made_there(lastseen: Terminal, file: Path) -> None:
    """Whether the API is named by option, by variable or by a context."""
    file.chmod(0o600)
    lastseen.monkeypatch.setenv("XDG_CONFIG_HOME", str(file.parent / "config"))
    environ = os.environ  # noqa: TID251 - tests are an entry point
    url, key = environ["LASTSEEN_API_URL"], environ["LASTSEEN_API_KEY"]
    context = Context(url, key, "default", "rw", "")
    contexts.change(environ, lambda known: known.including("prod", context))
    ping = {"LASTSEEN_PING_URL": "http://127.0.0.1:9/ping", "LASTSEEN_PING_KEY": "local-key"}
    local = LocalRun("http://127.0.0.1:9", ping, {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"})
    with remembered(local, environ):
        assert "the jobs need" in lastseen.ok("discover", "crontab", str(file), *BERLIN, "--dry-run").err
        for name in ("LASTSEEN_API_URL", "LASTSEEN_API_KEY"):
            lastseen.monkeypatch.delenv(name)
        for named in (("--api-url", url, "--api-key", key), ("--context", "prod")):
            done = lastseen.ok("discover", "crontab", str(file), *BERLIN, "--dry-run", *named)
            assert "the jobs need" in done.err
            assert "127.0.0.1:9" not in done.out + done.err
        there = lastseen("discover", "crontab", str(file), *BERLIN, "--dry-run")
        assert (there.status, "http://127.0.0.1:9/api does not answer" in there.err) == (1, True)
    assert file.read_text() == TEXT


def test_a_file_of_cron_d_has_users_and_its_backup_is_where_no_cron_reads(lastseen: Terminal, file: Path) -> None:
    folder = file.parent / "cron.d"
    folder.mkdir()
    tab = folder / "backup"
    tab.write_text("30 4 * * * root backup\n")
    lastseen.ok("discover", "crontab", str(tab), *BERLIN, "--yes")
    assert tab.read_text() == f"30 4 * * * root {SH} backup -- backup\n"
    assert [path.name for path in folder.iterdir()] == ["backup"]
    assert [path.read_text() for path in backups(file.parent / "state" / "lastseen")] == ["30 4 * * * root backup\n"]


def test_a_folder_that_cannot_be_written_is_said_before_a_check_is_made(
    lastseen: Terminal, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != file.parent)  # root may write everywhere
    done = lastseen("discover", "crontab", str(file), *BERLIN, "--yes")
    assert (done.status, "cannot be written by you" in done.err, lastseen.world.store.checks) == (2, True, {})


def test_a_file_that_was_changed_meanwhile_is_not_written(file: Path) -> None:
    (place,) = places.files([str(file)])
    file.write_text("# somebody's\n")
    with pytest.raises(CliError, match="was changed meanwhile"):
        places.write(place, "x", "backup", {})
    assert [path.name for path in file.parent.iterdir()] == ["tab"]


CRONTAB = """#!/bin/sh
case "$1$2$3" in
  -ume-l) if [ -e "$TABS" ]; then cat "$TABS"; else echo "no crontab for me" >&2; exit 1; fi ;;
  -ume-) cat >"$TABS" ;;
  *) exit 9 ;;
esac
"""


def test_this_hosts_crontab_is_read_and_written_by_the_crontab_command(lastseen: Terminal, file: Path) -> None:
    folder = file.parent / "bin"
    folder.mkdir()
    for name, text in (("crontab", CRONTAB), ("lastseen.sh", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    lastseen.monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    lastseen.monkeypatch.setenv("TABS", str(file))
    me = ("discover", "crontab", "--user", "me", *BERLIN, "--host", "db1")
    missing = lastseen(*me, "--program", "/nowhere/lastseen.sh", "--yes")
    assert (missing.status, "without it no job would run" in missing.err) == (2, True)
    lastseen.ok(*me, "--yes")
    assert file.read_text() == WATCHED.replace(SH, f"{folder}/lastseen.sh")
    assert {check.tags for check in lastseen.world.store.checks.values()} == {"host:db1"}
    assert [path.read_text() for path in backups(file.parent / "state" / "lastseen")] == [TEXT]
    lastseen.ok(*me, "--undo", "--yes")
    assert file.read_text() == TEXT
    file.unlink()
    none = lastseen(*me)
    assert (none.status, "There is no crontab here" in none.err) == (2, True)


def test_progress_is_said_for_many_checks(lastseen: Terminal, file: Path) -> None:
    file.write_text("".join(f"{n % 60} 4 * * * job-{n}\n" for n in range(110)))
    done = lastseen.ok("discover", "crontab", str(file), *BERLIN, "--yes")
    assert [line for line in done.err.splitlines() if "are done ..." in line] == [
        "100 of 110 checks are done ...",
    ]
    assert len(lastseen.world.store.checks) == 110


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("/nowhere",), "/nowhere cannot be read"),
        (("--exit-code", "tab"), "--exit-code belongs to --dry-run"),
        (("--tz", "Mars", "tab"), "--tz: Unknown time zone 'Mars'"),
        (("--grace", "5s", "tab"), "--grace 5s: it can be 1m to 365d"),
        (("--user", "me", "tab"), "--user belongs to this host's crontab"),
        (("--program", "lastseen.sh", "tab"), "give the whole path of lastseen.sh"),
        (("--program", "/opt/other", "tab"), "give the whole path of lastseen.sh"),
        (("binary",), "is not a text"),
    ],
)
def test_a_wrong_command_says_what_to_write(
    lastseen: Terminal, file: Path, arguments: tuple[str, ...], words: str
) -> None:
    (file.parent / "binary").write_bytes(b"\0")
    lastseen.monkeypatch.chdir(file.parent)
    given = arguments if "--tz" in arguments else (*BERLIN, *arguments)
    done = lastseen("discover", "crontab", *given)
    assert (done.status, words in done.err) == (2, True), done.err


JOBS = """\
0 4 * * * echo "100\\% of $((6 * 7)) it's" >&2; exit 3
0 4 * * * cat%Dear Ada,%50\\% off
0 4 * * * printf \\%s plain
0 4 * * * flock -n -E 75 /dev/null basename /locked
"""


@pytest.mark.parametrize(("with_", "name", "program"), [("sh", "lastseen.sh", CLIENT), ("exec", "lastseen", COMMAND)])
def test_a_line_under_watch_runs_in_crons_shell_as_before_and_is_heard(
    lastseen: Terminal, file: Path, with_: str, name: str, program: Path
) -> None:
    file.write_text(JOBS)
    link = file.parent / name
    link.symlink_to(program)
    lastseen.ok("discover", "crontab", str(file), *BERLIN, "--with", with_, "--program", str(link), "--yes")
    runs = []
    with receiving() as receiver:
        for before, after in zip(JOBS.splitlines(), file.read_text().splitlines(), strict=True):
            alone, watched = (_run_as_cron(line, receiver.environment) for line in (before, after))
            assert (alone.returncode, alone.stdout, alone.stderr) == (
                watched.returncode,
                watched.stdout,
                watched.stderr,
            )
            runs.append((watched.returncode, watched.stdout + watched.stderr))
    assert runs == [(3, b"100% of 42 it's\n"), (0, b"Dear Ada,\n50% off"), (0, b"plain"), (0, b"locked\n")]
    ends = [ping for ping in receiver.pings if ping.signal != "start"]
    assert [(ping.check, ping.signal) for ping in ends] == [
        ("job-of-line-1", "3"),
        ("cat", "0"),
        ("printf", "0"),
        ("basename", "0"),
    ]
    assert [ping.body for ping in ends] == [output for _, output in runs]
    assert len(receiver.pings) == 8


def _run_as_cron(line: str, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run a line's command as cron does: the text to the shell, what stands behind a percent sign to its stdin."""
    command, _, stdin = line.split(maxsplit=5)[5].replace("\\%", "\0").partition("%")
    assert KEY in environment.values()
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("\0", "%")],
        input=stdin.replace("%", "\n").replace("\0", "%").encode(),
        capture_output=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": os.fspath(Path.cwd()), **environment},
    )
