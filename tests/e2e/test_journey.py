"""The main job, end to end, on the template that `cdk deploy` ships, under its own IAM."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.conftest import Deployed

pytestmark = pytest.mark.emulator
SIMULTANEOUS = 100
THREADS = 8  # more would start more workers of the emulator than the machine has room for


def test_a_job_goes_silent_and_recovers_and_fails_and_people_hear_of_each(deployed: Deployed) -> None:
    name = "journey"
    url = deployed.create(name, desc="Ask the night shift.")
    assert deployed.check(url)["status"] == "new"
    assert deployed.ping(url) == 200
    assert deployed.check(url)["status"] == "up"

    deployed.hurry(url)
    deployed.invoke("sweep")
    [missed] = deployed.post.about(name, count=1)
    assert missed.subject == "DOWN: journey did not start in time"
    assert (missed.event["status"], missed.event["reason"]) == ("down", "missed")
    assert missed.attributes["project"] == deployed.project
    assert "Ask the night shift." in missed.event["text"]
    assert deployed.check(url)["status"] == "down"

    deployed.api("POST", f"/checks/{url.rsplit('/', 1)[1]}", {"timeout": 3600})
    assert deployed.ping(url) == 200
    [_, recovered] = deployed.post.about(name, count=2)
    assert recovered.subject.startswith("UP: journey is back after ")
    assert recovered.event["incident"] == missed.event["id"]

    assert deployed.ping(f"{url}/3", "disk full\n") == 200
    [_, _, failed] = deployed.post.about(name, count=3)
    assert failed.subject == "DOWN: journey failed: disk full"
    assert failed.event["output"] == "disk full"
    assert deployed.check(url)["n_pings"] == 3


def test_a_run_that_hangs_is_told_as_stuck(deployed: Deployed) -> None:
    name = "hanging"
    url = deployed.create(name)
    assert deployed.ping(f"{url}/start") == 200
    deployed.hurry(url)
    deployed.invoke("sweep")
    [stuck] = deployed.post.about(name, count=1)
    assert stuck.subject == "DOWN: hanging got stuck"


def test_a_hundred_pings_at_once_are_all_taken_and_all_counted(deployed: Deployed) -> None:
    url = deployed.create("crowd")
    assert deployed.ping(url) == 200  # up: from here on pings are steady
    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(lambda _: deployed.ping(url), range(SIMULTANEOUS)))
    assert answers == [200] * SIMULTANEOUS
    assert deployed.check(url)["n_pings"] == SIMULTANEOUS + 1
