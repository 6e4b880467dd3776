"""The front against a loopback server that keeps every request to the byte."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import h11
import pytest

from lastseen_cli.errors import UsageError
from lastseen_cli.local.front import Front, Seen, Upstream, listen

API, WORD = "abcd1234", "a random word"


@dataclass
class Request:
    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""


@dataclass
class Upstreamed:
    """A server that answers each request with `answer` and `answer_headers`, and keeps what it was sent."""

    listening: socket.socket
    requests: list[Request] = field(default_factory=list)
    status: int = 200
    answer: bytes = b"OK"
    answer_headers: list[tuple[str, str]] = field(default_factory=lambda: [("Content-Length", "2")])

    def serve(self) -> None:
        while True:
            try:
                peer, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer: socket.socket) -> None:
        with peer:
            connection = h11.Connection(h11.SERVER)
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    connection.receive_data(peer.recv(65536))
                elif isinstance(event, h11.Request):
                    self.requests.append(Request(event.method, event.target, list(event.headers)))
                elif isinstance(event, h11.Data):
                    self.requests[-1].body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    self.reply(connection, peer)
                    connection.start_next_cycle()
                else:
                    return

    def reply(self, connection: h11.Connection, peer: socket.socket) -> None:
        head = h11.Response(status_code=self.status, headers=self.answer_headers)
        parts = [head, h11.Data(data=self.answer), h11.EndOfMessage()]
        if self.requests[-1].method == b"HEAD":
            del parts[1]
        peer.sendall(b"".join(connection.send(part) or b"" for part in parts))


@pytest.fixture
def upstream() -> Iterator[Upstreamed]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = Upstreamed(listening)
    threading.Thread(target=server.serve, daemon=True).start()
    yield server
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@pytest.fixture
def seen() -> list[Seen]:
    return []


@pytest.fixture
def client(upstream: Upstreamed, seen: list[Seen]) -> Iterator[http.client.HTTPConnection]:
    listening = listen(0)
    port = listening.getsockname()[1]
    to = Upstream(port=upstream.listening.getsockname()[1], api=API, word=WORD)
    with Front(listening, to, seen.append):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        yield connection
        connection.close()


def answer(client: http.client.HTTPConnection) -> tuple[int, bytes]:
    response = client.getresponse()
    return response.status, response.read()


def test_the_path_and_the_query_pass_with_every_escape_as_it_was_written(
    client: http.client.HTTPConnection, upstream: Upstreamed
) -> None:
    target = "/ping/a%2Fb%20c/%C3%A9//d;e?rid=1&rid=2&x=%2520&empty=&+=a+b"
    client.request("GET", target)
    assert answer(client) == (200, b"OK")
    assert upstream.requests[0].target == target.encode()


def test_headers_pass_the_host_among_them_and_the_front_says_who_it_is(
    client: http.client.HTTPConnection, upstream: Upstreamed
) -> None:
    client.request("GET", "/", headers={"X-Api-Key": "k", "X-Forwarded-For": "192.0.2.7", "User-Agent": "job/1"})
    answer(client)
    headers = dict(upstream.requests[0].headers)
    assert headers[b"host"] == f"127.0.0.1:{client.port}".encode()
    assert headers[b"x-api-key"] == b"k"
    assert headers[b"x-forwarded-for"] == b"192.0.2.7"
    assert headers[b"user-agent"] == b"job/1"
    assert (headers[b"x-lastseen-front"], headers[b"x-lastseen-api"]) == (WORD.encode(), API.encode())


def test_nobody_else_can_say_who_the_front_is(client: http.client.HTTPConnection, upstream: Upstreamed) -> None:
    client.request("GET", "/", headers={"X-Lastseen-Front": "forged", "X-Lastseen-Api": "other"})
    answer(client)
    headers = upstream.requests[0].headers
    assert [value for name, value in headers if name.startswith(b"x-lastseen-")] == [WORD.encode(), API.encode()]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example"]
)
def test_a_host_name_of_strangers_is_refused_with_the_right_address(
    client: http.client.HTTPConnection, upstream: Upstreamed, host: str
) -> None:
    client.request("GET", "/api/v3/checks/", headers={"Host": host})
    status, body = answer(client)
    assert status == 421
    assert f"http://127.0.0.1:{client.port}" in body.decode()
    assert not upstream.requests


@pytest.mark.parametrize(
    "host", ["localhost:1234", "127.0.0.1", "[::1]:8000", "host.docker.internal:8000", "app.localhost"]
)
def test_a_host_name_that_no_stranger_can_have_passes(
    client: http.client.HTTPConnection, upstream: Upstreamed, host: str
) -> None:
    client.request("GET", "/", headers={"Host": host})
    assert answer(client) == (200, b"OK")
    assert dict(upstream.requests[0].headers)[b"host"] == host.encode()


def test_a_cross_origin_call_passes_since_the_functions_decide_about_it(
    client: http.client.HTTPConnection, upstream: Upstreamed
) -> None:
    client.request("GET", "/", headers={"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"})
    assert answer(client) == (200, b"OK")
    assert dict(upstream.requests[0].headers)[b"origin"] == b"https://app.example.com"


def test_a_request_of_http_1_0_without_a_host_passes(client: http.client.HTTPConnection, upstream: Upstreamed) -> None:
    with socket.create_connection((client.host, client.port), timeout=10) as raw:
        raw.sendall(b"GET /ping/x HTTP/1.0\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 200")
    assert dict(upstream.requests[0].headers)[b"host"] == b"127.0.0.1"


def test_a_websocket_is_refused_with_words(client: http.client.HTTPConnection, upstream: Upstreamed) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    client.request("GET", "/ping/x", headers={**upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    status, body = answer(client)
    assert (status, body) == (400, b"There are no WebSockets here. Send plain HTTP requests.\n")
    assert not upstream.requests


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO"])
def test_any_method_passes(client: http.client.HTTPConnection, upstream: Upstreamed, method: str) -> None:
    client.request(method, "/ping/x")
    assert answer(client) == (200, b"OK")
    assert upstream.requests[0].method == method.encode()


def test_head_is_answered_with_the_headers_alone(client: http.client.HTTPConnection, upstream: Upstreamed) -> None:
    upstream.answer_headers = [("Content-Length", "2"), ("Ping-Body-Limit", "10000")]
    client.request("HEAD", "/ping/x")
    response = client.getresponse()
    assert (response.status, response.read(), response.headers["Ping-Body-Limit"]) == (200, b"", "10000")
    assert upstream.requests[0].method == b"HEAD"


def test_a_body_of_any_bytes_passes_whole(client: http.client.HTTPConnection, upstream: Upstreamed) -> None:
    body = bytes(range(256)) * 4096
    client.request("POST", "/ping/x", body=body)
    answer(client)
    assert upstream.requests[0].body == body


def test_a_chunked_body_passes_whole(client: http.client.HTTPConnection, upstream: Upstreamed) -> None:
    client.request("POST", "/ping/x", body=iter([b"one ", b"two ", b"three"]), encode_chunked=True)
    assert answer(client) == (200, b"OK")
    assert upstream.requests[0].body == b"one two three"


def test_a_connection_is_kept_for_the_next_request(client: http.client.HTTPConnection, upstream: Upstreamed) -> None:
    client.request("GET", "/1")
    answer(client)
    first = client.sock
    client.request("POST", "/2", body=b"x")
    answer(client)
    assert client.sock is first
    assert [request.target for request in upstream.requests] == [b"/1", b"/2"]


def test_the_answer_passes_as_it_is(client: http.client.HTTPConnection, upstream: Upstreamed) -> None:
    upstream.status, upstream.answer = 418, b"<\x00\xff>"
    upstream.answer_headers = [("Content-Length", "4"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Odd", "y")]
    client.request("GET", "/")
    response = client.getresponse()
    assert (response.status, response.read()) == (418, b"<\x00\xff>")
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers["X-Odd"] == "y"
    assert "Server" not in response.headers


def test_a_client_that_waits_for_100_continue_gets_it(client: http.client.HTTPConnection, upstream: Upstreamed) -> None:
    with socket.create_connection((client.host, client.port), timeout=10) as raw:
        raw.sendall(b"POST /ping/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 100")
        raw.sendall(b"body")
        assert raw.recv(1000).startswith(b"HTTP/1.1 200")
    assert upstream.requests[0].body == b"body"


def test_what_passed_is_told(client: http.client.HTTPConnection, seen: list[Seen]) -> None:
    client.request("POST", "/ping/x/fail?rid=1", body=b"x")
    answer(client)
    client.request("GET", "/second")  # answered only after the first one was told of
    answer(client)
    assert (seen[0].method, seen[0].path, seen[0].status) == ("POST", "/ping/x/fail", 200)
    assert 0 < seen[0].seconds < 10


def test_without_the_emulator_the_answer_is_502_and_says_so(seen: list[Seen]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nobody = gone.getsockname()[1]
    listening = listen(0)
    port = listening.getsockname()[1]
    with Front(listening, Upstream(port=nobody, api=API, word=WORD), seen.append):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/ping/x")
        status, body = answer(connection)
        connection.close()
    assert status == 502
    assert b"emulator does not answer" in body
    assert b"send it again" in body


def test_a_closed_front_no_longer_listens(upstream: Upstreamed, seen: list[Seen]) -> None:
    listening = listen(0)
    port = listening.getsockname()[1]
    with Front(listening, Upstream(port=upstream.listening.getsockname()[1], api=API, word=WORD), seen.append):
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_a_taken_port_is_refused_with_two_free_ones_for_us_and_the_outbox() -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"Port {port} cannot be used.*--port") as refused:
            listen(port)
        suggested = int(str(refused.value).rstrip(".").rpartition(" ")[2])
        assert suggested != port
        listen(suggested).close()
        listen(suggested + 1).close()


def test_the_port_of_another_runs_outbox_is_not_suggested() -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with listen_if_free(port + 1), pytest.raises(UsageError) as refused:
            listen(port)
    assert f"--port {port + 1}." not in str(refused.value)


@contextlib.contextmanager
def listen_if_free(port: int) -> Iterator[None]:
    try:
        listening = listen(port)
    except UsageError:
        yield
    else:
        with listening:
            yield
