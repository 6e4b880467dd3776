"""Crontabs as cron reads them: settings, jobs, and the lines rewritten so that the jobs are watched. Pure.

`read` gives the jobs and what is to be said of the other lines; `rewritten` puts jobs under watch; `restored` takes out
all that `rewritten` did. Lines that are not touched stay as they are, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lastseen_cli.discover import naming, wrapping
from lastseen_cli.discover.jobs import Job, Reading, Remark

COMMAND_BYTES = 990
"""Debian's cron refuses a crontab with a command of 999 bytes; a script in a file has no such limit."""

SKIPPED_RUNS = (
    "a run that its lock skips is reported as failed: put the lock before lastseen.sh (docs/clients/crontab.md)"
)
SETTINGS_MARK = "# lastseen: where the jobs below ping"
SETTINGS = ("LASTSEEN_PING_URL", "LASTSEEN_PING_KEY")
_SETTING = re.compile(r"[ \t]*(?P<name>\"[^\"]*\"|'[^']*'|[^\s=#\"']+)[ \t]*=[ \t]*(?P<value>.*)", re.DOTALL)
_TIMES = r"@[^ \t]+|[^ \t]+(?:[ \t]+[^ \t]+){4}"  # a blank is a space or a tab, as cron has it
_USER = r"(?P<user>[^ \t]+)[ \t]+"
_FLAGS = r"(?P<flags>(?:-[nqs]+[ \t]+)*)"
_JOB = re.compile(rf"(?P<head>[ \t]*-?(?P<times>{_TIMES})[ \t]+{_FLAGS})(?P<command>.*)", re.DOTALL)
_SYSTEM_JOB = re.compile(rf"(?P<head>[ \t]*-?(?P<times>{_TIMES})[ \t]+{_USER}{_FLAGS})(?P<command>.*)", re.DOTALL)
_MINUTE = re.compile(r"[ \t]*(?:@[^ \t]+|-?[0-9*,/~?H()-]+)(?![^ \t]).*", re.ASCII | re.DOTALL)
_WHENEVER = re.compile(r"# (Begin|End) Whenever generated tasks for:")

BOOT = "@reboot"
ONE_MINUTE = "@every_minute"  # FreeBSD's


@dataclass(frozen=True, slots=True)
class Line:
    """A line that runs a job: what stands before its command, and the command."""

    head: str
    command: str
    shell: str
    job: Job


@dataclass(slots=True)
class Crontab:
    """A crontab, read: its lines, its jobs by the index of their line, and what is to be said of the others."""

    text: str
    jobs: dict[int, Line] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def reading(self) -> Reading:
        """Return what it says, for proposals."""
        return Reading(tuple(line.job for line in self.jobs.values()), tuple(self.remarks))


@dataclass(slots=True)
class _Reader:
    place: str
    has_users: bool
    tz: str
    crontab: Crontab
    comment: list[str] = field(default_factory=list)
    shell: str = wrapping.SHELL
    late_seconds: int = 0
    in_whenever: bool = False

    def remark(self, index: int, text: str, *, is_fault: bool = True) -> None:
        self.crontab.remarks.append(Remark(f"{self.place}:{index + 1}", text, is_fault))

    def line(self, index: int, line: str) -> None:
        text = line.strip(" \t\r")
        if not text:
            self.comment = []
        elif text.startswith("#"):
            self._comment(index, text)
        elif setting := _SETTING.fullmatch(line):
            self._setting(index, _unquoted(setting["name"]), _unquoted(setting["value"]))
        else:
            self._job(index, line)
            self.comment = []

    def _comment(self, index: int, text: str) -> None:
        self.comment.append(text)
        if marked := _WHENEVER.match(text):
            self.in_whenever = marked[1] == "Begin"
            if self.in_whenever:
                self.remark(
                    index,
                    "whenever writes the lines from here on again at each deploy: change config/schedule.rb, "
                    "see `lastseen discover whenever`",
                    is_fault=False,
                )
            self.comment = []

    def _setting(self, index: int, name: str, value: str) -> None:
        self.comment = []
        self.crontab.settings[name] = value
        if name == "CRON_TZ":
            self.tz = value
        elif name == "TZ":
            self.remark(
                index,
                f"TZ={value} is for the commands: cron starts them by the clocks of its host. If your cron reads it, "
                "write CRON_TZ=, or give --tz",
                is_fault=False,
            )
        elif name == "SHELL":
            self.shell = value or wrapping.SHELL
        elif name == "RANDOM_DELAY" and value.isascii() and value.isdigit() and len(value) < 5:  # noqa: PLR2004
            self.late_seconds = int(value) * 60

    def _job(self, index: int, line: str) -> None:
        match = (_SYSTEM_JOB if self.has_users else _JOB).fullmatch(line)
        if not match or not match["command"].strip(" \t\r") or not _MINUTE.fullmatch(line):
            self.remark(index, self._not_a_job(line))
            return
        times, command = match["times"], match["command"]
        if times.lower() == BOOT:
            self.remark(
                index, "@reboot has no schedule, so nothing tells when it is missing: not watched", is_fault=False
            )
        elif command.endswith("\r"):
            self.remark(index, "the line ends with CR LF, and cron takes the CR for a part of the command: remove it")
        elif command.endswith("\\"):
            self.remark(index, "the line ends with a backslash, but a crontab's line ends there: write it on one line")
        elif len(_bytes(command)) > COMMAND_BYTES:
            self.remark(index, f"the command has more than {COMMAND_BYTES} bytes: put it into a script and call that")
        else:
            self.crontab.jobs[index] = Line(match["head"], command, self.shell, self._described(index, times, command))

    def _described(self, index: int, times: str, command: str) -> Job:
        schedule = "* * * * *" if times.lower() == ONE_MINUTE else " ".join(times.split())
        before = wrapping.unwrapped(command)
        plain = before.command if before else command
        name, hint = naming.from_command(wrapping.split(plain)[0])
        job = Job(
            place=self.place,
            line=index + 1,
            name=naming.from_comment(self.comment) or name,
            schedule=schedule,
            tz=self.tz,
            hint=hint,
            late_seconds=self.late_seconds,
        )
        if before:
            return replace(job, slug=before.slug, watched=True, ours=True)
        slug = wrapping.watched_slug(command)
        return replace(job, slug=slug or "", watched=slug is not None)

    def _not_a_job(self, line: str) -> str:
        if not _MINUTE.fullmatch(line):
            return "neither a comment, nor a setting (NAME=value), nor a job (five fields of times, then a command)"
        user = "the user's name and " if self.has_users else ""
        return f"no command: write five fields of times, or a word like @daily, then {user}a command"


