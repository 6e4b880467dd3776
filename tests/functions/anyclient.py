"""What clients may send to a ping URL, sensible or not, drawn from a source of chance."""

from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar
from urllib.parse import quote

from lastseen.core.times import millis
from tests.times import T0, minutes

T = TypeVar("T")

RUN = "11111111-2222-4333-8444-555555555555"
ODD = (
    "\x00\x07\x1b\n\r\t %&=+;/\\?#'\"{}<>.~^\x7f\x80\xa0\xe9"
    "\u0301\u0663\u200b\u202e\u2028\ufeff\ufffe\ufffd\U0001f4a5\ud83d\udcff"
)
PLAIN = "abcXYZ019-_"
SUFFIXES = (
    "",
    "start",
    "fail",
    "log",
    "0",
    "1",
    "255",
    "256",
    "-1",
    "TERM",
    "SIGKILL",
    "RTMIN+3",
    "9" * 5000,
    "finish",
)
METHODS = ("GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO")
SETTINGS = ("rid", "create", "timeout", "grace", "schedule", "tz", "tags", "name", "api_key", "x")
VALUES = (
    RUN,
    RUN.upper(),
    RUN.replace("-", ""),
    "1",
    "60",
    "31536001",
    "9" * 400,
    "Asia/Gaza",
    "Nowhere",
    "daily",
    "*/5 * * * *",
    "*/15 2 * 3 SUN#2",
    "0 0 31 2 *",
    "0 0 * *",
    "2020-01-01",
    "Mon..Fri 02:30 Europe/Berlin",
    "x" * 501,
)
BODIES = (b"", b"begin", b"done", b"ERROR", b"\xff\xfe\x00", b"x" * 9_999 + b"\xc3\xa9", b"ERROR " * 20_000)
HEADERS = ("user-agent", "x-forwarded-proto", "content-type", "origin", "access-control-request-method")


class Clients:
    """All the clients of a deployment; `ids`, `slugs` and `key` are its own."""

    def __init__(self, chance: Random, *, ids: list[str], slugs: list[str], key: str) -> None:
        self._chance = chance
        self._ids, self._slugs, self._key = ids, slugs, key

    def event(self) -> dict[str, Any]:
        """Return a request as the gateway hands it over; what a client leaves out may be None or missing."""
        http = {"method": self._of(METHODS), "sourceIp": self._of((None, "192.0.2.7", "2001:db8::7"))}
        fields = {
            "rawPath": "/ping/" + self.path(),
            "rawQueryString": self._maybe(self.query),
            "headers": self._maybe(lambda: {self._of(HEADERS): self.text() for _ in range(self._upto(2))}),
            "requestContext": {
                "http": http | {"userAgent": self._maybe(self.text)},
                "timeEpoch": millis(T0 + minutes(self._chance.randint(-120, 3000))),
            },
            **self._body(),
        }
        return {name: value for name, value in fields.items() if value is not None or self._chance.random() < 0.5}

    def path(self) -> str:
        """Return what follows /ping/."""
        ending = self._of(("", "/"))
        return self._mostly(self._check) + self._of(("", "/" + self._mostly(lambda: self._of(SUFFIXES)))) + ending

    def query(self) -> str:
        parts = [self._mostly(self._pair) for _ in range(self._upto(4))]
        return "&".join([*parts, self._of(("create=1", "create=1", "create=1", "create=0"))])

    def text(self) -> str:
        """Return text of any characters."""
        alphabet = self._of((PLAIN, ODD, PLAIN + ODD))
        return "".join(self._chance.choices(alphabet, k=self._upto(self._of((3, 30)))))

    def _check(self) -> str:
        check_id = self._of(self._ids)
        other = self._of((check_id.upper(), check_id.replace("-", ""), check_id[::-1], check_id[1:]))
        key = self._of((self._key, self._key, self._key, self._key, "no-key", "k" * 101))
        slug = self._mostly(lambda: self._of(self._slugs))
        return self._of((check_id, check_id, other, f"{key}/{slug}", f"{key}/{slug}", f"{key}/{slug}"))

    def _pair(self) -> str:
        value = self._mostly(lambda: self._of(VALUES))
        return self._of(SETTINGS) + "=" + quote(value, safe="*/,", errors="replace")

    def _body(self) -> dict[str, Any]:
        sent = self._of((*BODIES, self._chance.randbytes(self._upto(50))))
        encoded = base64.b64encode(sent).decode()
        body = self._of((None, self.text(), sent.decode(errors="replace"), encoded, encoded, encoded[:-1]))
        return {"body": body, "isBase64Encoded": self._of((True, True, False, None))}

    def _mostly(self, sensible: Callable[[], str]) -> str:
        return sensible() if self._chance.random() < 0.85 else self.text()

    def _maybe(self, make: Callable[[], T]) -> T | None:
        return make() if self._chance.random() < 0.7 else None

    def _of(self, choices: tuple[T, ...] | list[T]) -> T:
        return self._chance.choice(choices)

    def _upto(self, most: int) -> int:
        return self._chance.randint(0, most)
