"""What an event of the HTTP API says, whatever the client's bytes were."""

from typing import Any

import pytest

from lastseen.aws.gateway import body, is_preflight, plain


@pytest.mark.parametrize(
    ("event", "read"),
    [
        ({}, b""),
        ({"body": None, "isBase64Encoded": False}, b""),
        ({"body": "gr\u00fc\u00df dich", "isBase64Encoded": False}, b"gr\xc3\xbc\xc3\x9f dich"),
        ({"body": "AP/+gA==", "isBase64Encoded": True}, b"\x00\xff\xfe\x80"),
        ({"body": "", "isBase64Encoded": True}, b""),
        ({"body": "abc", "isBase64Encoded": True}, b"abc"),  # broken base64
        ({"body": "\u00fc", "isBase64Encoded": True}, b"\xc3\xbc"),
        ({"body": "half \ud83d", "isBase64Encoded": False}, b"half \xed\xa0\xbd"),
    ],
)
def test_a_body_is_read_to_the_letter(event: dict[str, Any], read: bytes) -> None:
    assert body(event) == read


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), ("", ""), ("GET", "GET"), ("caf\u00e9", "caf\u00e9"), ("\ud83d!", "?!"), (5, "5")]
)
def test_every_text_can_be_stored(value: object, text: str) -> None:
    assert plain(value) == text


def event(method: str, headers: dict[str, str] | None) -> dict[str, Any]:
    return {"requestContext": {"http": {"method": method}}, "headers": headers}


def test_a_browser_that_asks_first_is_no_job() -> None:
    assert is_preflight(event("OPTIONS", {"access-control-request-method": "POST"}))


@pytest.mark.parametrize(
    ("method", "headers"),
    [("OPTIONS", None), ("OPTIONS", {"origin": "null"}), ("POST", {"access-control-request-method": "POST"})],
)
def test_everything_else_is_a_ping(method: str, headers: dict[str, str] | None) -> None:
    assert not is_preflight(event(method, headers))
