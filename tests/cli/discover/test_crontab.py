"""Crontabs to checks: which lines are jobs, what they are called, when they are due, and what is said of the others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastseen_cli.discover import crontab, naming, proposing
from lastseen_cli.discover.jobs import Proposal
from lastseen_cli.discover.proposing import Proposed, Wishes

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SH = "/usr/local/bin/lastseen.sh"
BERLIN = "Europe/Berlin"
HEAD = """\
# Edit this file to introduce tasks to be run by cron.
#
# m h  dom mon dow   command
SHELL=/bin/bash
PATH = "/usr/local/bin:/usr/bin:/bin"
MAILTO='ops@example.org'

"""
JOBS = [  # line; name, slug where it is foreseen, schedule, grace in minutes
    ("@daily /opt/n{n}.sh --all > /var/log/{n} 2>&1", "n{n}", "n{n}", "0 0 * * *", 60),
    ("""{m} 4 * * 1 make-{n} "$(date +\\%V)" | mail -s "it's {n}" x""", "make-{n}", "make-{n}", "{m} 4 * * 1", 120),
    ("*/5 * * * *  flock -n -E 75 /tmp/{n}.lock sync-{n}", "sync-{n}", "sync-{n}", "*/5 * * * *", 5),
    ("{m} * * * * cd /srv && E=1 bundle exec rake close:b{n}", "close:b{n}", "close-b{n}", "{m} * * * *", 15),
    ("\t{m}\t*/6 * * *\tmail u{n}-mail%Dear %all", "mail", None, "{m} */6 * * *", 30),
    ("{m} 9-17 * * mon-fri php /s{n}/artisan q:{n}a", "artisan q:{n}a", "artisan-q-{n}a", "{m} 9-17 * * mon-fri", 15),
    ("{m} 3 1 jan * X=1 nice -n 10 /opt/year-{n}.py", "year-{n}", "year-{n}", "{m} 3 1 jan *", 120),
    ("@hourly [ -x /x{n} ] && /x{n} || true", "x{n}", "x{n}", "0 * * * *", 15),
]  # fmt: skip


def proposed(text: str, **wishes: object) -> Proposed:
    has_users = bool(wishes.pop("has_users", False))
    existing = wishes.pop("existing", [])
    reading = crontab.read(text, "tab", BERLIN, has_users=has_users).reading
    return proposing.propose([reading], existing, Wishes(**wishes), NOW)  # type: ignore[arg-type] # of a table


def changed(text: str, **wishes: object) -> str:
    read = crontab.read(text, "tab", BERLIN, has_users=bool(wishes.get("has_users")))
    return crontab.rewritten(read, slugs(read, proposed(text, **wishes).proposals), SH, {}).text


def slugs(read: crontab.Crontab, proposals: tuple[Proposal, ...]) -> dict[int, str]:
    by_line = {proposal.job.line: proposal.slug for proposal in proposals if not proposal.job.watched}
    return {index: by_line[index + 1] for index in read.jobs if index + 1 in by_line}


def big_crontab() -> tuple[str, list[tuple[str, str | None, str, str, int]]]:
    """Return a crontab of 200 jobs in four zones, and what they are."""
    lines, expected = [HEAD], []
    zones = {50: "America/New_York", 100: "Asia/Kolkata", 150: "UTC"}
    zone = BERLIN
    for n in range(200):
        if n in zones:
            zone = zones[n]
            lines.append(f"\nCRON_TZ={zone}\n")
        line, name, slug, schedule, grace = JOBS[n % len(JOBS)]
        values = {"n": n, "m": n % 60}
        lines.append(f"{line.format(**values)}\n")
        slug = slug.format(**values) if slug else None
        expected.append((name.format(**values), slug, schedule.format(**values), zone, grace * 60))
        if n % 40 == 7:
            lines.append(f"# 5 5 * * * /opt/off-{n}\n@reboot /opt/boot-{n}\nTZ=Asia/Tokyo\n\n")
    return "".join(lines), expected


def test_two_hundred_lines_become_two_hundred_checks_and_come_back_byte_for_byte() -> None:
    text, expected = big_crontab()
    found = proposed(text)
    assert [fault for fault in found.remarks if fault.is_fault] == []
    assert len([note for note in found.remarks if "@reboot" in note.text]) == 5
    assert len([note for note in found.remarks if "TZ=Asia/Tokyo is for the commands" in note.text]) == 5
    made = [
        (each.job.name, each.slug, each.due.expression, each.due.tz, each.grace)  # type: ignore[union-attr] # all are cron
        for each in found.proposals
    ]
    assert len(made) == 200
    assert len({each[1] for each in made}) == 200
    for got, wanted in zip(made, expected, strict=True):
        assert got[2:] == wanted[2:], got
        assert got[0] == wanted[0] or got[1].startswith("mail"), got
        assert got[1] == wanted[1] or (wanted[1] is None and got[1].startswith("mail")), got
    after = changed(text)
    lines = list(zip(text.split("\n"), after.split("\n"), strict=True))
    assert sum(before != line for before, line in lines) == 200
    assert crontab.restored(crontab.read(after, "tab", BERLIN)) == text
    again = proposed(after)
    assert all(each.job.watched and each.job.ours for each in again.proposals)
    assert [(each.slug, each.due, each.grace) for each in again.proposals] == [
        (each.slug, each.due, each.grace) for each in found.proposals
    ]
    assert changed(after) == after


NAMES = [
    ("# Nightly backup\n0 4 * * * x", "Nightly backup", "nightly-backup"),
    ("# Nightly backup.\n# Ask Ada.\n0 4 * * * x", "Nightly backup", "nightly-backup"),
    ("# Backups\n0 4 * * * one\n5 4 * * * two", "one", "one"),
    ("# Nightly backup\n\n0 4 * * * x", "x", "x"),
    ("# m h dom mon dow command\n0 4 * * * x", "x", "x"),
    ("# 0 3 * * * old\n0 4 * * * x", "x", "x"),
    ("#MAILTO=a\n0 4 * * * x", "x", "x"),
    ("# \x1b[31mred\n0 4 * * * x", "x", "x"),
    ("# 备份\n0 4 * * * x", "x", "x"),
    ("# Sauvegarde générale\n0 4 * * * x", "Sauvegarde générale", "sauvegarde-generale"),
    ("0 4 * * * /usr/bin/env python3 -m jobs.daily --password hunter2", "jobs.daily", "jobs-daily"),
    ("0 4 * * * mysqldump -u root -phunter2 shop", "mysqldump", "mysqldump"),
    ("0 4 * * * /bin/bash -l -c 'cd /app && bundle exec rake a:b --silent'", "a:b", "a-b"),
    ("0 4 * * * timeout -k 5 30m sudo -u www /opt/cms/cron.php", "cron", "cron"),
    (
        "0 4 * * * test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )",
        "cron.daily",
        "cron-daily",
    ),
    ("0 4 * * * (a=1; b=2)", "job of line 1", "job-of-line-1"),
    ("0 4 * * * 'unbalanced", "unbalanced", "unbalanced"),
    ("0 4 * * * python3", "python3", "python3"),
    ("0 4 * * * flock -n /tmp/x -c 'php /srv/feed.php'", "feed", "feed"),
    ("0 4 * * * /opt/\u202egnp.sh", "gnp", "gnp"),
]


@pytest.mark.parametrize(("text", "name", "slug"), NAMES)
def test_a_job_is_called_as_its_comment_or_its_command_says(text: str, name: str, slug: str) -> None:
    first = proposed(text).proposals[0]
    assert (first.job.name, first.slug) == (name, slug)


def test_jobs_of_one_name_are_told_apart_by_a_word_or_a_number() -> None:
    jobs = ["sync.sh acme", "sync.sh zeta", "x", "x -p hunter", "lastseen.sh x-2 -- y"]
    text = "".join(f"0 {hour} * * * {job}\n" for hour, job in enumerate(jobs))
    assert [each.slug for each in proposed(text).proposals] == ["sync-acme", "sync-zeta", "x", "x-3", "x-2"]


REMARKS = [
    ("@reboot x", "@reboot has no schedule", False),
    ("61 * * * * x", "has a bad minute: use 0 to 59", True),
    ("0 5 * *", "no command: write five fields", True),
    ("0 5 * * *", "no command: write five fields", True),
    ("0 5 * * *    ", "no command: write five fields", True),
    ("@daily", "no command: write five fields", True),
    ("@fortnightly x", "@fortnightly is no word of cron", True),
    ("@every 5m x", "@every  cannot be read", True),
    ("every 5 minutes run x now", "neither a comment, nor a setting", True),
    ("\ufeff0 5 * * * x", "neither a comment, nor a setting", True),
    ("\x1b]0;owned\x07 * * * * x", "neither a comment, nor a setting", True),
    ("\x1f", "neither a comment, nor a setting", True),
    ("\u00a0 5 * * * x", "neither a comment, nor a setting", True),
    ("0 5 * * * x\r", "the line ends with CR LF", True),
    ("0 5 * * * x \\", "a crontab's line ends there", True),
    ("0 5 * * * x" + "y" * 1000, "more than 990 bytes", True),
    ("0 5 31 2 * x", "bad day-of-month", True),
    ("0~30 5 * * * x", "~ is a time that cron alone knows", True),
    ("CRON_TZ=Mars/Olympus\n0 5 * * * x", "Unknown time zone 'Mars/Olympus'", True),
]


@pytest.mark.parametrize(("text", "words", "is_fault"), REMARKS, ids=range(len(REMARKS)))
def test_a_line_that_is_no_watchable_job_is_named_with_its_line(text: str, words: str, is_fault: bool) -> None:  # noqa: FBT001
    found = proposed(f"0 4 * * * good\n{text}\n")
    assert [each.job.name for each in found.proposals] == ["good"]
    (remark,) = found.remarks
    line = 1 + len(text.split("\n"))
    assert (remark.where, remark.is_fault) == (f"tab:{line}", is_fault)
    assert words in remark.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SHELL=/usr/bin/fish\n0 4 * * * a && b", "SHELL is none"),
        ("0 4 * * * cd /x && " + "y" * 960, "under watch has more than 990 bytes"),
    ],
)
def test_a_command_that_cannot_be_put_under_watch_stays_and_is_named(text: str, words: str) -> None:
    read = crontab.read(text, "tab", BERLIN)
    after = crontab.rewritten(read, slugs(read, proposed(text).proposals), SH, {})
    assert after.text == text
    assert [words in remark.text for remark in after.remarks] == [True]


def test_a_lock_within_the_shell_is_pointed_out() -> None:
    text = "* * * * * flock -n /l sync > /dev/null\n* * * * * flock -n /l poll\n"
    read = crontab.read(text, "tab", BERLIN)
    after = crontab.rewritten(read, slugs(read, proposed(text).proposals), SH, {})
    assert [(remark.where, remark.is_fault) for remark in after.remarks] == [("tab:1", False)]
    assert after.text.split("\n")[1] == f"* * * * * flock -n /l {SH} poll -- poll"


def test_plain_words_need_no_shell_whatever_SHELL_says() -> None:  # noqa: N802
    assert changed("SHELL=/usr/bin/fish\n0 4 * * * a\n") == f"SHELL=/usr/bin/fish\n0 4 * * * {SH} a -- a\n"


def test_a_command_goes_to_the_shell_of_its_crontab() -> None:
    text = "0 4 * * * a | b\nSHELL = '/bin/bash'\n0 4 * * * [[ a ]] && b\n0 4 * * * c\n"
    assert changed(text) == (
        f"0 4 * * * {SH} a -- sh -c 'a | b'\nSHELL = '/bin/bash'\n"
        f"0 4 * * * {SH} b -- /bin/bash -c '[[ a ]] && b'\n0 4 * * * {SH} c -- c\n"
    )


def test_the_user_and_cronie_and_bsd_flags_stay_before_the_wrapper() -> None:
    text = "17 *\t* * *\troot   cd / && run-parts /etc/cron.hourly\n-*/5 * * * * www -n -q  poll\n@weekly ada x\n"
    after = changed(text, has_users=True)
    assert after == (
        f"17 *\t* * *\troot   {SH} cron-hourly -- sh -c 'cd / && run-parts /etc/cron.hourly'\n"
        f"-*/5 * * * * www -n -q  {SH} poll -- poll\n@weekly ada {SH} x -- x\n"
    )
    assert [each.due.expression for each in proposed(text, has_users=True).proposals] == [  # type: ignore[union-attr]
        "17 * * * *",
        "*/5 * * * *",
        "0 0 * * 0",
    ]
    assert crontab.restored(crontab.read(after, "tab", BERLIN, has_users=True)) == text


def test_a_random_delay_is_added_to_the_grace_from_its_line_on() -> None:
    text = "@daily a\nRANDOM_DELAY=45\n@daily b\n"
    assert [each.grace for each in proposed(text).proposals] == [3600, 3600 + 45 * 60]


def test_the_settings_go_to_the_head_once_and_leave_it_again() -> None:
    settings = {"LASTSEEN_PING_URL": "https://x.test/ping", "LASTSEEN_PING_KEY": "k"}
    text = "# mine\n0 4 * * * a\n"
    read = crontab.read(text, "tab", BERLIN)
    after = crontab.rewritten(read, {1: "a"}, SH, settings).text
    assert after == (
        f"{crontab.SETTINGS_MARK}\nLASTSEEN_PING_URL=https://x.test/ping\nLASTSEEN_PING_KEY=k\n"
        f"# mine\n0 4 * * * {SH} a -- a\n"
    )
    reread = crontab.read(after, "tab", BERLIN)
    assert crontab.rewritten(reread, {}, SH, settings).text == after
    assert crontab.restored(reread) == text
    own = f"LASTSEEN_PING_URL=x\n{text}"
    assert crontab.rewritten(crontab.read(own, "tab", BERLIN), {2: "a"}, SH, settings).text.startswith(
        "LASTSEEN_PING_URL=x\n#"
    )


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_characters="\n\0"), max_size=40),
            st.builds(
                "{}{}".format,
                st.sampled_from(["0 4 * * * ", "@daily ", "*/5 * * * *\t", "# ", "A=", f"1 1 1 1 1 {SH} a -- ", " "]),
                st.text(st.sampled_from("ab'\"\\% |&;$\r#"), max_size=20),
            ),
        ),
        max_size=6,
    ).map("\n".join)
)
def test_any_text_comes_back_from_what_it_was_changed_to_and_no_line_is_dropped(text: str) -> None:
    read = crontab.read(text, "tab", BERLIN)
    unwatched = crontab.restored(read)
    plain = crontab.read(unwatched, "tab", BERLIN)
    after = changed(unwatched)
    assert crontab.restored(crontab.read(after, "tab", BERLIN)) == crontab.restored(plain)
    found = proposed(text)
    named = {each.job.line for each in found.proposals} | {job.line for job in found.watched}
    named |= {int(remark.where.split(":")[1]) for remark in found.remarks}
    for number, line in enumerate(text.split("\n"), 1):
        is_job = line.strip(" \t\r") and not line.strip(" \t\r").startswith("#") and "=" not in line
        assert not is_job or number in named, line


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_command_is_too_odd_for_a_name(command: str) -> None:
    name, _ = naming.from_command(command)
    assert len(name) <= 100
    assert name.isprintable() or not name.isascii()


def test_only_and_except_choose_by_slug_or_name() -> None:
    text = "# Nightly backup\n0 4 * * * x\n\n0 5 * * * backup-db\n0 6 * * * report\n"
    assert [each.slug for each in proposed(text, only=("*backup*",)).proposals] == ["nightly-backup", "backup-db"]
    assert [each.slug for each in proposed(text, without=("Nightly *",)).proposals] == ["backup-db", "report"]


def test_a_check_of_another_host_is_another_job() -> None:
    existing = [{"slug": "a", "tags": "host:db1"}, {"slug": "b", "tags": "prod host:db2"}, {"slug": "c", "tags": ""}]
    text = "0 4 * * * a\n0 4 * * * b\n0 4 * * * c\n"
    assert [each.slug for each in proposed(text, existing=existing, host="db2").proposals] == ["a-db2", "b", "c"]
    assert [each.slug for each in proposed(text, existing=existing).proposals] == ["a", "b", "c"]
    copied = proposed(f"0 4 * * * {SH} a -- a\n0 4 * * * {SH} b -- b\n", existing=existing, host="db2")
    assert [(remark.where, remark.is_fault) for remark in copied.remarks] == [("tab:1", False)]
    assert "the check a is that of another host" in copied.remarks[0].text
