"""Three jobs played for somebody who sees Lastseen for the first time: one good, one that fails, one that never ends.

Before that, the page gets some jobs with a past (past.py). The jobs do what real ones do: checks are made over the API,
pings go to the URLs that the API gave.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from lastseen.storage.errors import ConflictError
from lastseen.storage.store import Store
from lastseen_cli.api import Api
from lastseen_cli.errors import CliError
from lastseen_cli.local import past
from lastseen_cli.local.keys import PROJECT, Keys

HOUR = 3600
SHORTEST_GRACE = 60
TIMEOUT_SECONDS = 30.0
PATIENCE_SECONDS = 180.0
JOBS = GOOD, BAD, STUCK = "demo-nightly-backup", "demo-invoice-export", "demo-newsletter"
TRACEBACK = "Traceback (most recent call last):\n  ...\nPermissionError: invoices.csv: read-only file system\n"


def play(url: str, keys: Keys, store: Store, tell: Callable[[str], None], *, now: datetime) -> None:
    """Make the checks and play their jobs, telling the story as it goes on; it takes a bit more than a minute."""
    try:
        past.write(store, PROJECT, now)
        tell(f"{len(past.JOBS)} made-up jobs with {past.DAYS} days behind them are on the page: {url}")
        with Api(f"{url}/api", keys.write) as api, httpx.Client(timeout=TIMEOUT_SECONDS) as client:
            ping_urls = _checks(api)
            _play(lambda name, suffix="", body="": _ping(client, ping_urls[name] + suffix, body), tell)
            _wait_until_down(api, ping_urls[STUCK])
            tell("That was all. Ping and look around with the lines above; Ctrl-C stops everything.")
    except (CliError, httpx.HTTPError, BotoCoreError, ClientError, ConflictError) as error:
        tell(f"It ended early: {error}")


def _checks(api: Api) -> dict[str, str]:
    """Make the jobs' checks, anew where an earlier demo left some; return the ping URL of each."""
    for old in api.checks():
        if old["name"] in JOBS:
            api.delete(old["uuid"])
    settings = {"timeout": HOUR, "grace": SHORTEST_GRACE}
    return {name: api.create({"name": name, **settings})[0]["ping_url"] for name in JOBS}


def _play(ping: Callable[..., None], tell: Callable[[str], None]) -> None:
    tell(f"Three jobs start. Each is expected every hour and may run for {SHORTEST_GRACE} seconds.")
    for name in JOBS:
        ping(name, "/start")
    time.sleep(2)
    tell(f"{GOOD} ends well. No alert is needed.")
    ping(GOOD)
    time.sleep(1)
    tell(f"{BAD} breaks and says so, with the end of its output. An alert follows at once:")
    ping(BAD, "/fail", TRACEBACK)
    time.sleep(15)
    tell("Somebody has fixed it, and it runs well again. An alert says that, too:")
    ping(BAD)
    time.sleep(4)
    tell(
        f"{STUCK} hangs: it started, and has been silent ever since. When its {SHORTEST_GRACE} seconds are over, "
        "an alert follows although it sends nothing. Just wait:"
    )


def _wait_until_down(api: Api, ping_url: str) -> None:
    """Wait for the check to go down, and for the alert to be read."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        check = api.check(ping_url.rsplit("/", 1)[1])
        if check is None or check["status"] == "down":
            break
        time.sleep(1)
    time.sleep(3)


def _ping(client: httpx.Client, url: str, body: str) -> None:
    client.post(url, content=body.encode()).raise_for_status()