def read(text: str, place: str, tz: str, *, has_users: bool = False) -> Crontab:
    """Return a crontab's jobs. `tz`: the host's zone. `has_users`: a user's name stands before each command."""
    crontab = Crontab(text)
    reader = _Reader(place, has_users, tz, crontab)
    lines = _lines(text)
    for index, line in enumerate(lines):
        following = lines[index + 1] if index + 1 < len(lines) else ""
        previous = lines[index - 1] if index else ""
        if _is_job(following) and _is_job(line) and not _is_job(previous):
            reader.comment = []  # a comment above several jobs is a heading
        reader.line(index, line)
    return crontab


def rewritten(crontab: Crontab, slugs: Mapping[int, str], program: str, settings: Mapping[str, str]) -> Crontab:
    """Return the crontab with the jobs of these lines under watch, and `settings` above all if it lacks them.

    What cannot be put under watch is left as it is, with a remark.
    """
    lines = _lines(crontab.text)
    remarks = list(crontab.remarks)
    for index, slug in slugs.items():
        line = crontab.jobs[index]
        problem, changed = "", wrapping.wrapped(line.command, slug, program, line.shell)
        if not (wrapping.is_shell(line.shell) or wrapping.is_plain(line.command)):
            problem = "SHELL is none that commands can be quoted for here: put the command into a script and call that"
        elif len(_bytes(changed)) > COMMAND_BYTES:
            problem = f"its command under watch has more than {COMMAND_BYTES} bytes: put it into a script and call that"
        elif wrapping.unwrapped(changed) is None:
            problem = f"it cannot be put under watch here: put it into a script, and write {program} {slug} -- SCRIPT"
        if problem:
            remarks.append(Remark(line.job.where, problem))
            continue
        lines[index] = line.head + changed
        if wrapping.counts_skipped_runs(line.command):
            remarks.append(Remark(line.job.where, SKIPPED_RUNS, is_fault=False))
    text = "\n".join(lines)
    if settings and text != crontab.text and not set(SETTINGS) & set(crontab.settings):
        head = [SETTINGS_MARK, *(f"{name}={settings[name]}" for name in SETTINGS)]
        text = "\n".join([*head, text])
    return Crontab(text, remarks=remarks)


def restored(crontab: Crontab) -> str:
    """Return the crontab with all jobs as they were before they were put under watch."""
    lines = _lines(crontab.text)
    for index, line in crontab.jobs.items():
        if before := wrapping.unwrapped(line.command):
            lines[index] = line.head + before.command
    if SETTINGS_MARK in lines:
        place = lines.index(SETTINGS_MARK)
        following = lines[place + 1 : place + 1 + len(SETTINGS)]
        if all(line.startswith(f"{name}=") for line, name in zip(following, SETTINGS, strict=False)):
            del lines[place : place + 1 + len(following)]
    return "\n".join(lines)


def masked(line: str) -> str:
    """Return a line for showing: the key of a ping is a secret."""
    return re.sub(r"^([ +-]?LASTSEEN_PING_KEY=).*", r"\1...", line)


def _is_job(line: str) -> bool:
    text = line.strip(" \t")
    return bool(text) and not text.startswith("#") and not _SETTING.fullmatch(line)


def _lines(text: str) -> list[str]:
    return text.split("\n")


def _unquoted(text: str) -> str:
    text = text.strip(" \t\r")
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
