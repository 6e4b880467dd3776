"""Signatures: those of botocore's signer, to the letter, for any request that the ping function could make."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from random import Random

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lastseen.aws.client import SQS, Aws, DynamoDB, Service
from tests.judge import parsed

REQUESTS = 3_000
BASE64 = string.ascii_letters + string.digits + "+/="
HOSTS = ("127.0.0.1", "localhost", "[::1]", "Dynamodb.Example.COM", "vpce-1-x.sqs.eu-west-1.vpce.amazonaws.com")
PORTS = ("", ":80", ":443", ":4566", ":8000")
PATHS = ("", "/", "/stage", "/a/b~c", "/a%20b", "/ü", "/a+b", "/a=b:c@d")
REGIONS = ("us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "ap-southeast-7", "a")


def some(chance: Random, of: str, most: int) -> str:
    return "".join(chance.choices(of, k=chance.randint(1, most)))


def body(chance: Random) -> bytes:
    kind = chance.randrange(4)
    if kind == 0:
        return b""
    if kind == 1:
        return chance.randbytes(chance.randrange(2_000))
    kinds = (range(32, 127), range(0xD7FF), range(0x1F4A5, 0x1F4A9))
    text = "".join(chr(chance.choice(chance.choice(kinds))) for _ in range(40))
    return f'{{"TableName": "{text}"}}'.encode()


def environment(chance: Random) -> dict[str, str]:
    variables = {
        "AWS_DEFAULT_REGION": chance.choice(REGIONS),
        "AWS_ACCESS_KEY_ID": some(chance, string.ascii_uppercase + string.digits, 20),
        "AWS_SECRET_ACCESS_KEY": some(chance, BASE64, 60),
    }
    if chance.random() < 0.7:
        variables["AWS_SESSION_TOKEN"] = some(chance, BASE64, 800)
    if chance.random() < 0.6:
        where = chance.choice(HOSTS) + chance.choice(PORTS) + chance.choice(PATHS)
        variables["AWS_ENDPOINT_URL"] = f"{chance.choice(('http', 'https'))}://{where}"
    return variables


def theirs(aws: Aws, service: str, headers: dict[str, str], body: bytes, now: datetime) -> dict[str, str]:
    """Return what botocore's signer adds to a request that has these headers."""
    request = AWSRequest("POST", aws.endpoint(service), headers, body)
    with pytest.MonkeyPatch.context() as clock:
        clock.setattr(botocore.auth, "get_current_datetime", lambda: now)
        who = aws.credentials()
        signer = SigV4Auth(Credentials(who.access_key, who.secret_key, who.token), service, aws.region)
        signer.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def test_it_is_botocores_signature_for_thousands_of_random_requests() -> None:
    chance = Random(18)  # noqa: S311 - a test's choices, no secret
    times = [datetime(2026, 11, 28, 23, 59, 58, tzinfo=UTC)]
    aws = Aws(environment(chance))
    services: dict[str, Service] = {}
    for _ in range(REQUESTS):
        if not services or chance.random() < 0.3:  # a service signs several requests, over midnight too
            aws = Aws(environment(chance))
            stamp = lambda: f"{times[-1]:%Y%m%dT%H%M%SZ}"  # noqa: E731 - a clock
            services = {"dynamodb": DynamoDB(aws, stamp=stamp), "sqs": SQS(aws, stamp=stamp)}
        times.append(times[-1] + timedelta(seconds=chance.choice((0, 1, 40_000, 4_000_000))))
        name = chance.choice(("dynamodb", "sqs"))
        sent = body(chance)
        request = services[name]._request(some(chance, string.ascii_letters, 20), sent)  # noqa: SLF001 - what goes out
        _, path, headers, received = parsed(request)
        assert received == sent
        about = {each: headers[each] for each in ("content-type", "x-amz-target")}
        signed = theirs(aws, name, about, sent, times[-1])
        for header, value in signed.items():
            assert headers[header] == value, (path, headers.items())
        assert "authorization" in signed


def test_credentials_that_change_are_used_from_the_next_call_on() -> None:
    variables = environment(Random(1))  # noqa: S311 - likewise
    aws = Aws(variables)
    dynamodb = DynamoDB(aws, stamp=lambda: "20261128T120000Z")
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    about = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.GetItem"}
    for secret, token in (("one", "first"), ("two", "second"), ("two", "third")):
        variables |= {"AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
        _, _, headers, _ = parsed(dynamodb._request("GetItem", b"{}"))  # noqa: SLF001 - what goes out
        assert headers["x-amz-security-token"] == token
        assert headers["authorization"] == theirs(aws, "dynamodb", about, b"{}", now)["authorization"]
