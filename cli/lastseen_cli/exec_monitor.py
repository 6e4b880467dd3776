"""The pings of `lastseen exec`: one start, one end, in bounded time. Read exec.py first; it imports this late.

Standard library only. Nothing here raises, and no message shows the URL, the key or a UUID: where a library's error may
hold one of them, only the error's class is shown, and what the monitor answers is shown without them.
"""

from __future__ import annotations

import os
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

START_TRIES, END_TRIES = 1, 3
PAUSE = 0.2  # of a try's time-out, before the end's second try (1 s); twice that before the third
WORTH_ANOTHER_TRY = (408, 425, 429)  # of the 4xx; all 5xx are
SENTENCE_CHARS = 200  # of the monitor's answer that is shown
ANSWER_BYTES = 2_000  # of it that are read
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SLUG = re.compile(r"[a-z0-9_-]{1,100}")
KEY = re.compile(r"[A-Za-z0-9_-]+")
URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)


class Monitor:
    """Where the pings go. Each try ends in time."""

    def __init__(self, slug: str, *, environ: Mapping[str, str], timeout: float, settings: Mapping[str, str]) -> None:
        """Keep where to ping. `settings`: parameters by which a slug's first ping makes its check."""
        self.trouble = ""  # the first ping that was not delivered, without its URL
        self._timeout = timeout
        self._slug = trimmed(slug)
        key = trimmed(environ.get("LASTSEEN_PING_KEY", ""))
        url = trimmed(environ.get("LASTSEEN_PING_URL", ""))
        self._base, self._fault = _base(self._slug, url=url, key=key)
        self._secrets = (url.rstrip("/"), key, self._slug if UUID.fullmatch(self._slug) else "")
        self._query = urlencode({"rid": _run_id(), **settings})
        self._wait_for_start: Callable[[], None] = lambda: None

    def begin_start(self) -> None:
        """Send the start while the job already runs: the job is not held, whatever the monitor does."""
        thread = threading.Thread(target=self._deliver, args=("/start", b"", START_TRIES), daemon=True)
        thread.start()
        self._wait_for_start = thread.join

    def send_end(self, status: str, body: bytes) -> None:
        """Send the exit status and the output, after the start."""
        self._wait_for_start()
        self._deliver(f"/{status}", body, END_TRIES)

    def _deliver(self, signal_path: str, body: bytes, tries: int) -> None:
        trouble = self._fault
        for attempt in range(0 if trouble else tries):
            time.sleep(PAUSE * self._timeout * attempt)
            trouble, final = self._try(signal_path, body)
            if final:
                break
        if trouble and not self.trouble:
            name = self._slug if SLUG.fullmatch(self._slug) and not UUID.fullmatch(self._slug) else "the check"
            self.trouble = f"ping {signal_path} of {name} was not delivered: {trouble}"

    def _try(self, signal_path: str, body: bytes) -> tuple[str, bool]:
        """Return (trouble or "", is it final), in time even if names are not resolved or bytes come one by one."""
        answers: list[tuple[str, bool]] = []
        thread = threading.Thread(target=lambda: answers.append(self._post(signal_path, body)), daemon=True)
        thread.start()
        thread.join(self._timeout)
        return answers[0] if answers else (f"no answer within {self._timeout:g} s", False)

    def _post(self, signal_path: str, body: bytes) -> tuple[str, bool]:
        # No text type: a gateway may repair the bytes of a text.
        headers = {"Content-Type": "application/octet-stream", "User-Agent": "lastseen-exec"}
        try:
            request = urllib.request.Request(  # noqa: S310 - _base takes http and https only
                f"{self._base}{signal_path}?{self._query}", data=body, headers=headers, method="POST"
            )
            with urllib.request.urlopen(request, timeout=self._timeout):  # noqa: S310 - see above
                return "", True
        except urllib.error.HTTPError as error:
            final = error.code < 500 and error.code not in WORTH_ANOTHER_TRY  # noqa: PLR2004 - HTTP's server errors
            return f"HTTP {error.code}{self._said(error)}", final
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must not fail; its text may hold the URL
            cause = getattr(error, "reason", error)
            return type(cause if isinstance(cause, Exception) else error).__name__, False

    def _said(self, error: urllib.error.HTTPError) -> str:
        """Return the sentence of a refusal: it says what to change."""
        try:
            with error:
                said = sentence(error.read(ANSWER_BYTES), self._secrets)
        except Exception:  # noqa: BLE001 - the status must do
            return ""
        return f": {said}" if said else ""


def trimmed(text: str) -> str:
    """Return a setting without what files and secrets often bring along: line ends, blanks, a byte order mark."""
    return text.strip().strip("\ufeff").strip()


def sentence(answer: bytes, secrets: tuple[str, ...]) -> str:
    """Return the first line of an answer as it can be shown: printable, short, without secrets. A page has none."""
    line = next(iter(answer.decode(errors="replace").strip().splitlines()), "")
    if line.startswith("<"):
        return ""
    for secret in filter(None, secrets):
        line = re.sub(re.escape(secret), "...", line, flags=re.IGNORECASE)
    return "".join(char for char in line if char.isprintable())[:SENTENCE_CHARS]


def _base(slug: str, *, url: str, key: str) -> tuple[str, str]:
    """Return (the check's URL, "") or ("", what is wrong)."""
    if not URL.fullmatch(url):
        return "", "LASTSEEN_PING_URL is not set to an http(s) URL"
    base = url.rstrip("/")
    if UUID.fullmatch(slug):
        return f"{base}/{slug.lower()}", ""
    if not SLUG.fullmatch(slug):
        return "", "it is not a slug (a-z, 0-9, -, _) nor a UUID"
    if not key:
        return "", "a slug needs LASTSEEN_PING_KEY"
    return (f"{base}/{key}/{slug}", "") if KEY.fullmatch(key) else ("", "LASTSEEN_PING_KEY is not a ping key")


def _run_id() -> str:
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
