"""The check of signatures against botocore, which makes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from lastseen_cli.local.sigv4 import Request, SignatureError, is_signed, key_id, verify

SECRETS = {"test": "a random secret"}
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def signed(
    method: str = "POST",
    url: str = "http://127.0.0.1:8000/iam/keys/",
    *,
    body: bytes = b'{"name":"x"}',
    headers: dict[str, str] | None = None,
    service: str = "execute-api",
    secret: str = SECRETS["test"],
) -> Request:
    """Return a request as botocore signs it and a server gets it."""
    asked = AWSRequest(method, url, headers=headers or {}, data=body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials("test", secret), service, "us-east-1").add_auth(asked)
    sent = asked.prepare()
    parts = urlsplit(sent.url)
    lines = [(name.lower().encode(), str(value).encode()) for name, value in sent.headers.items()]
    return Request(method, parts.path or "/", parts.query, (*lines, (b"host", parts.netloc.encode())), body)


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - botocore signs by the real clock


def header(request: Request, name: bytes, value: bytes) -> Request:
    return replace(request, headers=tuple((key, value if key == name else old) for key, old in request.headers))


@pytest.mark.parametrize("service", ["execute-api", "dynamodb", "s3"])
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/",
        "http://127.0.0.1:8000/iam/checks/?tag=b&tag=a&slug=x%20y%2Fz&empty=&a-b=1&a=1",
        "http://127.0.0.1:8000/bucket/with%20blank/caf%C3%A9.json",
        "http://127.0.0.1:8000/a//b/./c/../d/",
        "http://127.0.0.1:8000/2015-03-31/functions/f/invocations",
    ],
)
def test_what_botocore_signs_is_accepted(url: str, service: str) -> None:
    request = signed("PUT", url, service=service, headers={"X-Odd": "  two   blanks "})
    assert verify(request, SECRETS, now()) == "test"
    assert is_signed(request.headers)
    assert key_id(request) == "test"


@given(
    segments=st.lists(TEXT, max_size=4), query=st.lists(st.tuples(TEXT, TEXT), max_size=4), body=st.binary(max_size=50)
)
def test_any_path_query_and_body_that_botocore_signs_is_accepted(
    segments: list[str], query: list[tuple[str, str]], body: bytes
) -> None:
    path = "/".join(quote(segment, safe="") for segment in segments)
    url = f"http://127.0.0.1:8000/{path}?{urlencode(query, quote_via=quote)}"
    assert verify(signed(url=url, body=body), SECRETS, now()) == "test"


@pytest.mark.parametrize(
    "changed",
    [
        replace(signed(), method="DELETE"),
        replace(signed(), raw_path="/iam/projects/"),
        replace(signed(), query="scope=rw"),
        replace(signed(), body=b'{"name":"y"}'),
        header(signed(), b"host", b"evil.example"),
        signed(secret="another secret"),
        replace(signed(service="s3"), body=b"other"),
    ],
)
def test_whatever_is_changed_the_signature_no_longer_fits(changed: Request) -> None:
    with pytest.raises(SignatureError):
        verify(changed, SECRETS, now())


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Bearer x",
        b"AWS4-HMAC-SHA256",
        b"AWS4-HMAC-SHA256 Credential=test, SignedHeaders=host, Signature=00",
        b"AWS4-HMAC-SHA256 Credential=test/20261127/us-east-1/x/aws4_request, SignedHeaders=host, Signature=",
        b"AWS4-HMAC-SHA256 Credential=test/20261127/us-east-1/x/aws4_request, SignedHeaders=x-amz-date, Signature=00",
        b"AWS4-HMAC-SHA256 Credential=test/20261127/us-east-1/x/aws4_request, SignedHeaders=host, Signature=\xe9\xff",
        b"AWS4-HMAC-SHA256 Credential=root/20261127/us-east-1/x/aws4_request, SignedHeaders=host, Signature=00",
    ],
)
def test_a_forged_header_is_refused_with_words(authorization: bytes) -> None:
    with pytest.raises(SignatureError, match=r"\w+ \w+"):
        verify(header(signed(), b"authorization", authorization), SECRETS, now())


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_signature_of_another_time_is_refused(minutes: int) -> None:
    with pytest.raises(SignatureError, match="15 minutes"):
        verify(signed(), SECRETS, now() + timedelta(minutes=minutes))


def test_no_refusal_tells_the_secret_or_the_right_signature() -> None:
    with pytest.raises(SignatureError) as refused:
        verify(replace(signed(), body=b"other"), SECRETS, now())
    assert SECRETS["test"] not in str(refused.value)
    assert len(str(refused.value)) < 100
