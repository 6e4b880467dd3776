"""AWS Signature Version 4, for the one kind of request that a ping makes of AWS: a POST of JSON without a query.

Lives here: what is signed, and how. A test compares it with botocore's signer on thousands of random requests.
Never here: the clock (client.py gives the time), and any other kind of request.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
DAY_CHARS = len("20261128")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who calls: a key, and the token that belongs to it."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class Signer:
    """Signs the requests to one service."""

    def __init__(self, service: str, region: str, *, host: str, path: str) -> None:
        """`host`: as the header has it; `path`: as the request line has it."""
        self._service, self._region = service, region
        self._host = host
        self._path = quote(path, safe="/~")
        self._kept_key = ("", "", b"")  # secret, day, what is derived from them

    def headers(self, body: bytes, *, stamp: str, credentials: Credentials, about: Mapping[str, str]) -> dict[str, str]:
        """Return all headers that are signed, and the signature; `stamp` is like 20261128T235959Z.

        `about`: headers that say what the body is, their names in lower case.
        """
        headers = {**about, "host": self._host, "x-amz-date": stamp}
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        names = sorted(headers)
        signed = ";".join(names)
        lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)
        request = f"POST\n{self._path}\n\n{lines}\n{signed}\n{sha256(body).hexdigest()}"
        day = stamp[:DAY_CHARS]
        scope = f"{day}/{self._region}/{self._service}/aws4_request"
        to_sign = f"{ALGORITHM}\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = _digest(self._key(credentials.secret_key, day), to_sign).hex()
        headers["authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )
        return headers

    def _key(self, secret_key: str, day: str) -> bytes:
        """Return the key that is derived from a secret for a day. It is kept until another is asked for."""
        kept_secret, kept_day, key = self._kept_key
        if (kept_secret, kept_day) != (secret_key, day):
            key = f"AWS4{secret_key}".encode()
            for step in (day, self._region, self._service, "aws4_request"):
                key = _digest(key, step)
            self._kept_key = (secret_key, day, key)
        return key


def _digest(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode(), "sha256")
