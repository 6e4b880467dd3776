"""The commands of every day, from the command to the API and back."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from lastseen.core.check import Kind, unique_key
from lastseen_cli import output
from tests.cli.conftest import Terminal
from tests.lastseen.api.world import ID, OTHER_ID, World
from tests.lastseen.api.wsgi import served
from tests.times import T0, hours, minutes

THIRD_ID = "c3c3c3c3-0000-4000-8000-00000000abcd"


@pytest.fixture
def trouble(lastseen: Terminal) -> Terminal:
    """A project with a check that failed, one that is late, and one that is well."""
    world = lastseen.world
    for check, name in ((ID, "Failed job"), (OTHER_ID, "Late job"), (THIRD_ID, "Well")):
        world.check(id=check, name=name, slug=name.lower().replace(" ", "-"), tags=f"prod {name[:4]}")
        world.ping(check)
    world.now = T0 + hours(24) + minutes(5)
    world.ping(ID, kind=Kind.FAIL, exit_status=3, body=b"no space left\n")
    world.ping(THIRD_ID)
    return lastseen


# --- status ---


def test_status_says_what_is_down_why_and_since_when_and_exits_with_3(trouble: Terminal) -> None:
    done = trouble("status")
    assert done.status == 3
    assert [line.split("\t") for line in done.out.splitlines()] == [
        ["down", "Failed job", "failed, exit status 3", "2026-03-03T12:05:00+00:00"],
        ["late", "Late job", "did not ping yet", "2026-03-03T12:00:00+00:00"],
    ]
    assert done.err == "1 down, 1 late, of 3 checks.\n"


def test_status_is_there_for_programs(trouble: Terminal) -> None:
    done = trouble("status", "--json")
    assert done.status == 3
    document = json.loads(done.out)
    assert (document["down"], document["late"], document["total"]) == (1, 1, 3)
    assert document["checks"][0] == {
        "name": "Failed job",
        "slug": "failed-job",
        "key": ID,
        "status": "down",
        "why": "failed, exit status 3",
        "reason": "failed",
        "since": "2026-03-03T12:05:00+00:00",
    }


def test_late_is_no_trouble_for_the_exit_status(trouble: Terminal) -> None:
    assert trouble("status", "--tag", "Late").status == 0


def test_status_says_when_all_is_well(trouble: Terminal) -> None:
    done = trouble.ok("status", "--tag", "Well")
    assert (done.out, done.err) == ("", "Nothing is down (1 checks).\n")


def test_status_works_with_a_key_that_may_only_read(trouble: Terminal) -> None:
    trouble.by_key(trouble.world.read)
    assert trouble("status").out.splitlines()[0].split("\t")[:3] == ["down", "Failed job", "failed"]


# --- list ---


def names(terminal: Terminal, *options: str) -> list[str]:
    return [line.split("\t")[1] for line in terminal.ok("checks", "list", *options).out.splitlines()]


def test_the_list_has_a_line_for_each_check_trouble_first(trouble: Terminal) -> None:
    trouble.world.check(id="d" * 8 + "-0000-4000-8000-000000000000", name="A new one", slug="")
    lines = [line.split("\t") for line in trouble.ok("checks", "list").out.splitlines()]
    assert [line[:2] for line in lines] == [
        ["down", "Failed job"],
        ["late", "Late job"],
        ["new", "A new one"],
        ["up", "Well"],
    ]
    assert lines[0][2:] == ["every 1d", "2026-03-03T12:05:00+00:00", ""]
    assert lines[2][3:] == ["", ""]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--status", "down"), ["Failed job"]),
        (("--status", "down", "--status", "late"), ["Failed job", "Late job"]),
        (("--tag", "Well"), ["Well"]),
        (("--sort", "name"), ["Failed job", "Late job", "Well"]),
        (("--sort", "next"), ["Late job", "Well", "Failed job"]),
        (("--sort", "last"), ["Failed job", "Well", "Late job"]),
    ],
)
def test_the_list_is_filtered_and_sorted(trouble: Terminal, options: tuple[str, ...], expected: list[str]) -> None:
    found = names(trouble, *options)
    assert found == expected


def test_columns_are_chosen(trouble: Terminal) -> None:
    out = trouble.ok("checks", "list", "--columns", "slug,uuid,tags,grace", "--status", "down").out
    assert out == f"failed-job\t{ID}\tprod Fail\t1h\n"
    done = trouble("checks", "list", "--columns", "nme")
    assert (done.status, "There is no column nme. There are: status, name" in done.err) == (2, True)


def test_a_filter_that_finds_nothing_does_not_say_that_there_is_nothing(trouble: Terminal) -> None:
    assert trouble.ok("checks", "list", "--status", "paused").err == "None of 3 checks has this status.\n"
    assert trouble.ok("checks", "list", "--tag", "nope").err == "No check has the tags nope.\n"


def test_a_list_is_watched_at_a_terminal_only(trouble: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trouble("checks", "list", "--watch").status == 2
    monkeypatch.setattr(output, "at_terminal", lambda: True)
    rounds = iter([trouble.world.ping])

    def sleep(_seconds: float) -> None:
        do = next(rounds, None)
        if do is None:
            raise KeyboardInterrupt
        do(ID)

    monkeypatch.setattr("lastseen_cli.listing.time.sleep", sleep)
    first, second = trouble.ok("checks", "list", "--watch").out.split("\x1b[H\x1b[2J")[1:]
    assert first.splitlines()[1].split()[:2] == ["down", "Failed"]
    assert second.splitlines()[1].split()[:2] == ["late", "Late"]


# --- logs, tail, events ---


def test_logs_show_what_a_job_wrote_the_newest_at_the_end(trouble: Terminal) -> None:
    trouble.world.ping(ID, body=b"all \x1b[31mfine\x1b[0m\n", agent="curl/8", address="192.0.2.1")
    lines = trouble.ok("logs", "failed-job", "-n", "2").out.splitlines()
    assert lines[0].startswith("#2  2026-03-03 12:05:00 UTC  fail, exit status 3")
    assert lines[1:3] == ["no space left", ""]
    assert lines[3].startswith("#3  2026-03-03 12:05:00 UTC  success")
    assert lines[3].endswith("from 192.0.2.1 curl/8")
    assert lines[4:] == ["all fine", ""]


def test_logs_of_failures_only(trouble: Terminal) -> None:
    trouble.world.ping(ID)
    assert [line[:2] for line in trouble.ok("logs", "failed-job", "--failed").out.splitlines()[:1]] == ["#2"]
    assert trouble.ok("logs", "well", "--failed").err == "No failure of Well is kept.\n"
    pings = json.loads(trouble.ok("logs", "failed-job", "--failed", "--json").out)["pings"]
    assert [(ping["n"], ping["body"]) for ping in pings] == [(2, "no space left\n")]


def followed(trouble: Terminal, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    """Return what `tail` prints while two checks are pinged."""
    pings: list[tuple[str, dict[str, Any]]] = [(ID, {"body": b"ok"}), (THIRD_ID, {"kind": Kind.START})]
    rounds = iter(pings)

    def sleep(_seconds: float) -> None:
        if (ping := next(rounds, None)) is None:
            raise KeyboardInterrupt
        trouble.world.ping(ping[0], **ping[1])

    monkeypatch.setattr("lastseen_cli.daily.time.sleep", sleep)
    return trouble.ok("tail", *arguments).out.splitlines()


def test_tail_shows_pings_and_changes_as_they_come(trouble: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = followed(trouble, monkeypatch)
    assert "Failed job  success" in lines[0]
    assert lines[1].endswith("Failed job  down -> up")
    assert "Well  start" in lines[2]
    assert len(lines) == 3


def test_tail_of_one_check_as_documents(trouble: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [json.loads(line) for line in followed(trouble, monkeypatch, "well", "--json")]
    assert [(event["slug"], event["ping"]["type"]) for event in events] == [("well", "start")]


def test_events_are_the_changes_of_all_checks(trouble: Terminal) -> None:
    lines = [line.split("\t") for line in trouble.ok("events", "--last", "365d").out.splitlines()]
    assert [line[1:] for line in lines] == [
        ["up", "Failed job", "was pinged"],
        ["up", "Late job", "was pinged"],
        ["up", "Well", "was pinged"],
        ["down", "Failed job", "failed"],
    ]
    assert [line[1:] for line in lines if line[2] == "Well"] == [
        line.split("\t")[1:] for line in trouble.ok("events", "well", "--last", "365d").out.splitlines()
    ]
    assert trouble.ok("events", "late-job", "--last", "1m").err == "Nothing changed in the last 1m.\n"


# --- ping, open ---


class Pinged(BaseHTTPRequestHandler):
    server: PingServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.pings.append((self.path, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"no\x1b!" if self.server.status != 200 else b"OK\n\n")

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class PingServer(HTTPServer):
    pings: list[tuple[str, bytes]]
    status = 200


@pytest.fixture
def pings() -> Iterator[PingServer]:
    with PingServer(("127.0.0.1", 0), Pinged) as server:
        server.pings = []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def pinger(pings: PingServer, lastseen: Terminal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal whose deployment's ping URLs are those of the server."""
    world = World(site=f"http://127.0.0.1:{pings.server_port}")
    world.check(name="Job", slug="job")
    with served(world) as url:
        monkeypatch.setenv("LASTSEEN_API_URL", f"{url}/api")
        lastseen.by_key(world.write)
        yield lastseen


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ((), ("", b"")),
        (("fail", "-m", "The disk is füll"), ("/fail", "The disk is füll".encode())),
        (("start",), ("/start", b"")),
        (("log", "--message", "x"), ("/log", b"x")),
        (("3",), ("/3", b"")),
        (("log", "-m", "-"), ("/log", b"from stdin\n")),
    ],
)
def test_a_ping_by_hand_goes_to_the_checks_own_url(
    pinger: Terminal,
    pings: PingServer,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    sent: tuple[str, bytes],
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from stdin\n")))
    done = pinger.ok("ping", "job", *arguments)
    path, body = sent
    assert pings.pings == [(f"/ping/{ID}{path}", body)]
    assert done.err.startswith("Sent a ping (")


def test_a_ping_that_is_refused_says_so_without_its_url(pinger: Terminal, pings: PingServer) -> None:
    pings.status = 400
    done = pinger("ping", "job")
    assert (done.status, done.err) == (1, "lastseen: The ping was refused: no\ufffd!\n")


@pytest.mark.parametrize("signal", ["stop", "256", "-1", "1.5", "٣"])
def test_what_is_no_signal_is_refused(pinger: Terminal, pings: PingServer, signal: str) -> None:
    done = pinger("ping", "--", "job", signal)
    assert (done.status, "There are: success, start, fail, log" in done.err) == (2, True)
    assert pings.pings == []


def test_open_starts_the_browser_at_the_page_and_shows_no_ping_url(
    trouble: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    home = trouble.ok("open").out.strip()
    page = trouble.ok("open", "failed-job").out.strip()
    assert opened == [home, page]
    assert page == f"{home}/checks/{unique_key(ID)}"
    assert trouble.ok("open", "failed-job", "--print").out.strip() == page
    assert len(opened) == 2


# --- rename, clone, and slugs ---


def test_a_check_is_renamed_and_its_slug_stays(trouble: Terminal) -> None:
    done = trouble.ok("checks", "rename", "failed-job", "Backup of db1")
    assert done.err == 'Updated Backup of db1: name "Failed job" -> "Backup of db1".\n'
    assert trouble.world.store.checks[ID].slug == "failed-job"


def test_a_clone_has_all_settings_and_its_own_name_and_slug(trouble: Terminal) -> None:
    options = ("--schedule", "0 3 * * *", "--tz", "Europe/Berlin", "--reminder", "4h", "--desc", "Call Ada.")
    trouble.ok("checks", "update", "well", *options)
    made = json.loads(trouble.ok("checks", "clone", "well", "Well too", "--json").out)
    of_old = json.loads(trouble.ok("checks", "show", "well", "--json").out)
    differ = {name for name, value in made.items() if of_old.get(name) != value}
    state = {"n_pings", "status", "last_ping", "next_ping", "started", "flapping", "badge_url", "last_duration"}
    urls = {"uuid", "ping_url", "update_url", "pause_url", "resume_url", "unique_key"}
    assert differ - state - urls == {"name", "slug"}
    assert made["slug"] == "well-too"


def slugs(terminal: Terminal) -> list[str]:
    return sorted(check.slug for check in terminal.world.store.checks.values())


def test_a_slug_comes_from_the_name(lastseen: Terminal) -> None:
    lastseen.ok("checks", "create", "Nächtliches Backup (db1)")
    lastseen.ok("checks", "create", "Other", "--slug", "mine")
    lastseen.ok("checks", "create", "None", "--slug", "")
    assert slugs(lastseen) == ["", "mine", "nachtliches-backup-db1"]


@pytest.mark.parametrize(
    "command",
    [
        ("checks", "create", "Failed job"),
        ("checks", "create", "Other", "--slug", "failed-job"),
        ("checks", "clone", "well", "Failed job"),
        ("checks", "update", "well", "--slug", "failed-job"),
        ("checks", "rename", "well", "x", "--slug", "failed-job"),
    ],
)
def test_no_command_gives_a_slug_twice_and_says_how_to_change_the_first(
    trouble: Terminal, command: tuple[str, ...]
) -> None:
    before = slugs(trouble)
    done = trouble(*command)
    assert done.status == 1
    assert "The check Failed job has the slug failed-job already." in done.err
    assert "lastseen checks update failed-job" in done.err
    assert slugs(trouble) == before


def test_unique_finds_the_check_that_a_first_ping_made(lastseen: Terminal) -> None:
    """A ping with create=1 makes a check whose name is its slug; a prettier name must not make a twin."""
    lastseen.world.check(name="weekly-close", slug="weekly-close")
    lastseen.ok("checks", "create", "Weekly close", "--slug", "weekly-close", "--unique", "--grace", "5m")
    lastseen.ok("checks", "create", "Weekly close", "--unique", "--grace", "6m")
    [check] = lastseen.world.store.checks.values()
    assert (check.id, check.name, check.grace) == (ID, "Weekly close", minutes(6))


def test_unique_finds_a_check_without_a_slug_by_its_name_and_gives_it_one(lastseen: Terminal) -> None:
    lastseen.world.check(name="Weekly close", slug="")
    lastseen.ok("checks", "create", "Weekly close", "--unique")
    assert slugs(lastseen) == ["weekly-close"]


def test_unique_leaves_the_slug_of_a_check_that_is_found_by_name(lastseen: Terminal) -> None:
    lastseen.world.check(name="Weekly close", slug="wc")
    lastseen.ok("checks", "create", "Weekly close", "--unique", "--grace", "5m")
    assert slugs(lastseen) == ["wc"]


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(trouble: Terminal) -> None:
    done = trouble("checks", "show", "faild-job")
    assert 'No check is called "faild-job". Did you mean failed-job?' in done.err


# --- completion ---


def completed(terminal: Terminal, line: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what bash is offered at the end of a line."""
    words = line.split(" ")
    monkeypatch.setenv("_LASTSEEN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    out = terminal().out
    monkeypatch.delenv("_LASTSEEN_COMPLETE")
    return out.split()


def test_a_shell_completes_commands_and_names(trouble: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "rename" in completed(trouble, "lastseen checks re", monkeypatch)
    assert completed(trouble, "lastseen checks show fa", monkeypatch) == ["failed-job"]
    assert completed(trouble, "lastseen logs ", monkeypatch) == ["failed-job", "late-job", "well"]


def test_a_shell_is_never_offered_what_it_could_run(lastseen: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    for n, name in enumerate(["$(echo x)", "`x`", "a b", "x;y", "-x", "a'b", "\x1b[31m", "fine-1.2"]):
        lastseen.world.check(id=f"{n:08x}-0000-4000-8000-000000000000", name=name, slug="")
    assert completed(lastseen, "lastseen checks show ", monkeypatch) == ["fine-1.2"]


def test_completion_is_silent_where_the_api_is_not_there(lastseen: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTSEEN_API_URL", "http://127.0.0.1:1/api")
    assert completed(lastseen, "lastseen checks show ", monkeypatch) == []
