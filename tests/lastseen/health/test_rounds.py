"""What each sweep looks at beside deadlines: none of it holds back an alert, whatever dies."""

from __future__ import annotations

import pytest

from lastseen.health.rounds import check_addresses, ping_canary
from tests.memory import MemoryStore, MemoryTopic
from tests.times import T0

URLS = {"the API": "https://api.example.com/ping", "the site": "https://example.com/ping"}


def test_the_canary_pings_through_every_public_address() -> None:
    pinged: list[str] = []

    def is_answered(url: str, *, whose: str) -> bool:
        assert whose in URLS
        pinged.append(url)
        return True

    assert ping_canary(MemoryStore(), MemoryTopic(), T0, ping_urls=URLS, is_answered=is_answered)
    assert [url.rpartition("/")[0] for url in pinged] == list(URLS.values())
    assert len({url.rpartition("/")[2] for url in pinged}) == 1


def test_one_address_that_does_not_answer_is_enough_to_ring_the_alarm() -> None:
    answers = {"the API": False, "the site": True}
    assert not ping_canary(
        MemoryStore(), MemoryTopic(), T0, ping_urls=URLS, is_answered=lambda _url, whose: answers[whose]
    )


def test_what_cannot_be_checked_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()

    def broken(call: str, _when: str) -> None:
        raise OSError(call)

    store.hook = broken
    assert not ping_canary(store, MemoryTopic(), T0, ping_urls=URLS, is_answered=lambda *_, **__: True)
    check_addresses(store, MemoryTopic(), T0)
    assert "could not be checked" in caplog.text
