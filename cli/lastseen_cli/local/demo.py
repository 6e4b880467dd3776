"""Three jobs played for somebody who sees Lastseen for the first time: one good, one that fails, one that never ends.

The jobs do what real ones do: checks are made over the API, pings go to the URLs that the API gave.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from lastseen_cli.api import Api
from lastseen_cli.errors import CliError
from lastseen_cli.local.keys import Keys

HOUR = 3600
SHORTEST_GRACE = 60
TIMEOUT_SECONDS = 30.0
GOOD, BAD, STUCK = "demo-nightly-backup", "demo-invoice-export", "demo-newsletter"
TRACEBACK = "Traceback (most recent call last):\n  ...\nPermissionError: invoices.csv: read-only file system\n"


def play(url: str, keys: Keys, tell: Callable[[str], None]) -> None:
    """Make the checks and play their jobs, telling the story as it goes on; it takes about half a minute."""
    try:
        with Api(f"{url}/api", keys.write) as api, httpx.Client(timeout=TIMEOUT_SECONDS) as client:
            ping_urls = {
                name: api.create({"name": name, "timeout": HOUR, "grace": SHORTEST_GRACE, "unique": ["name"]})[0][
                    "ping_url"
                ]
                for name in (GOOD, BAD, STUCK)
            }
            _play(lambda name, suffix="", body="": _ping(client, ping_urls[name] + suffix, body), tell)
    except (CliError, httpx.HTTPError) as error:
        tell(f"The demo ended early: {error}")


def _play(ping: Callable[..., None], tell: Callable[[str], None]) -> None:
    tell(
        f"demo: Three jobs, each expected every hour. {GOOD} and {BAD} start now, and {STUCK} too:\n"
        f"      but {STUCK} hangs and will never say that it ended. Its runs may take {SHORTEST_GRACE} seconds."
    )
    for name in (STUCK, GOOD, BAD):
        ping(name, "/start")
    time.sleep(2)
    tell(f"demo: {GOOD} ends well. Nobody needs to be told.")
    ping(GOOD)
    time.sleep(1)
    tell(f"demo: {BAD} breaks and says so, with the end of its output. People are told at once:")
    ping(BAD, "/fail", TRACEBACK)
    time.sleep(15)
    tell(f"demo: Somebody has mended {BAD}, and it runs well again. People are told that too:")
    ping(BAD)
    time.sleep(4)
    tell(
        f"demo: {STUCK} has been silent all the while. {SHORTEST_GRACE} seconds after its start its time is over, and\n"
        "      people are told although it never said a word. Just wait; or look around:"
    )


def _ping(client: httpx.Client, url: str, body: str) -> None:
    client.post(url, content=body.encode()).raise_for_status()
