"""How the command line gets in with AWS credentials: signatures as a gateway checks them, and words where it cannot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lastseen_cli import aws, deployment
from lastseen_cli.connect import connect
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.ways import Access

KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session+token/=="


@dataclass
class Arrived:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Gateway(BaseHTTPRequestHandler):
    """Keeps what came, and answers with an empty object."""

    server: GatewayServer

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.arrived.append(Arrived(self.command, self.path, headers, body))
        status, answer = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_DELETE = do_GET  # noqa: N815 - the names are http.server's

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@dataclass(eq=False)
class GatewayServer(HTTPServer):
    arrived: list[Arrived] = field(default_factory=list)
    answer: tuple[int, bytes] = (200, b'{"checks": [], "keys": []}')

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Gateway)


@pytest.fixture
def gateway() -> Iterator[GatewayServer]:
    with GatewayServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no AWS settings of this machine."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, nobody: None) -> None:  # noqa: ARG001 - in this order
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def expected(arrived: Arrived) -> str:
    """Return the Authorization that this very request should bear: derived anew, from the wire, by botocore."""
    names = arrived.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    request = AWSRequest(
        method=arrived.method,
        url=f"http://{arrived.headers['host']}{arrived.target}",
        data=arrived.body,
        headers={name: arrived.headers[name] for name in names},
    )
    request.context["timestamp"] = arrived.headers["x-amz-date"]
    auth = SigV4Auth(Credentials(KEY, SECRET, TOKEN), "execute-api", "eu-central-1")
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    scope = f"{KEY}/{arrived.headers['x-amz-date'][:8]}/eu-central-1/execute-api/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={';'.join(names)}, Signature={signature}"


@pytest.mark.usefixtures("credentials")
def test_a_request_without_a_key_is_signed_as_a_gateway_checks_it(gateway: GatewayServer) -> None:
    with connect(Access(f"http://127.0.0.1:{gateway.server_port}/api", "", "shop")) as api:
        api.checks(["a b", "ü/&=+%"])
        api.create({"name": "Größe", "tags": "x"})
        api.delete("a-b_c.~1")
        api.keys()
    assert [each.target.partition("?")[0] for each in gateway.arrived] == [
        "/iam/checks/",
        "/iam/checks/",
        "/iam/checks/a-b_c.~1",
        "/iam/keys/",
    ]
    for arrived in gateway.arrived:
        assert arrived.headers["authorization"] == expected(arrived)
        assert arrived.headers["x-amz-security-token"] == TOKEN
        assert "project=shop" in arrived.target
        assert "x-api-key" not in arrived.headers


@pytest.mark.usefixtures("credentials")
def test_the_check_of_a_signature_sees_a_changed_request(gateway: GatewayServer) -> None:
    with connect(Access(f"http://127.0.0.1:{gateway.server_port}/api", "")) as api:
        api.create({"name": "x"})
    (arrived,) = gateway.arrived
    arrived.body += b" "
    assert arrived.headers["authorization"] != expected(arrived)


def test_a_key_that_is_set_signs_nothing(gateway: GatewayServer) -> None:
    with connect(Access(f"http://127.0.0.1:{gateway.server_port}/api", "a-key")) as api:
        api.checks()
    (arrived,) = gateway.arrived
    assert arrived.target.startswith("/api/v3/checks/")
    assert arrived.headers["x-api-key"] == "a-key"
    assert "authorization" not in arrived.headers


@pytest.mark.parametrize("end", ["\n", "\r\n", " \t"])
def test_line_ends_and_blanks_around_a_key_and_a_url_do_no_harm(gateway: GatewayServer, end: str) -> None:
    with connect(Access(f" http://127.0.0.1:{gateway.server_port}/api{end}", f" lsw_key{end}")) as api:
        api.checks()
    assert gateway.arrived[-1].headers["x-api-key"] == "lsw_key"


@pytest.mark.parametrize("key", ["lsw_SECRET\nKEY", "lsw_SECRET KEY", "lsw_SECRETé"])
def test_a_key_that_is_none_is_never_shown(gateway: GatewayServer, key: str) -> None:
    with pytest.raises(UsageError) as refused:
        connect(Access(f"http://127.0.0.1:{gateway.server_port}/api", key))
    assert "SECRET" not in str(refused.value)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("end", ["\n", "\r\n", " \t"])
def test_an_empty_key_with_a_line_end_is_none_and_the_request_is_signed(gateway: GatewayServer, end: str) -> None:
    with connect(Access(f"http://127.0.0.1:{gateway.server_port}/api{end}", end)) as api:
        api.checks()
    assert "authorization" in gateway.arrived[-1].headers


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("url", ["lsw_SECRET", "https://user:SECRET@127.0.0.1:1/api", "https://user:SECRET@a\tb/api"])
def test_a_secret_in_the_place_of_the_url_or_in_it_is_never_shown(url: str) -> None:
    for key in ("", "https://host/api"):
        with (
            pytest.raises(CliError, match=r"LASTSEEN_API_URL|is not the API's URL") as refused,
            connect(Access(url, key)) as api,
        ):
            api.checks()
        assert "SECRET" not in str(refused.value)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("end", ["\n", "\r\n", " \t"])
def test_line_ends_and_blanks_around_aws_credentials_do_no_harm(
    gateway: GatewayServer, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    values = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}
    for name, value in values.items():
        monkeypatch.setenv(name, value + end)
    monkeypatch.setenv("AWS_REGION", f"eu-central-1{end}")
    with connect(Access(f"http://127.0.0.1:{gateway.server_port}/api", "")) as api:
        api.checks()
    (arrived,) = gateway.arrived
    assert arrived.headers["authorization"] == expected(arrived)
    assert arrived.headers["x-amz-security-token"] == TOKEN


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
def test_credentials_that_cannot_be_sent_are_never_shown(
    gateway: GatewayServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "SECRET\nSECRET")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{gateway.server_port}")
    shown = []
    with (
        connect(Access(f"http://127.0.0.1:{gateway.server_port}/api", "")) as api,
        pytest.raises(UsageError) as refused,
    ):
        api.checks()
    shown.append(str(refused.value))
    for look in (lambda: connect(Access("", "")), lambda: deployment.find("Lastseen")):
        with pytest.raises(CliError) as unreachable:
            look()
        shown.append(str(unreachable.value))
    for text in shown:
        assert "SECRET" not in text
        assert "credentials" in text


def test_a_key_goes_with_no_project() -> None:
    with pytest.raises(UsageError, match="a key belongs to one project"):
        connect(Access("https://host/api", "a-key", "shop"))


def test_neither_key_nor_credentials_is_told_with_both_ways_in() -> None:
    with pytest.raises(UsageError, match=r"`lastseen login`, or set LASTSEEN_API_KEY .* \(AWS_PROFILE"):
        connect(Access("https://host/api", ""))


@pytest.mark.usefixtures("credentials")
def test_what_aws_refuses_is_told_with_the_right_that_is_missing(gateway: GatewayServer) -> None:
    gateway.answer = (403, b'{"message":"Forbidden"}')
    with (
        connect(Access(f"http://127.0.0.1:{gateway.server_port}/api", "")) as api,
        pytest.raises(CliError, match=r"did not let your credentials in \(Forbidden\)\. They need execute-api:Invoke"),
    ):
        api.keys()


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://abc123.execute-api.eu-west-1.amazonaws.com/api", "eu-west-1"),
        ("https://abc123.execute-api.cn-north-1.amazonaws.com.cn/api", "cn-north-1"),
        ("https://ping.example.com/api", ""),
        ("http://127.0.0.1:8000/api", ""),
    ],
)
def test_the_host_of_an_api_names_its_region(url: str, region: str) -> None:
    assert aws.region_of(url) == region


@pytest.mark.usefixtures("credentials")
def test_a_stack_that_is_not_there_is_told_with_where_to_look(
    gateway: GatewayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "<Code>ValidationError</Code><Message>Stack with id Lastseen does not exist</Message>"
    gateway.answer = (400, f"<ErrorResponse><Error>{words}</Error></ErrorResponse>".encode())
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{gateway.server_port}")
    with pytest.raises(CliError, match=r"\(Stack with id Lastseen does not exist\)\. Check AWS_PROFILE and AWS_REGION"):
        connect(Access("", ""))


def test_without_a_region_the_url_is_asked_for() -> None:
    with pytest.raises(UsageError, match=r"^Where is the API\? Set LASTSEEN_API_URL"):
        connect(Access("", "a-key"))
