"""What stands behind the addresses of channels: chats, webhooks and an incident tool, and what may befall them.

Lives here: the answers of services in memory, at the seam of `requests`; which alerts they took, and which
incidents are open at the incident tool. A service has moods: good, away, hanging, refusing for the channel; one refuses
certain text.
Never here: what the program makes of an answer (delivery/), whom an alert concerns (receivers.py).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from lastseen.aws.deliveries import Delivery
from lastseen.delivery import sender, services
from tests.simulation.clockwork import MINUTE, SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World

PICKY_NAME = "purge *_logs*"
"""The name of checks whose markup one service refuses: it takes them as plain text."""
REFUSED_NAME = "drop <everything>"
"""The name of checks of which one service takes no message at all, in no form."""

_plugin_of = lru_cache(maxsize=None)(services.plugin_of)

REST = 30 * MINUTE
"""From one mood to the next: longer than the longest wait between two tries, as nothing is kept for ever."""

HANGS = 10 * SECOND
"""How long the program listens to a service that does not answer."""

MOODS: dict[str, tuple[tuple[str, int, int], ...]] = {
    "all": (),
    "tagged": (("busy", MINUTE, 20 * MINUTE), ("away", 2 * MINUTE, 20 * MINUTE)),
    "down": (("hanging", MINUTE, 15 * MINUTE),),
    "tool": (("gone", 100 * SECOND, 100 * SECOND), ("away", MINUTE, 10 * MINUTE)),
}
"""The moods that a kind of channel has beside the good one, and how long they last, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Request:
    """What an adapter of `requests` gets, as far as it is looked at here."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def _request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    data: bytes,
    allow_redirects: bool,
) -> requests.Response:
    """Stand in for `requests.request`: hand the request to the adapter that the program mounts."""
    assert not allow_redirects
    request: Any = Request(method, url, headers, data)
    return requests.Session.get_adapter(SESSION, url).send(request)


SESSION = requests.Session()


@dataclass(slots=True)
class Services:
    """All of them; one for each channel."""

    world: World
    moods: dict[str, tuple[str, int]] = field(default_factory=dict)  # channel -> mood, and when that is over
    open: dict[str, dict[str, None]] = field(default_factory=dict)  # incident tool -> keys of open incidents
    refused: set[tuple[str, str]] = field(default_factory=set)  # channel and event that it takes in no form
    count: Counter[str] = field(default_factory=Counter)
    waits: list[int] = field(default_factory=list)  # of what steady services took: since it was put into the queue

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Let requests come here alone. They are many: no session is made for each, no address read twice."""
        with (
            patch.object(requests, "request", _request),
            patch.object(HTTPAdapter, "send", self.send),
            patch.object(sender, "plugin_of", _plugin_of),
        ):
            yield

    def minute(self) -> None:
        """Let a mood come over some of them."""
        world, now = self.world, self.world.clock.now
        for channel_id in world.channel_ids:
            moods = MOODS[channel_id.rpartition(":")[2]]
            rested = now > self.moods.get(channel_id, ("", -REST))[1] + REST
            if moods and rested and world.chance(world.weather.moods):
                mood, least, most = world.rng.choice(moods)
                self.moods[channel_id] = mood, now + world.rng.randint(least, most)
                self.count[mood] += 1

    def mood(self, channel_id: str) -> str:
        mood, until = self.moods.get(channel_id, ("good", 0))
        return mood if self.world.clock.now < until and not self.world.calm else "good"

    def send(self, request: Request, **_more: Any) -> requests.Response:
        """Answer a request, in the place of HTTPAdapter.send. What breaks here breaks the simulation."""
        try:
            assert self.world.in_hand
            return self._answer(request, self.world.in_hand)
        except requests.RequestException:
            raise
        except BaseException as error:
            self.world.clock.error = error
            raise

    def _answer(self, request: Request, delivery: Delivery) -> requests.Response:
        world, channel_id = self.world, delivery.channel_id
        kind = channel_id.rpartition(":")[2]
        mood = self.mood(channel_id)
        world.took = world.rng.randint(20, 300)
        if mood == "hanging":
            world.took = HANGS
            raise requests.ReadTimeout("in vain")
        if mood == "away":
            raise requests.ConnectionError("nobody there")
        if mood == "busy":
            wait = {"Retry-After": "30"} if world.rng.random() < 0.5 else {}
            return answer(503, {"error": "busy"}, wait)
        if mood == "gone":
            return answer(404, {"message": "no such path"})
        document = json.loads(request.body or b"{}")
        if kind == "all" and delivery.event.type != "digest":  # a digest names many; what one does not take, all miss
            if REFUSED_NAME in document["title"]:
                self.refused.add((channel_id, delivery.event.id))
                return answer(400, {"error": "bad text"})
            if PICKY_NAME in document["title"] and document["markdown"]:
                self.count["refused for its form"] += 1
                return answer(400, {"error": "unbalanced"})
        self._take(kind, channel_id, document, delivery)
        if world.chance(world.weather.unanswered):
            world.took = HANGS
            raise requests.ReadTimeout("the answer was lost")
        return answer(202, {"ok": True})

    def _take(self, kind: str, channel_id: str, document: dict[str, Any], delivery: Delivery) -> None:
        books, now = self.world.books, self.world.clock.now
        if kind == "down":
            assert document["id"] == delivery.event.id, "a webhook gets the event itself"
        if kind == "all":
            assert document["title"] == delivery.event.title, "a chat gets the event's title"
        if kind == "tool":
            incidents = self.open.setdefault(channel_id, {})
            if document["event_action"] == "trigger":
                incidents[document["dedup_key"]] = None
            elif incidents.pop(document["dedup_key"], 0) == 0:
                self.count["ends of nothing"] += 1  # or again
        if not MOODS[kind]:
            self.waits.append(now - self.world.in_hand_since)
        books.delivered(channel_id, delivery.event, now)


def answer(status: int, document: object, headers: dict[str, str] | None = None) -> requests.Response:
    """Return an answer as `requests` has it."""
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict(headers or {})
    response.raw = HTTPResponse(body=BytesIO(json.dumps(document).encode()), preload_content=False)
    return response
