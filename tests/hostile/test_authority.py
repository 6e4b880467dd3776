"""Who may do what, in any order: a machine of random requests by keys that may not, and by one that may.

After each request that was refused, everything is as it was.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.hostile.conftest import attack
from tests.hostile.site import Reply, Site, site

CHECKS, CHANNELS, KEYS = "/api/v3/checks/", "/api/v3/channels/", "/api/v3/keys/"
WRITES = [
    ("POST", CHECKS, {"name": "theirs"}),
    ("POST", f"{CHECKS}{{check}}", {"name": "taken"}),
    ("POST", f"{CHECKS}bulk", {"checks": [{"name": "theirs"}]}),
    ("POST", f"{CHECKS}{{check}}/pause", {}),
    ("POST", f"{CHECKS}{{check}}/resume", {}),
    ("DELETE", f"{CHECKS}{{check}}", {}),
    ("GET", f"{CHECKS}{{check}}/pings/", {}),
    ("POST", KEYS, {"scope": "rw", "name": "hostile"}),
    ("GET", KEYS, {}),
    ("DELETE", f"{KEYS}{{key}}", {}),
    ("POST", CHANNELS, {"name": "theirs", "target": "https://8.8.8.8/x"}),
    ("GET", CHANNELS, {}),
    ("PATCH", f"{CHANNELS}ours", {"name": "taken"}),
    ("DELETE", f"{CHANNELS}ours?detach=1", {}),
    ("POST", f"{CHANNELS}ours/test", {}),
    ("POST", f"{CHANNELS}ours/confirm", {"token": "x"}),
    ("POST", f"{CHANNELS}ours/ask-again", {}),
    ("GET", "/iam/projects/", {}),
    ("POST", "/iam/keys/", {"scope": "rw"}),
    ("POST", "/iam/checks/", {"name": "theirs"}),
]
"""What needs a read-write key, or AWS credentials."""

READS = [
    CHECKS,
    f"{CHECKS}{{unique_key}}",
    f"{CHECKS}{{check}}/flips/",
    f"{KEYS}self",
    "/api/v3/badges/",
    "/api/v3/metrics/",
]
"""What a read-only key may see."""


def mutations(word: str) -> list[str]:
    """Return keys that are nearly one."""
    return [
        word[:-1],
        word + "A",
        word.upper(),
        word[::-1],
        word[:4] + "A" * len(word[4:]),
        f"{word}\t{word}",
        word[:8],
    ]


class Authority(RuleBasedStateMachine):
    """Attackers with keys that may not, against a project of somebody else."""

    target: Site

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()

    @initialize()
    def prepare(self) -> None:
        self.target = self.open.enter_context(site())
        self.read_key = self._mint("ro")
        self.ping_key = self._mint("ping")
        made = attack(self.target, "POST", CHECKS, b'{"name": "ours", "tags": "prod"}').document
        self.check, self.badge = made["uuid"], made["badge_url"]
        attack(self.target, "POST", CHANNELS, b'{"name": "ours", "target": "https://8.8.8.8/x"}')
        self.unique_key = attack(self.target, "GET", CHECKS, key=self.read_key).document["checks"][0]["unique_key"]
        self.before = self._all()

    @rule(
        write=st.sampled_from(WRITES), who=st.sampled_from(["", "read", "ping", "badge", "nearly"]), n=st.integers(0, 6)
    )
    def write_without_leave(self, write: tuple[str, str, dict[str, Any]], who: str, n: int) -> None:
        method, path, body = write
        key = {
            "": "",
            "read": self.read_key,
            "ping": self.ping_key,
            "badge": self.badge.rpartition("/")[2].partition(".")[0],
            "nearly": mutations(self.target.write)[n],
        }[who]
        reply = self._send(method, path, key, body)
        assert reply.status in {401, 403}, (method, path, who)
        assert self._all() == self.before

    @rule(path=st.sampled_from(READS), n=st.integers(0, 6), ping=st.booleans())
    def read_without_leave(self, path: str, n: int, *, ping: bool) -> None:
        key = self.ping_key if ping else mutations(self.read_key)[n]
        assert self._send("GET", path, key, {}).status == 401

    @rule(path=st.sampled_from(READS))
    def read(self, path: str) -> None:
        reply = self._send("GET", path, self.read_key, {})
        assert reply.status == 200
        assert self.check.encode() not in reply.body
        assert self.check.replace("-", "").encode() not in reply.body

    @rule(write=st.sampled_from(WRITES[:5]))
    def write_by_unique_key(self, write: tuple[str, str, dict[str, Any]]) -> None:
        method, path, body = write
        if "{check}" in path:
            reply = self._send(method, path.replace("{check}", self.unique_key), self.target.write, body)
            assert reply.status == 404
            assert self._all() == self.before

    @rule(place=st.integers(0, 40))
    def change_a_badges_name(self, place: int) -> None:
        name = self.badge.rpartition("/")[2].removesuffix(".svg")
        place %= len(name)
        other = name[:place] + ("A" if name[place] != "A" else "B") + name[place + 1 :]
        assert attack(self.target, "GET", f"/b/2/{other}.svg", key="").status == 404

    @rule()
    def revoke(self) -> None:
        """A key that is revoked opens nothing, at once."""
        word = self._mint("ro")
        assert attack(self.target, "GET", CHECKS, key=word).status == 200
        self._forget(word)
        assert attack(self.target, "GET", CHECKS, key=word).status == 401

    def teardown(self) -> None:
        if hasattr(self, "before"):
            for check in attack(self.target, "GET", CHECKS).document["checks"]:
                attack(self.target, "DELETE", f"{CHECKS}{check['uuid']}")
            attack(self.target, "DELETE", f"{CHANNELS}ours?detach=1")
            for word in (self.read_key, self.ping_key):
                self._forget(word)
        self.open.close()

    def _mint(self, scope: str) -> str:
        body = json.dumps({"scope": scope, "name": "hostile"}).encode()
        return str(attack(self.target, "POST", KEYS, body).document["key"])

    def _forget(self, word: str) -> None:
        keys = attack(self.target, "GET", KEYS).document["keys"]
        for made in keys:
            if made["name"] == "hostile" and word.startswith(made["hint"]):
                attack(self.target, "DELETE", f"{KEYS}{made['id']}")
                return

    def _send(self, method: str, path: str, key: str, body: dict[str, Any]) -> Reply:
        for name in ("check", "unique_key", "key"):
            path = path.replace(f"{{{name}}}", str(getattr(self, name, "0" * 12)))
        return attack(self.target, method, path, json.dumps(body).encode() if body else b"", key=key)

    def _all(self) -> Any:
        found = [attack(self.target, "GET", path).document for path in (CHECKS, CHANNELS, KEYS)]
        for key in found[2]["keys"]:
            key.pop("last_used")
        return found


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
def test_nobody_does_what_their_key_does_not_open() -> None:
    machine = settings(
        max_examples=15,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Authority, settings=machine)
