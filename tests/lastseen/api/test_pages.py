"""The dashboard over HTTP: who gets in, for how long, and what a form from elsewhere can do (nothing)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from lastseen.api.web import session
from lastseen.core import keys
from lastseen.core.check import Kind, Status, unique_key
from lastseen.core.keys import Scope
from lastseen.core.moments import woken
from lastseen.storage.documents import KEYS
from tests.lastseen.api.world import ID, OTHER_ID, Reply, World
from tests.times import T0, hours, minutes

KEY = unique_key(ID)
HTML = {"accept": "text/html,application/xhtml+xml"}


@dataclass
class Browser:
    """Keeps a cookie and sends forms as a browser does, and as a page of another site would."""

    world: World
    cookie: str = ""

    def get(self, target: str, **headers: str) -> Reply:
        return self._send("GET", target, b"", headers)

    def post(self, target: str, headers: dict[str, str] | None = None, **form: str) -> Reply:
        sent = {"content-type": "application/x-www-form-urlencoded"} | (headers or {})
        return self._send("POST", target, urlencode(form).encode(), sent)

    def sign_in(self, word: str, back: str = "/") -> Reply:
        return self.post("/sign-in", key=word, back=back)

    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.get("/").body.decode())
        assert found
        return found[1]

    def _send(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Reply:
        cookies = {"cookie": f"theirs=1; {self.cookie}"} if self.cookie else {}
        reply = self.world.send(method, target, body, key=None, headers=HTML | cookies | headers)
        if "set-cookie" in reply.headers:
            self.cookie = reply.headers["set-cookie"].split(";")[0]
        return reply


@pytest.fixture
def browser(world: World) -> Browser:
    world.check(name="backup", status=Status.UP, last_ping=T0, since=T0)
    return Browser(world)


@pytest.fixture
def writer(browser: Browser) -> Browser:
    browser.sign_in(browser.world.write)
    return browser


@pytest.fixture
def reader(browser: Browser) -> Browser:
    browser.sign_in(browser.world.read)
    return browser


def test_a_page_knows_why_a_check_is_down_however_often_people_were_reminded(world: World) -> None:
    world.check(reminder=minutes(5))
    world.ping(kind=Kind.FAIL, exit_status=3, body=b"disk is full")
    for _ in range(40):
        world.now += minutes(5)
        seen = world.store.checks[ID]
        world.store.save(seen, woken(seen, world.now))
    browser = Browser(world)
    browser.sign_in(world.write)
    page = browser.get(f"/checks/{KEY}").body.decode()
    assert "It failed, exit status 3" in page
    assert "disk is full" in page


def test_signing_out_ends_the_session_wherever_its_cookie_may_be(writer: Browser) -> None:
    stolen = Browser(writer.world, writer.cookie)
    other = Browser(writer.world)
    other.world.now += hours(1)
    other.sign_in(writer.world.write)
    assert stolen.get("/").status == 200
    writer.post("/sign-out", token=writer.token())
    assert stolen.get("/").status == 303
    assert stolen.post(f"/checks/{KEY}/pause", token=stolen.cookie).status == 303
    assert other.get("/").status == 200


def test_ended_sessions_are_not_kept_for_ever(world: World) -> None:
    for _ in range(3):
        browser = Browser(world)
        browser.sign_in(world.write)
        browser.post("/sign-out", token=browser.token())
        world.now += hours(13)
    assert len(session.ENDED.all(world.store).values) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://example.org"}, 303),
        ({"origin": "https://example.org", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "https://proxy.example", "sec-fetch-site": "same-origin"}, 303),
        ({}, 303),
    ],
)
def test_a_sign_in_from_another_site_is_refused_by_old_browsers_words_too(
    browser: Browser, headers: dict[str, str], status: int
) -> None:
    form = {"host": "example.org", "content-type": "application/x-www-form-urlencoded"} | headers
    assert browser.post("/sign-in", form, key=browser.world.read).status == status


@pytest.mark.parametrize(("path", "back"), [("/", "/sign-in"), (f"/checks/{KEY}", f"/sign-in?back=%2Fchecks%2F{KEY}")])
def test_whoever_is_not_signed_in_is_asked_for_a_key_first(browser: Browser, path: str, back: str) -> None:
    reply = browser.get(path)
    assert (reply.status, reply.headers["location"]) == (303, back)


def test_an_alerts_link_leads_through_the_sign_in_to_the_check(browser: Browser) -> None:
    form = browser.get(browser.get(f"/checks/{KEY}").headers["location"]).body.decode()
    assert f'name="back" value="/checks/{KEY}"' in form
    reply = browser.sign_in(browser.world.read, f"/checks/{KEY}")
    assert (reply.status, reply.headers["location"]) == (303, f"/checks/{KEY}")
    assert "backup" in browser.get(f"/checks/{KEY}").body.decode()


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/\\evil.example", "/checks/../x", "/x\n"])
def test_a_sign_in_leads_to_no_other_place(browser: Browser, back: str) -> None:
    assert f'value="{back}"' not in browser.get(f"/sign-in?{urlencode({'back': back})}").body.decode()
    assert browser.sign_in(browser.world.read, back).headers["location"] == "/"


def test_the_cookie_is_for_this_host_over_tls_and_for_no_script(browser: Browser) -> None:
    reply = browser.sign_in(browser.world.read)
    name, *attributes = reply.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-lastseen=")
    assert attributes == ["Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Lax", "Secure"]
    assert browser.world.read not in name
    assert keys.hashed(browser.world.read) not in name


def test_a_cookie_comes_through_the_gateways_own_list_of_them(browser: Browser) -> None:
    browser.sign_in(browser.world.read)
    answer = browser.world.app.resolve(
        {
            "version": "2.0",
            "rawPath": "/",
            "headers": {},
            "cookies": ["theirs=1", browser.cookie],
            "requestContext": {"http": {"method": "GET", "path": "/"}, "stage": "$default"},
        },
        LambdaContext(),
    )
    assert answer["statusCode"] == 200


@pytest.mark.parametrize("word", ["", "lsw_wrong", " "])
def test_a_wrong_key_is_told_and_begins_no_session(browser: Browser, word: str) -> None:
    reply = browser.sign_in(word)
    assert reply.status == 401
    assert "This is no API key of this Lastseen." in reply.body.decode()
    assert "set-cookie" not in reply.headers


def test_a_ping_key_opens_nothing(browser: Browser) -> None:
    assert browser.sign_in(browser.world.key(Scope.PING)).status == 401


def test_a_session_ends_after_twelve_hours(reader: Browser) -> None:
    reader.world.now = T0 + hours(12) - timedelta(seconds=1)
    assert reader.get("/").status == 200
    reader.world.now = T0 + hours(12)
    assert reader.get("/").status == 303


def test_revoking_the_key_ends_its_sessions_at_once(reader: Browser) -> None:
    assert reader.get("/").status == 200
    reader.world.store.drop_setting(KEYS.kind, keys.hashed(reader.world.read))
    assert reader.get("/").status == 303


def test_a_cookie_that_we_did_not_make_is_none(reader: Browser) -> None:
    name, _, value = reader.cookie.partition("=")
    for forged in (value[:-1], value[::-1], "", "x" * len(value), "\u00e9"):
        reader.cookie = f"{name}={forged}"
        assert reader.get("/").status == 303


def test_a_cookie_of_another_deployment_is_none(reader: Browser) -> None:
    elsewhere = World()
    elsewhere.store.put_setting(KEYS.kind, keys.hashed(reader.world.read), {"project": "default", "scope": "rw"})
    assert Browser(elsewhere, reader.cookie).get("/").status == 303


def test_signing_out_takes_the_cookie_away(writer: Browser) -> None:
    reply = writer.post("/sign-out", token=writer.token())
    assert (reply.status, reply.headers["location"]) == (303, "/sign-in")
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert writer.get("/").status == 303


def test_the_list_shows_the_keys_project_alone(reader: Browser) -> None:
    reader.world.check(id=OTHER_ID, name="foreign", project="other")
    said = reader.get("/").body.decode()
    assert "backup" in said
    assert "foreign" not in said


def test_the_list_is_filtered_by_its_links(reader: Browser) -> None:
    reader.world.check(id=OTHER_ID, name="tagged", tags="prod", status=Status.PAUSED)
    for query, shown in (
        ("?tag=prod", ["tagged"]),
        ("?status=up", ["backup"]),
        ("?status=up&status=paused", ["backup", "tagged"]),
    ):
        said = reader.get(f"/{query}").body.decode()
        assert [name for name in ("backup", "tagged") if f">{name}</a>" in said] == shown


def test_a_page_shows_a_ping_url_to_those_who_may_write_alone(browser: Browser) -> None:
    browser.sign_in(browser.world.write)
    assert f"https://example.org/ping/{ID}" in browser.get(f"/checks/{KEY}").body.decode()
    browser.sign_in(browser.world.read)
    for path in ("/", f"/checks/{KEY}"):
        assert ID not in browser.get(path).body.decode()


def test_pings_and_changes_stand_on_the_page(writer: Browser) -> None:
    writer.world.ping(body=b"42 rows copied", agent="curl/8")
    said = writer.get(f"/checks/{KEY}").body.decode()
    assert "42 rows copied" in said
    assert "curl/8" in said


@pytest.mark.parametrize("key", [unique_key(OTHER_ID), "nonsense", ID, "0" * 40])
def test_what_is_no_check_of_the_project_is_not_found(reader: Browser, key: str) -> None:
    """Not even by its id, which is a ping URL and belongs in no address bar."""
    reader.world.check(id=OTHER_ID, project="other")
    reply = reader.get(f"/checks/{key}")
    assert reply.status == 404
    assert "has no such check" in reply.body.decode()


def test_a_check_is_paused_and_resumed_by_its_buttons(writer: Browser) -> None:
    token = writer.token()
    for act, status in (("pause", Status.PAUSED), ("resume", Status.NEW), ("resume", Status.NEW)):
        reply = writer.post(f"/checks/{KEY}/{act}", token=token)
        assert (reply.status, reply.headers["location"]) == (303, f"/checks/{KEY}")
        assert writer.world.status() is status


def test_a_form_without_its_sessions_token_does_nothing(writer: Browser) -> None:
    stranger = Browser(writer.world)
    stranger.sign_in(writer.world.key(Scope.WRITE))
    for token in ("", "x", stranger.token(), "\u00e9"):
        reply = writer.post(f"/checks/{KEY}/pause", token=token)
        assert reply.status == 403
        assert "load the page anew" in reply.body.decode()
    assert writer.world.status() is Status.UP
    assert writer.post("/sign-out").status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_on_another_site_does_nothing(writer: Browser, site: str) -> None:
    token, elsewhere = writer.token(), {"sec-fetch-site": site}
    assert writer.post(f"/checks/{KEY}/pause", elsewhere, token=token).status == 403
    assert writer.world.status() is Status.UP
    assert writer.post("/sign-in", elsewhere, key=writer.world.read).status == 403


def test_a_reader_changes_nothing(reader: Browser) -> None:
    reply = reader.post(f"/checks/{KEY}/pause", token=reader.token())
    assert reply.status == 403
    assert "may only read" in reply.body.decode()
    assert reader.world.status() is Status.UP


def test_an_old_form_of_a_session_that_is_over_asks_for_the_key(writer: Browser) -> None:
    token = writer.token()
    writer.world.now = T0 + hours(13)
    reply = writer.post(f"/checks/{KEY}/pause", token=token)
    assert (reply.status, reply.headers["location"]) == (303, f"/sign-in?back=%2Fchecks%2F{KEY}")


@pytest.mark.parametrize("path", ["/", "/sign-in", f"/checks/{KEY}", "/checks/none", "/no/such/page"])
def test_every_page_bears_the_policy_and_is_kept_nowhere(reader: Browser, path: str) -> None:
    headers = reader.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_a_page_that_is_not_there_is_told_to_people_as_a_page_and_to_programs_as_json(browser: Browser) -> None:
    assert (browser.get("/nothing").status, b"There is no such page." in browser.get("/nothing").body) == (404, True)
    assert browser.world.get("/nothing").json() == {"error": "not found: there is no such path"}


def test_a_check_that_cannot_be_read_hides_no_other(reader: Browser) -> None:
    reader.world.check(id=OTHER_ID, name="corrupt")
    reader.world.store.corrupt.add(OTHER_ID)
    said = reader.get("/").body.decode()
    assert "backup" in said
    assert "1 stored check cannot be read" in said
    assert unique_key(OTHER_ID) in said
    assert reader.get(f"/checks/{unique_key(OTHER_ID)}").status == 500


def test_on_plain_http_as_lastseen_local_the_cookie_is_not_secure() -> None:
    world = World(site="http://127.0.0.1:8000")
    reply = Browser(world).sign_in(world.write)
    assert reply.headers["set-cookie"].startswith("lastseen=")
    assert "Secure" not in reply.headers["set-cookie"]
