"""The ping API over HTTP, byte by byte: methods, bodies and headers as real clients send them, and as nobody should."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random
from urllib.parse import quote

import pytest

from tests.compat.wire import Site, read
from tests.conftest import Local
from tests.functions.anyclient import Clients

pytestmark = pytest.mark.emulator

RID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(scope="module")
def site(local: Local) -> Site:
    return Site(local)


# OPTIONS, which AWS hands on to the function, the emulator refuses by itself: tests/functions/test_ping.py has it.
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_any_method_is_a_ping(site: Site, method: str) -> None:
    uuid = site.make(f"wire-{method.lower()}")
    status, body, headers = site.send(uuid, method=method)
    assert (status, body) == (200, b"" if method == "HEAD" else b"OK")
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["ping-body-limit"] == "10000"
    assert "no-cache" in headers["cache-control"]
    (ping,) = site.pings(uuid)
    assert (ping["method"], ping["type"], ping["n"], ping["remote_addr"]) == (method, "success", 1, "127.0.0.1")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("00000000-0000-4000-8000-000000000000", 404, b"not found: no check has this ping URL"),
        ("no-key/wire-unknown", 404, b"not found: no check has this ping URL"),
        ("{key}/wire-unknown", 404, b"not found: no check has this ping URL"),
        ("{key}/wire-unknown/finish", 404, b"not found: this is no ping URL"),
        ("{key}/Wire", 400, b"invalid slug"),
        ("{key}/wire-unknown?create=1&rid=x", 400, b"invalid rid"),
        ("{key}/wire-unknown?create=1&timeout=1", 400, b"invalid timeout"),
    ],
)
def test_a_wrong_url_is_told_in_words(site: Site, path: str, status: int, words: bytes) -> None:
    answer = site.send(path.format(key=site.local.ping_key))
    assert (answer[0], answer[1][: len(words)]) == (status, words)


def test_a_slug_of_two_checks_is_refused(site: Site) -> None:
    site.make("wire-twin")
    site.make("wire-twin")
    assert site.send(f"{site.local.ping_key}/wire-twin?create=1")[0] == 409


BODIES = {
    "nothing said of it": (b"", b"\x00\xff half \xc3"),
    "octets": (b"content-type: application/octet-stream\r\n", bytes(range(256))),
    "a form": (b"content-type: application/x-www-form-urlencoded\r\n", b"a=1&b=%FF\n"),
    "text": (b"content-type: text/plain; charset=utf-8\r\n", "gr\u00fc\u00dfe \u2713\r\n".encode()),
    "json": (b"content-type: application/json\r\n", b'{"broken": '),
    "an odd type": (b"content-type: ;;;/x\xe9\r\n", b"body"),
    "two types": (b"content-type: text/plain\r\ncontent-type: image/png\r\n", b"body"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_kept_to_the_letter_whatever_its_type(site: Site, name: str) -> None:
    uuid = site.make(f"wire-{name.replace(' ', '-')}")
    headers, body = BODIES[name]
    assert site.send(f"{uuid}/log", method="POST", headers=headers, body=body)[0] == 200
    assert site.said(uuid) == [("POST", "log", body)]


def test_text_that_is_no_utf_8_is_a_ping_with_its_sound_part(site: Site) -> None:
    uuid = site.make("wire-latin-1")
    headers = b"content-type: text/plain; charset=iso-8859-1\r\n"
    assert site.send(uuid, method="POST", headers=headers, body=b"caf\xe9 au lait")[0] == 200
    ((_, kind, body),) = site.said(uuid)
    assert (kind, body[:3], body[-8:]) == ("success", b"caf", b" au lait")  # a gateway may replace what is no text


def test_a_body_beyond_the_limit_is_cut(site: Site) -> None:
    uuid = site.make("wire-large")
    assert site.send(f"{uuid}/fail", method="POST", body=b"0123456789" * 100_000)[0] == 200
    assert site.said(uuid) == [("POST", "fail", b"0123456789" * 1_000)]


def test_a_chunked_body_without_a_length_is_taken(site: Site) -> None:
    uuid = site.make("wire-chunked")
    head = f"PUT /ping/{uuid}/3 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    answer = site.raw(head.encode() + b"5\r\nhello\r\n1;ext=1\r\n\x00\r\n0\r\ntrailer: x\r\n\r\n")
    assert answer[:2] == (200, b"OK")
    assert site.said(uuid) == [("PUT", "fail", b"hello\x00")]


def test_a_client_that_waits_to_be_told_to_go_on_is_told(site: Site) -> None:
    uuid = site.make("wire-expect")
    head = f"POST /ping/{uuid} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n"
    with site.connect() as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"body")
        assert read(connection)[:2] == (200, b"OK")
    assert site.said(uuid) == [("POST", "success", b"body")]


def test_one_connection_serves_many_pings(site: Site) -> None:
    uuid = site.make("wire-keep-alive")
    with site.connect() as connection:
        for method, suffix in (("GET", "/start"), ("HEAD", ""), ("POST", "/1"), ("GET", "/log")):
            connection.sendall(f"{method} /ping/{uuid}{suffix} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            assert read(connection, method)[0] == 200
    assert [kind for _, kind, _ in site.said(uuid)] == ["start", "success", "fail", "log"]


def test_http_1_0_is_understood(site: Site) -> None:
    uuid = site.make("wire-http-1-0")
    assert site.raw(f"GET /ping/{uuid}/ HTTP/1.0\r\n\r\n".encode())[:2] == (200, b"OK")
    assert site.check(uuid)["n_pings"] == 1


def test_a_run_is_told_with_its_id_duration_and_the_clients_words(site: Site) -> None:
    uuid = site.make("wire-run")
    bare = RID.replace("-", "").upper()
    assert site.send(f"{uuid}/start?rid={bare}", headers=b"user-agent: caf\xe9/1.0\r\n")[0] == 200
    assert site.send(f"{uuid}/TERM?rid={RID}", headers=b"user-agent: " + b"x" * 900 + b"\r\n")[0] == 200
    start, end = site.pings(uuid)
    assert (start["type"], start["rid"], start["ua"][:3]) == ("start", RID, "caf")
    assert (end["type"], end["rid"], end["note"], len(end["ua"])) == ("fail", RID, "signal TERM", 200)
    assert 0 <= end["duration"] < 60
    assert site.check(uuid)["status"] == "down"


def test_runs_that_overlap_are_told_apart_by_their_ids(site: Site) -> None:
    uuid = site.make("wire-overlap")
    other = RID.replace("1", "2")
    for path in (f"start?rid={RID}", f"start?rid={other}", f"?rid={RID}", f"7?rid={other}"):
        assert site.send(f"{uuid}/{path}")[0] == 200
    *starts, first, second = site.pings(uuid)
    assert [start.get("duration") for start in starts] == [None, None]
    assert (first["rid"], second["rid"]) == (RID, other)
    assert 0 <= first["duration"] < 60
    assert 0 <= second["duration"] < 60


def test_a_first_ping_makes_its_check_as_it_asks(site: Site) -> None:
    path = f"{site.local.ping_key}/wire-made/start/?create=1&schedule=0+3+*+*+1-5&tz=Europe/Berlin&grace=600&tags=a+b"
    assert site.send(path)[:2] == (201, b"Created")
    assert site.send(path)[:2] == (200, b"OK")
    made = site.of_slug("wire-made")
    assert (made["schedule"], made["tz"], made["grace"], made["tags"]) == ("0 3 * * 1-5", "Europe/Berlin", 600, "a b")
    assert (made["name"], made["n_pings"], made["channels"]) == ("wire-made", 2, "*")


def test_of_many_first_pings_at_once_one_makes_the_check_and_all_count(site: Site) -> None:
    path = f"{site.local.ping_key}/wire-raced?create=1"
    with ThreadPoolExecutor(4) as pool:  # each more at once is one more process of the function
        statuses = sorted(answer[0] for answer in pool.map(site.send, [path] * 8))
    assert statuses == [200] * 7 + [201]
    assert site.of_slug("wire-raced")["n_pings"] == 8


# --- What nobody should send ---


def request(clients: Clients, chance: Random) -> tuple[bytes, str]:
    """Return a request on the wire, well-formed enough for a server to read it to its end."""
    method = chance.choice(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    path = quote(clients.path(), safe="/%+-_", errors="replace")
    query = quote(clients.query(), safe="/%+-_=&*,;?", errors="replace")
    body = chance.randbytes(chance.choice([0, 3, 3000]))
    kind = chance.choice([b"", b"text/plain", b"application/json", b"image/png", b"\xff;charset=\xfe"])
    lines = [
        f"{method} /ping/{path}?{query} HTTP/1.1".encode("ascii"),
        b"host: localhost",
        b"connection: close",
        b"user-agent: " + bytes(chance.choices([*range(0x21, 0x7F), *range(0x80, 0x100)], k=30)),
        b"content-type: " + kind,
        b"content-length: %d" % len(body),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body, method


def test_200_requests_of_any_kind_are_answered_without_a_5xx_and_each_good_answer_counts(site: Site) -> None:
    chance = Random(20261125)  # noqa: S311 - the same requests each time
    uuids = [site.make(f"wire-fuzz-{number}", methods="POST" if number else "") for number in range(2)]
    slugs = ["wire-fuzz-0", "wire-fuzz-made"]
    clients = Clients(chance, ids=uuids, slugs=slugs, key=site.local.ping_key)
    asked = [request(clients, chance) for _ in range(200)]
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda each: site.raw(*each)[0], asked))
    wrong = [(status, ask) for status, ask in zip(statuses, asked, strict=True) if status >= 500]
    assert wrong == []
    counted = sum(site.check(uuid)["n_pings"] for uuid in [*uuids, site.of_slug("wire-fuzz-made")["uuid"]])
    assert counted == statuses.count(200) + statuses.count(201) > 60
