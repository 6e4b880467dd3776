"""A command of a crontab under watch: cron's shell runs what it ran before, and what was there before comes back."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lastseen_cli.discover.wrapping import (
    BUILTINS,
    PLAIN,
    counts_skipped_runs,
    is_shell,
    split,
    unwrapped,
    watched_slug,
    wrapped,
)

SH = "/usr/local/bin/lastseen.sh"
EXEC = "/usr/local/bin/lastseen exec"
TABLE = [
    ("/opt/backup --all", "/opt/backup --all"),
    ("/opt/backup --all  ", "/opt/backup --all  "),
    (r"report --day \%F", r"report --day \%F"),
    ("report > /dev/null 2>&1", "sh -c 'report > /dev/null 2>&1'"),
    ("cd /srv && run", "sh -c 'cd /srv && run'"),
    ("cd /srv", "sh -c 'cd /srv'"),
    ("LANG=C report", "sh -c 'LANG=C report'"),
    ("report --to=a", "report --to=a"),
    ("mail -s 'it is' ada", r"sh -c 'mail -s '\''it is'\'' ada'"),
    ("mail ada%Dear Ada,%bye", "mail ada%Dear Ada,%bye"),
    ("cat | mail ada%50\\%%", "sh -c 'cat | mail ada'%50\\%%"),
    (r'tar cf "$(date +\%F).tar" .', r"""sh -c 'tar cf "$(date +\%F).tar" .'"""),
    ("echo 'a%b", r"sh -c 'echo '\''a'%b"),
    ("echo \\\\%in", "sh -c 'echo \\\\'%in"),
    ("für alle", "sh -c 'für alle'"),
]
CHARS = st.one_of(st.sampled_from("""'"\\%$`|&;<> \t-=a/.~!#*(){}\r"""), st.characters(exclude_characters="\n\0"))


def cron(command: str) -> tuple[str, str]:
    """What cron gives to the shell and to its stdin, step by step as do_command.c of Vixie's does."""
    given, escaped = "", False
    for place, char in enumerate(command):
        if escaped:
            given = given[:-1] + char if char == "%" else given + char
            escaped = False
        elif char == "%":
            return given, command[place + 1 :]
        else:
            given += char
            escaped = char == "\\"
    return given, ""


@pytest.mark.parametrize(
    ("command", "changed", "is_counted"),
    [
        ("flock -n -E 75 /l  sync a", f"flock -n -E 75 /l  {SH} s -- sync a", False),
        ("/usr/bin/flock -w 5 /l sync%in", f"/usr/bin/flock -w 5 /l {SH} s -- sync%in", False),
        ("flock /l -c 'sync a'", rf"{SH} s -- sh -c 'flock /l -c '\''sync a'\'''", True),
        ("flock -n /l sync > log", f"{SH} s -- sh -c 'flock -n /l sync > log'", True),
        ("flock -n /l exec sync", f"{SH} s -- flock -n /l exec sync", True),
        ("cd / && run-one sync", f"{SH} s -- sh -c 'cd / && run-one sync'", True),
        ("sync --flock x", f"{SH} s -- sync --flock x", False),
    ],
)
def test_a_lock_stays_before_the_wrapper_so_that_a_skipped_run_is_no_failure(
    command: str,
    changed: str,
    is_counted: bool,  # noqa: FBT001 - a table
) -> None:
    assert wrapped(command, "s", SH) == changed
    before = unwrapped(changed)
    assert before
    assert (before.command, counts_skipped_runs(command)) == (command, is_counted)


@pytest.mark.parametrize(("command", "inner"), TABLE)
def test_a_command_stays_as_it_is_behind_the_wrapper(command: str, inner: str) -> None:
    for program in (SH, EXEC):
        changed = wrapped(command, "nightly", program)
        assert changed == f"{program} nightly -- {inner}"
        before = unwrapped(changed)
        assert before
        assert (before.command, before.slug, before.program) == (command, "nightly", program)


@given(st.text(CHARS, min_size=1, max_size=60).filter(str.strip))
@settings(deadline=None)
@example("x\\'%y")
@example("\\")
@example("a\\\\'\\%'%'")
def test_the_shell_of_cron_runs_what_it_ran_before_and_the_line_comes_back(command: str) -> None:
    if not split(command)[0].strip():
        return
    changed = wrapped(command, "s", SH)
    shell_text, stdin = cron(command)
    wrapped_text, wrapped_stdin = cron(changed)
    assert stdin == wrapped_stdin
    if PLAIN.fullmatch(split(command)[0]) and shell_text.split()[0] not in BUILTINS and "sh -c '" not in changed:
        assert shlex.split(wrapped_text) == [SH, "s", "--", *shlex.split(shell_text)]
    else:
        assert shlex.split(wrapped_text) == [SH, "s", "--", "sh", "-c", shell_text]
    before = unwrapped(changed)
    assert before
    assert before.command == command


def test_what_is_plain_is_a_program_and_no_word_of_the_shell() -> None:
    """What the shells here call a keyword or a builtin of their own goes to a shell."""
    for shell in ("sh", "bash"):
        ask = 'for word in "$@"; do PATH= command -v "$word" >/dev/null && echo "$word"; done'
        words = [
            "cd",
            "exec",
            "export",
            "if",
            "while",
            "{",
            "[",
            "set",
            "trap",
            "ulimit",
            "wait",
            "eval",
            ".",
            "local",
            "time",
        ]
        known = subprocess.run(
            [shell, "-c", ask, "x", *words], capture_output=True, text=True, check=False
        ).stdout.split()
        assert known
        assert [word for word in known if not wrapped(f"{word} x", "s", SH).startswith(f"{SH} s -- sh -c ")] == []


@pytest.mark.parametrize(
    ("command", "slug"),
    [
        ("lastseen.sh nightly -- x", "nightly"),
        ("/opt/bin/lastseen exec --create --schedule '5 4 * * *' nightly -- x", "nightly"),
        ("flock -n /tmp/x lastseen.sh sync -- sync", "sync"),
        ('x && curl -m 10 "$LASTSEEN_PING_URL/$LASTSEEN_PING_KEY/queue"', "queue"),
        ("curl ${LASTSEEN_PING_URL}/0d9c3a52-4a5c-4c3f-9c58-7f1a3f0e6b11", "0d9c3a52-4a5c-4c3f-9c58-7f1a3f0e6b11"),
        ("lastseen.sh", None),
        ("backup --to lastseen.sh", None),
        ("my-lastseen.sh nightly -- x", None),
        ("curl https://example.org/ping", None),
    ],
)
def test_a_command_that_pings_already_is_recognized(command: str, slug: str | None) -> None:
    assert watched_slug(command) == slug


@pytest.mark.parametrize(
    "command",
    [
        f"{SH} a -- sh -c 'unbalanced",
        f"{SH} a -- sh -c 'a'b'",
        f"{SH} a -- sh -c 'plain'",
        f"{SH} a -- cd /x",
        f"{SH} --create a -- x",
        f"{SH} A -- x",
        f"x {SH} a -- x",
        f"{SH} a --  ",
    ],
)
def test_what_was_written_by_hand_is_left_alone(command: str) -> None:
    assert unwrapped(command) is None


def test_only_shells_whose_quotes_are_known_get_a_quoted_command() -> None:
    assert [
        path for path in ("/bin/sh", "bash", "/usr/bin/zsh", "/bin/fish", "/bin/false", "/b n/sh", "") if is_shell(path)
    ] == [
        "/bin/sh",
        "bash",
        "/usr/bin/zsh",
    ]
