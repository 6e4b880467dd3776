"""Names that reveal nothing: ids in public URLs and cursors that hold a check's id, which is its ping URL, unreadably.

Lives here: sealing and its undoing, deterministic and verified, in the manner of RFC 5297 (SIV): the tag of the content
is the nonce of its encryption, here HMAC-SHA-256 and a keyed SHAKE-256. A sealed name that we did not make opens to
None, without a read of any table.
Never here: what is sealed for what (badges, lists), or when a secret is old: it is made once and lives with the tables.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from contextlib import suppress

from lastseen.storage.documents import SEAL
from lastseen.storage.errors import ConflictError
from lastseen.storage.fresh import new_secret
from lastseen.storage.store import Store

SECRET_BYTES = 32
TAG_BYTES = 16


class Seal:
    """Seals and opens with the deployment's secret, which is read once and made when it is first needed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._secret = b""

    def closed(self, purpose: str, content: bytes) -> str:
        """Return content as a name that fits into a URL; the same content has the same name in each purpose."""
        tag = self._tag(purpose, content)
        return base64.urlsafe_b64encode(tag + self._crossed(purpose, tag, content)).decode().rstrip("=")

    def opened(self, purpose: str, name: str) -> bytes | None:
        """Return what was sealed for that purpose, or None for a name that we did not make."""
        try:
            held = base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        tag, crossed = held[:TAG_BYTES], held[TAG_BYTES:]
        content = self._crossed(purpose, tag, crossed)
        genuine = hmac.compare_digest(tag, self._tag(purpose, content)) and self.closed(purpose, content) == name
        return content if genuine else None

    def _tag(self, purpose: str, content: bytes) -> bytes:
        return hmac.digest(self._key(b"tag", purpose), content, "sha256")[:TAG_BYTES]

    def _crossed(self, purpose: str, tag: bytes, content: bytes) -> bytes:
        stream = hashlib.shake_256(self._key(b"stream", purpose) + tag).digest(len(content))
        return bytes(one ^ other for one, other in zip(content, stream, strict=True))

    def _key(self, use: bytes, purpose: str) -> bytes:
        return hmac.digest(self._loaded(), use + b":" + purpose.encode(), "sha256")

    def _loaded(self) -> bytes:
        if not self._secret:
            secret = SEAL.read(self._store)
            if secret is None:
                new = bytes.fromhex(new_secret(SECRET_BYTES))
                with suppress(ConflictError):  # of two at once, one creates it
                    SEAL.create(self._store, new)
                secret = SEAL.read(self._store) or new
            self._secret = secret
        return self._secret
