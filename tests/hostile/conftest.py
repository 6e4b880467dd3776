"""One site for all tests here, and the check that every answer passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.hostile.site import Reply, Site, site

Attack = Callable[..., Reply]


@pytest.fixture(scope="module")
def target() -> Iterator[Site]:
    with site() as each:
        yield each


def attack(target: Site, method: str, path: str, body: bytes = b"", *, key: str | None = None) -> Reply:
    """Send a request; whatever it is, the answer is no fault, gives a reason for a refusal, and holds no secret."""
    reply = target.send(method, path, body, key=target.write if key is None else key)
    assert reply.status < 500 or reply.status == 503, (method, path, body[:200], reply.body[:500])
    assert target.write.encode() not in reply.body
    assert b"Traceback" not in reply.body
    if reply.status >= 400 and method != "HEAD" and "json" in reply.headers.get("content-type", ""):
        document = reply.document
        assert document.get("error") or document.get("message"), (method, path)  # the gateway's own has a message
    return reply


@pytest.fixture
def send(target: Site) -> Attack:
    return partial(attack, target)


@pytest.fixture(autouse=True)
def _nothing_is_left(target: Site) -> Iterator[None]:
    """After each test all lists still answer, and what was made is deleted."""
    yield
    for check in attack(target, "GET", "/api/v3/checks/").document["checks"]:
        assert attack(target, "DELETE", f"/api/v3/checks/{check['uuid']}").status == 200
    for channel in attack(target, "GET", "/api/v3/channels/").document["channels"]:
        assert attack(target, "DELETE", f"/api/v3/channels/{channel['id']}?detach=1").status == 200
    for made in attack(target, "GET", "/api/v3/keys/").document["keys"]:
        if made["name"] == "hostile":
            assert attack(target, "DELETE", f"/api/v3/keys/{made['id']}").status == 200
