"""A channel: the rule of messages published before their channels were listed, and the document of a channel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lastseen.core.channel import Channel, Via, wants
from lastseen.text.digest import digest
from lastseen.text.message import Alert, Message, flipped
from lastseen.text.own import deaf, trial
from tests.gallery import EXPORT, FLIPS, SITE, storm
from tests.times import T0

ALL = Channel(id="all", project="default", name="all", via=Via.EMAIL, target="a@example.com")
CHANNELS = {
    "all": ALL,
    "down": replace(ALL, id="down", statuses=("down",)),
    "up": replace(ALL, id="up", statuses=("up",)),
    "db": replace(ALL, id="db", tags=("db", "queue")),
    "named": replace(ALL, id="named", default=False),
    "other": replace(ALL, id="other", project="billing"),
}


def told(name: str = "The job failed", **changes: Any) -> Message:
    alert, now = FLIPS[name]()
    return flipped(Alert(check=replace(alert.check, **changes), flip=alert.flip), now=now, site_url=SITE)


TABLE: dict[str, tuple[Message, set[str]]] = {
    "down, no tags": (told(), {"all", "down"}),
    "up": (told("Up again"), {"all", "up", "db"}),
    "down, a tag": (told(tags="prod db"), {"all", "down", "db"}),
    "down, another tag": (told(tags="prod"), {"all", "down"}),
    "a tag that begins alike": (told(tags="dbx"), {"all", "down"}),
    "flapping, now down": (told("Flapping"), {"all", "down", "up"}),
    "of a check that names a channel": (told(channels="named"), {"named"}),
    "of a check that names two": (told(channels="named,up, down"), {"named", "down"}),
    "of a check without channels": (told(channels=""), set()),
    "of another project": (told(project="billing"), {"other"}),
    "a digest": (digest(storm(6), now=T0, site_url=SITE), {"all", "down"}),
    "a digest in which one has a tag": (
        digest(
            [*storm(6), Alert(check=replace(EXPORT, tags="db"), flip=storm(1)[0].flip)],
            now=T0,
            site_url=SITE,
        ),
        {"all", "down", "db"},
    ),
    "a reminder": (told("Still down: a reminder"), {"all", "down", "db"}),
    "of Lastseen itself": (deaf(since=T0, now=T0), {"all", "other"}),
    **{
        f"a test of {name}": (trial(channel, now=T0, nonce="n"), {name}) for name, channel in CHANNELS.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_a_message_without_a_list_of_channels_goes_by_its_attributes(case: str) -> None:
    message, expected = TABLE[case]
    assert {name for name, channel in CHANNELS.items() if wants(channel, message.attributes)} == expected
