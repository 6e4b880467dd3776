"""`lastseen local` attacked over HTTP, as a web page, a rebound name or another user of the machine would."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lastseen_cli.local import emulator, synth
from lastseen_cli.local.emulator import Emulator
from lastseen_cli.local.front import listen
from lastseen_cli.local.live import Live, live

pytestmark = pytest.mark.emulator
ENVIRON = os.environ  # noqa: TID251 - tests are an entry point
PAGE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
FORGED = (
    "AWS4-HMAC-SHA256 Credential={key}/20261127/us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, "
    "Signature=0000"
)
LIST_TABLES = "DynamoDB_20120810.ListTables"
NEW_KEY = b'{"scope":"rw","name":"evil"}'


@dataclass(frozen=True, slots=True)
class Local:
    """What `lastseen local` runs, without its terminal."""

    cloud: Emulator
    live: Live

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, bytes]:
        """Send a request to the front, its path to the letter; return the answer."""
        return _ask(int(self.live.url.rpartition(":")[2]), method, path, headers, body)

    def ask_emulator(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> int:
        """Send a request to the emulator's port; return the status of the answer."""
        return _ask(self.cloud.port, method, path, headers, body)[0]

    def works(self) -> bool:
        """Tell whether the deployment still answers its owner."""
        status, body = self.ask("GET", "/api/v3/checks/", {"X-Api-Key": self.live.keys.write})
        return status == 200 and "checks" in json.loads(body)


def _ask(port: int, method: str, path: str, headers: dict[str, str] | None, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body=body, headers=headers or {})
    response = connection.getresponse()
    try:
        return response.status, response.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    assembly, _ = synth.assembly(synth.checkout(), environ=ENVIRON)
    now = datetime.now(UTC)  # noqa: TID251 - tests are an entry point
    with (
        emulator.running(environ=ENVIRON) as cloud,
        live(assembly, cloud, listen(0), state=None, now=now, on_seen=lambda _: None) as running,
    ):
        yield Local(cloud, running)


@pytest.mark.parametrize("headers", [{}, PAGE, {"Host": "evil.example"}], ids=["user", "page", "rebound"])
@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("POST", "/_ministack/reset", {}),
        ("POST", "/_ministack/config", {}),
        ("GET", "/_ministack/sqs/messages", {}),
        ("GET", "/health", {}),
        ("POST", "/2015-03-31/functions", {}),
        ("GET", "/", {}),
        ("POST", "/", {"X-Amz-Target": LIST_TABLES}),
        ("OPTIONS", "/", {"Access-Control-Request-Method": "POST"}),
    ],
)
def test_the_emulators_port_obeys_nobody_without_the_secret(
    local: Local, method: str, path: str, more: dict[str, str], headers: dict[str, str]
) -> None:
    assert local.ask_emulator(method, path, headers | more, b"{}") == 403
    assert local.works()


def test_no_code_of_a_web_page_runs(local: Local) -> None:
    function = {"FunctionName": "evil", "Runtime": "python3.13", "Role": "r", "Handler": "x.handler", "Code": {}}
    assert local.ask_emulator("POST", "/2015-03-31/functions", PAGE, json.dumps(function).encode()) == 403
    assert "evil" not in [one["FunctionName"] for one in local.cloud.client("lambda").list_functions()["Functions"]]


def test_a_key_id_with_a_guessed_secret_opens_nothing(local: Local) -> None:
    for key, secret in (("test", "test"), (emulator.ACCOUNT, "test"), ("test", "")):
        asked = AWSRequest("POST", f"{local.cloud.url}/", headers={"X-Amz-Target": LIST_TABLES}, data="{}")
        SigV4Auth(Credentials(key, secret), "dynamodb", "us-east-1").add_auth(asked)
        assert local.ask_emulator("POST", "/", dict(asked.headers), b"{}") == 403


def test_a_session_that_the_emulator_gave_to_who_has_the_secret_opens_it_and_with_another_secret_does_not(
    local: Local,
) -> None:
    """The CDK's command line assumes the roles of its bootstrap, and works with their sessions."""
    iam, sts = local.cloud.client("iam"), local.cloud.client("sts")
    anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    role = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=trust)["Role"]
    given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="deploy")["Credentials"]
    key, token = given["AccessKeyId"], given["SessionToken"]
    for secret, answer_status in ((given["SecretAccessKey"], 200), ("guessed", 403)):
        asked = AWSRequest("POST", f"{local.cloud.url}/", headers={"X-Amz-Target": LIST_TABLES}, data="{}")
        SigV4Auth(Credentials(key, secret, token), "dynamodb", "us-east-1").add_auth(asked)
        assert local.ask_emulator("POST", "/", dict(asked.headers), b"{}") == answer_status


