"""What hosts download: without a key, byte for byte, with a checksum that a cache can ask by."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from lastseen.api.routes.hosts import KINDS
from tests.lastseen.api.world import World

ZIP = b"#!/usr/bin/env python3\nPK\x03\x04\xff\x00"


@pytest.fixture
def offering(tmp_path: Path) -> World:
    for name in KINDS:
        (tmp_path / name).write_bytes(ZIP)
    return World(host_files=tmp_path)


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_sent_as_it_is_to_anybody(offering: World, name: str) -> None:
    sent = offering.get(f"/{name}", key=None)
    assert (sent.status, sent.body, sent.headers["content-type"]) == (200, ZIP, KINDS[name])
    assert sent.headers["etag"] == f'"{hashlib.sha256(ZIP).hexdigest()}"'
    again = offering.get(f"/{name}", key=None, headers={"if-none-match": sent.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_a_deployment_that_was_built_without_them_says_so(world: World) -> None:
    assert world.get("/lastseen.sh", key=None).status == 404
    assert world.get("/lastseen.sh", key=None).error == "this deployment was built without lastseen.sh"
