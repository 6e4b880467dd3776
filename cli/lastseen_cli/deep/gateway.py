"""Step: what the HTTP API makes of odd requests. Each is a ping, and the history says what the function got.

The flood that finds the throttle goes to a path that needs a signature, without one: the gateway refuses it before any
function runs, and that route has a throttle of its own, so no job's ping is turned away.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from lastseen.core.check import Check
from lastseen_cli.deep.visit import Measured, Visit, not_here
from lastseen_cli.doctor import Finding, Level

ABOUT = "gateway"
THREADS = 50
WORDS_CHARS = 200
TIMEOUT_SECONDS = 40
MEGABYTE = 1_000_000
SLUG = "deep"

PATHS = {
    "plain": "{key}/{slug}",
    "final slash": "{key}/{slug}/",
    "two slashes": "{key}//{slug}",
    "%2D for a hyphen": "{key}/{slug_encoded}",
    "%3F": "{key}/{slug}%3Fx",
    "%2F": "{key}/{slug}%2Ffail",
    "%252F": "{key}/{slug}%252Ffail",
    "%25": "{key}/{slug}%25done",
    "%00": "{key}/{slug}%00",
    "bad UTF-8": "{key}/{slug}%FF",
    "dots": "{key}/x/../{slug}",
}
"""By what is odd about them."""

METHODS = ("HEAD", "OPTIONS", "PUT", "PROPFIND")

BODIES = {
    "binary": bytes(range(256)),
    "bad UTF-8 called text": b"half \xc3",
    "5 MB": b"x" * (5 * MEGABYTE),
    "7 MB": b"x" * (7 * MEGABYTE),
    "11 MB": b"x" * (11 * MEGABYTE),
}

HEADERS_SHOWN = ("content-type", "access-control-allow-origin", "allow", "content-length")


def gateway(visit: Visit) -> Measured:
    """Send odd paths, methods and bodies."""
    visit.say("Odd paths, methods and bodies are sent to the public URL.")
    check = visit.create(visit.name("echo", 1), slug=f"{SLUG}-{visit.nonce}")
    facts: dict[str, Any] = {"paths": {}, "methods": {}, "bodies": {}}
    with _client() as client:
        echo = _Echo(visit, check, client)
        for what, form in PATHS.items():
            facts["paths"][what] = echo.of("GET", echo.path(form))
        for method in METHODS:
            facts["methods"][method] = echo.of(method, echo.path(PATHS["plain"]))
        facts["methods"]["preflight"] = echo.of(
            "OPTIONS",
            echo.path(PATHS["plain"]),
            headers={"Origin": "https://example.com", "Access-Control-Request-Method": "POST"},
        )
        for what, body in BODIES.items():
            headers = {"Content-Type": "text/plain"} if "text" in what else {}
            facts["bodies"][what] = echo.of("POST", check.id, body=body, headers=headers)
    return Measured(list(_findings(facts)), facts)


def flood(visit: Visit) -> Measured:
    """Send many requests at once, until the gateway turns some away."""
    about = "flood"
    visit.say(f"{visit.plan.requests} requests at once find the throttle of a route that no job uses.")
    url = f"{visit.deployment.output('ApiUrl').removesuffix('/api')}/iam/lastseen-doctor"
    with _client() as client, ThreadPoolExecutor(THREADS) as threads:
        began = time.monotonic()
        answers = list(threads.map(lambda _: _sent(client, "GET", url), range(visit.plan.requests)))
        took = time.monotonic() - began
    count = Counter(answer["status"] for answer in answers)
    turned_away = next((answer for answer in answers if answer["status"] == 429), None)  # noqa: PLR2004 - HTTP's own
    facts = {"requests": len(answers), "seconds": round(took, 2), "statuses": {str(k): n for k, n in count.items()}}
    facts["turned_away"] = turned_away
    if turned_away:
        says = f"{count[429]} of {len(answers)} requests in {took:.1f} s were turned away, with {turned_away['body']}."
        return Measured([Finding(Level.OK, about, says)], facts)
    says = f"none of {len(answers)} requests in {took:.1f} s was turned away."
    return Measured([not_here(about, says)], facts)


class _Echo:
    """Sends requests, and looks in the history what came of each."""

    def __init__(self, visit: Visit, check: Check, client: httpx.Client) -> None:
        self._visit, self._check, self._client = visit, check, client
        self._url = visit.deployment.output("PingUrl")
        self._seen = 0

    def path(self, form: str) -> str:
        slug = self._check.slug
        return form.format(key=self._visit.ping_key, slug=slug, slug_encoded=slug.replace("-", "%2D"))

    def of(self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> dict[str, Any]:
        answer = _sent(self._client, method, f"{self._url}/{path}", body=body, headers=headers or {})
        words = answer["body"].replace(self._visit.ping_key, "<key>").replace(self._check.id, "<uuid>")
        return answer | {"body": words, "recorded": self._recorded(body)}

    def _recorded(self, body: bytes) -> dict[str, Any] | None:
        """Return what the history has of the last request, or None if nothing came in."""
        newest = self._visit.store.pings(self._check.id, limit=1)
        if not newest or newest[0].n == self._seen:
            return None
        self._seen = newest[0].n
        ping = newest[0].ping
        kept: dict[str, Any] = {"kind": str(newest[0].kind), "method": ping.method}
        if body:
            kept |= {"body_bytes": len(ping.body), "body_is_the_same": body.startswith(ping.body) and bool(ping.body)}
        return kept


def _client() -> httpx.Client:
    limits = httpx.Limits(max_connections=THREADS)
    return httpx.Client(timeout=TIMEOUT_SECONDS, limits=limits, follow_redirects=False)


def _sent(
    client: httpx.Client, method: str, url: str, *, body: bytes = b"", headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Send a request whose path stays as it is written; return its answer, or why there was none."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    target = httpx.URL(scheme=scheme, netloc=host.encode(), raw_path=f"/{path}".encode())
    try:
        answer = client.request(method, target, content=body or None, headers=headers or {})
    except httpx.HTTPError as error:
        return {"status": 0, "body": type(error).__name__, "headers": {}}
    shown = {name: answer.headers[name] for name in HEADERS_SHOWN if name in answer.headers}
    return {"status": answer.status_code, "body": answer.text[:WORDS_CHARS], "headers": shown}


def _findings(facts: dict[str, Any]) -> Iterator[Finding]:
    plain, refused = facts["paths"]["plain"], "Look at the API's access log and at the log of the ping function."
    if plain["status"] != 200:  # noqa: PLR2004 - HTTP's own
        yield Finding(Level.TROUBLE, ABOUT, f"A plain ping was answered {plain['status']}.", refused)
    kept = {group: sum(bool(answer["recorded"]) for answer in answers.values()) for group, answers in facts.items()}
    lies = [
        what
        for answers in facts.values()
        for what, answer in answers.items()
        if answer["recorded"] is None and answer["status"] in {200, 201}
    ]
    if lies:
        says = f"Answered 200, and not in the history: {', '.join(lies)}."
        yield Finding(Level.WARNING, ABOUT, says, "Is the history switched off (history_days=0)? Else report it.")
    counts = ", ".join(f"{kept[group]} of {len(facts[group])} odd {group}" for group in facts)
    yield Finding(Level.OK, ABOUT, f"Recorded: {counts}. {_decoding(facts['paths'])}")
    preflight = facts["methods"]["preflight"]
    if preflight["status"] != 204 or "access-control-allow-origin" not in preflight["headers"]:  # noqa: PLR2004
        says = f"A browser's preflight was answered {preflight['status']} without CORS headers."
        yield Finding(Level.WARNING, ABOUT, says, "Pages of other sites cannot ping. Is there a proxy in front?")


def _decoding(paths: dict[str, Any]) -> str:
    """Say how often the gateway decodes a path before the function sees it."""
    kind = {what: (answer["recorded"] or {}).get("kind") for what, answer in paths.items()}
    if kind["%252F"] == "fail":
        return "Paths arrive decoded twice."
    return "Paths arrive decoded once." if kind["%2F"] == "fail" else "Paths arrive as they were sent."
