"""Check AWS signatures (version 4, in the Authorization header): for the emulator, which checks none.

botocore makes such signatures and cannot check one. This is the other half, and the tests hold it against botocore.
Never here: who may do what. A valid signature says only that the sender knows the secret.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

ALGORITHM = "AWS4-HMAC-SHA256"
ALLOWED_SKEW = timedelta(minutes=15)  # what most AWS services allow between the signer's clock and theirs
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
NOT_THE_BODYS_HASH = ("UNSIGNED-PAYLOAD", "STREAMING-")  # S3's words for a body that the signature leaves out

Header = tuple[bytes, bytes]


class SignatureError(Exception):
    """A request is not signed by somebody who knows the secret. The text says why, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as it came, nothing decoded."""

    method: str
    raw_path: str
    query: str
    headers: tuple[Header, ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header's values, joined as signers join them; "" if there is none."""
        wanted = name.lower().encode("latin-1")
        return ",".join(_trimmed(value) for key, value in self.headers if key.lower() == wanted)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an Authorization header says."""

    key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def is_signed(headers: Iterable[Header]) -> bool:
    """Return whether a request claims to be signed."""
    return any(key.lower() == b"authorization" and value.startswith(ALGORITHM.encode()) for key, value in headers)


def key_id(request: Request) -> str:
    """Return the id of the key that a request claims to be signed with. Raises SignatureError."""
    return _claim(request.header("authorization")).key_id


def verify(request: Request, secrets: Mapping[str, str], now: datetime) -> str:
    """Return the id of the key that a request is signed with. Raises SignatureError.

    `secrets`: the secret of each key id that may sign.
    """
    claim = _claim(request.header("authorization"))
    secret = secrets.get(claim.key_id)
    if secret is None:
        raise SignatureError("its access key is not known here")
    stamp = _signed_at(request, claim, now)
    if "host" not in claim.signed_headers:
        raise SignatureError("it does not sign the host")
    digest = hashlib.sha256(_canonical(request, claim).encode()).hexdigest()
    signed = f"{ALGORITHM}\n{stamp}\n{claim.scope}\n{digest}"
    expected = hmac.new(_signing_key(secret, claim), signed.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise SignatureError("the signature is not the one that its secret makes")
    return claim.key_id


def _claim(authorization: str) -> _Claim:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise SignatureError(f"it is not signed with {ALGORITHM} in its Authorization header")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    scope = fields.get("Credential", "").split("/")
    if len(scope) != 5 or scope[4] != "aws4_request" or not fields.get("SignedHeaders") or not fields.get("Signature"):  # noqa: PLR2004 - key/date/region/service/aws4_request
        raise SignatureError("its Authorization header is incomplete")
    key, date, region, service, _ = scope
    return _Claim(key, date, region, service, tuple(fields["SignedHeaders"].split(";")), fields["Signature"])


def _signed_at(request: Request, claim: _Claim, now: datetime) -> str:
    stamp = request.header("x-amz-date")
    try:
        at = datetime.strptime(stamp, DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("its X-Amz-Date is missing or cannot be read") from None
    if abs(now - at) > ALLOWED_SKEW:
        raise SignatureError(f"it was signed at {stamp}, more than 15 minutes from now")
    if stamp[:8] != claim.date:
        raise SignatureError("its X-Amz-Date is of another day than its Credential")
    return stamp


def _canonical(request: Request, claim: _Claim) -> str:
    headers = "".join(f"{name}:{request.header(name)}\n" for name in claim.signed_headers)
    return "\n".join(
        (
            request.method,
            _canonical_path(request.raw_path, claim.service),
            _canonical_query(request.query),
            headers,
            ";".join(claim.signed_headers),
            _payload_hash(request),
        )
    )


def _canonical_path(raw_path: str, service: str) -> str:
    """Return the path as signers write it: S3's as it is, every other one without dots and quoted once more."""
    path = raw_path or "/"
    if service == "s3":
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    final = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + final, safe="/~")


def _canonical_query(query: str) -> str:
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    quoted = sorted((_quoted(name), _quoted(value)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in quoted)


def _quoted(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _payload_hash(request: Request) -> str:
    claimed = request.header("x-amz-content-sha256")
    if claimed.startswith(NOT_THE_BODYS_HASH):
        return claimed
    digest = hashlib.sha256(request.body).hexdigest()
    if claimed and claimed != digest:
        raise SignatureError("its body is not the one that was signed")
    return digest


def _signing_key(secret: str, claim: _Claim) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (claim.date, claim.region, claim.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _trimmed(value: bytes) -> str:
    return re.sub(" +", " ", value.decode("latin-1").strip())
