"""Which certificates are good: those of Amazon's own authorities, and of every known one where these do not do.

Reading the 117 known authorities takes longer than all calls of a ping; those of Amazon, from amazon.pem, take a
twentieth of that. Certificates of AWS's endpoints come from them almost everywhere. Where they do not (China, a proxy
that the account has put in between), the first connection falls back to the whole bundle, and all others use it.
"""

from __future__ import annotations

import os.path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext, TLSVersion

AMAZON = os.path.join(os.path.dirname(__file__), "amazon.pem")  # noqa: PTH118,PTH120 - pathlib takes longer to start
"""The authorities of Amazon Trust Services, as certifi has them; a test compares the two."""


class Trust:
    """What decides which certificates are good, made once for all services and connections."""

    def __init__(self, bundle: str | None = None) -> None:
        """`bundle`: the file of the only authorities that are trusted, in place of all others."""
        self._bundle = bundle
        self._context: SSLContext | None = None

    def context(self) -> SSLContext:
        """Return what the next connection trusts."""
        if self._context is None:
            self._context = _context(self._bundle or AMAZON)
        return self._context

    def widen(self, refusing: SSLContext) -> bool:
        """Trust all known authorities after one context refused a certificate; return whether that changes anything."""
        if self._bundle is None:
            from certifi import where  # noqa: PLC0415 - hardly ever needed

            self._bundle = where()
            self._context = _context(self._bundle)
        return self._context is not refusing


def _context(authorities: str) -> SSLContext:
    context = SSLContext(PROTOCOL_TLS_CLIENT)  # looks at the certificate and at the name of the host
    context.minimum_version = TLSVersion.TLSv1_2
    context.load_verify_locations(authorities)
    return context