@pytest.mark.parametrize(
    "path",
    [
        "/_ministack/health",
        "/_ministack/sqs/messages",
        "/_ministack/ses/messages",
        "/_ministack/config",
        "/_localstack/health",
        "/health",
        "/_aws/execute-api/x/$default/api/v3/checks/",
        "/restapis/a/b/_user_request_/c",
        "/iceberg/v1/config",
        "/2015-03-31/functions",
        "/.well-known/openid-configuration",
        "/oauth2/token",
        "/../_ministack/health",
        "/..%2f..%2f_ministack/health",
        "//_ministack/health",
        "/%5fministack/health",
        "/$default/../../_ministack/health",
    ],
)
def test_no_path_of_the_emulator_is_behind_the_published_port(local: Local, path: str) -> None:
    status, body = local.ask("GET", path)
    assert (status, json.loads(body)) == (404, {"error": "not found: there is no such path"})


def test_no_web_page_resets_the_deployment(local: Local) -> None:
    assert local.ask("POST", "/_ministack/reset", PAGE)[0] == 404
    assert local.works()


def test_no_rebound_name_reads_anything(local: Local) -> None:
    for path in ("/", "/api/v3/checks/", "/badge/2/x.svg"):
        assert local.ask("GET", path, {"Host": "evil.example", "X-Api-Key": local.live.keys.write})[0] == 421


@pytest.mark.parametrize("path", ["/iam/keys/", "//iam/keys/", "/%69am/keys/", "/iam%2fkeys/", "/iam/./keys/"])
@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer x",
        "Basic dGVzdDp0ZXN0",
        FORGED.format(key="test"),
        FORGED.format(key=emulator.ACCOUNT),
    ],
)
def test_no_key_is_made_without_a_real_signature(local: Local, path: str, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    status, body = local.ask("POST", path, headers, NEW_KEY)
    assert status in {403, 404}
    assert b"lsw_" not in body


def test_a_real_signature_makes_a_key(local: Local) -> None:
    new = b'{"scope":"ro","name":"good"}'
    asked = AWSRequest("POST", f"{local.live.url}/iam/keys/", data=new)
    SigV4Auth(Credentials("test", local.cloud.secret), "execute-api", "us-east-1").add_auth(asked)
    status, body = local.ask("POST", "/iam/keys/", dict(asked.headers), new)
    assert (status, json.loads(body)["name"]) == (201, "good")


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/api/v3/checks/", "POST"),
        ("/api/v1/checks/", "GET"),
        ("/api/v3/checks/6f0b2f0e-0000-4000-8000-000000000000", "DELETE"),
        ("/badge/2/abc.svg", "GET"),
        ("/b/3/abc.json", "GET"),
        ("/ping/{ping}/a-job", "POST"),
        ("/ping/6f0b2f0e-0000-4000-8000-000000000000/fail", "POST"),
    ],
)
def test_a_browsers_preflight_is_granted(local: Local, path: str, method: str) -> None:
    asks = {
        "Origin": "https://app.example.com",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "x-api-key",
    }
    answer = httpx.options(local.live.url + path.format(ping=local.live.keys.ping), headers=asks, timeout=60)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    allowed = answer.headers["Access-Control-Allow-Methods"]
    assert allowed == "*" or method in allowed.split(", ")
    granted = answer.headers["Access-Control-Allow-Headers"].lower()
    assert granted == "*" or "x-api-key" in granted


def test_a_page_that_asked_first_reads_the_answer(local: Local) -> None:
    page: dict[str, Any] = {"headers": {**PAGE, "X-Api-Key": local.live.keys.read}, "timeout": 60}
    answer = httpx.get(f"{local.live.url}/api/v3/checks/", **page)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")


def test_options_without_a_preflight_is_a_ping(local: Local) -> None:
    url = f"{local.live.url}/ping/{local.live.keys.ping}/by-options"
    assert httpx.options(f"{url}?create=1", timeout=60).status_code == 201
    assert httpx.options(url, timeout=60).text == "OK"
