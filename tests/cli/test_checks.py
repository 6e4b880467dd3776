"""`lastseen checks`: options to settings, and the API's answers to words. The whole way is in tests/e2e/test_cli.py."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastseen.api.checks import slug_of
from lastseen_cli import find, settings
from lastseen_cli.api import Api
from lastseen_cli.errors import CliError, UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1d", 86400), ("1d2h3m4s", 93784)]
)
def test_a_time_is_read_as_people_write_it(text: str, seconds: int) -> None:
    assert settings.seconds_of(text, option="--every") == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 m", "-5", "1.5h", "5m1h", "٣"])
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--every .*1h30m"):
        settings.seconds_of(text, option="--every")


def test_settings_hold_only_what_was_given() -> None:
    asked = settings.from_options(name="x", every="1h", grace="5m", slug="", tags=None)
    assert asked == {"name": "x", "timeout": 3600, "grace": 300, "slug": ""}


@pytest.mark.parametrize(("option", "text"), [("every", "5"), ("grace", "400d"), ("reminder", "59s")])
def test_a_time_out_of_bounds_is_refused_by_the_name_of_its_option(option: str, text: str) -> None:
    with pytest.raises(UsageError, match=rf"^--{option} {text}: it can be .*1m to 365d"):
        settings.from_options(name="x", **{option: text})


def test_no_reminders_is_a_reminder_of_0() -> None:
    assert settings.from_options(reminder="0") == {"reminder": 0}


@given(st.text())
def test_a_slug_is_the_one_that_the_api_would_make_of_the_name(name: str) -> None:
    assert settings.slug_of(name) == slug_of(name)


def test_a_schedule_goes_with_its_zone() -> None:
    asked = settings.from_options(name="x", schedule="0 3 * * *", tz="Europe/Berlin", unique=["name"])
    assert asked == {"name": "x", "schedule": "0 3 * * *", "tz": "Europe/Berlin", "unique": ["name"]}


def test_options_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        settings.from_options(name="x", every="1h", schedule="0 3 * * *")


class Canned(BaseHTTPRequestHandler):
    """Answers every request with the server's one answer."""

    server: CannedServer

    def do_GET(self) -> None:
        status, content_type, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class CannedServer(HTTPServer):
    answer: tuple[int, str, bytes] = (200, "application/json", b"{}")


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with CannedServer(("127.0.0.1", 0), Canned) as canned:
        thread = threading.Thread(target=canned.serve_forever, args=(0.05,))
        thread.start()
        yield canned
        canned.shutdown()
        thread.join()


@pytest.fixture
def api(server: CannedServer) -> Iterator[Api]:
    with Api(f"http://127.0.0.1:{server.server_port}/api", "key") as api:
        yield api


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b'{"error": "wrong api key"}', r"refused the key \(wrong api key\)\. Set LASTSEEN_API_KEY"),
        (400, b'{"error": "timeout is too small"}', r"did not accept this: timeout is too small"),
        (500, b'{"message": "Internal Server Error"}', r"answered 500: Internal Server Error.*logs"),
        (502, b"<html>bad gateway</html>", r"answered 502"),
        (404, b'{"message": "Not Found"}', r"nothing there"),
        (200, b"<html>a login page</html>", r"must end with /api"),
    ],
)
def test_each_refusal_is_told_in_words_with_the_mend(
    server: CannedServer, api: Api, status: int, body: bytes, words: str
) -> None:
    server.answer = (status, "application/json", body)
    with pytest.raises(CliError, match=words):
        api.checks()


def check(**fields: object) -> dict[str, object]:
    return {"name": "backup", "slug": "b", "status": "up", "timeout": 3600, "grace": 300, "n_pings": 1, **fields}


def answer_with(server: CannedServer, text: str) -> None:
    server.answer = (200, "application/json", text.encode())


def test_a_name_that_several_checks_bear_is_not_guessed(server: CannedServer, api: Api) -> None:
    answer_with(server, '{"checks": [{"name": "backup", "slug": ""}, {"name": "backup", "slug": ""}]}')
    with pytest.raises(CliError, match="2 checks have the name backup"):
        find.check(api, "backup")


def test_an_unknown_name_is_told_with_where_to_look(server: CannedServer, api: Api) -> None:
    answer_with(server, '{"checks": []}')
    with pytest.raises(CliError, match=r'No check is called "backup".*lastseen checks list'):
        find.check(api, "backup")


def test_a_slug_wins_over_a_name(server: CannedServer, api: Api) -> None:
    answer_with(server, '{"checks": [{"name": "b", "slug": "x"}, {"name": "other", "slug": "b"}]}')
    assert find.check(api, "b")["name"] == "other"
