"""docs/rails.md, run: in a real Rails application, under real Sidekiq, by whenever's own command, and to the alert."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from lastseen.delivery.results import MessageForm
from lastseen.text.event import FlipEvent, read_event
from tests.clients.asking import checks, pings
from tests.clients.needs import ENVIRON, require_programs
from tests.clients.pages import page, write
from tests.clients.receiver import Receiver, receiving, unused_port
from tests.conftest import Local
from tests.forms import FORMS
from tests.lastseen.delivery.receiver import listening

PAGE = page("rails.md")
RUBY = Path(__file__).parent / "ruby/page"
CLIENTS = Path(__file__).parents[2] / "clients"
WITHIN = 120.0


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """The files that the page shows, where it says they go."""
    require_programs("ruby", "sidekiq", "redis-server", "whenever")
    for block in PAGE.blocks:
        if block.language in ("ruby", "yaml"):
            write(tmp_path, block.title, block.text)
    write(tmp_path, "lib/lastseen.rb", (CLIENTS / "ruby/lastseen.rb").read_text())
    return tmp_path


def test_every_block_of_the_page_is_run_below() -> None:
    assert [(block.language, block.title) for block in PAGE.blocks] == [
        ("sh", "environment of the workers"),
        ("ruby", "config/initializers/lastseen.rb"),
        ("ruby", "app/jobs/nightly_report_job.rb"),
        ("sh", "deploy hook"),
        ("ruby", "config/initializers/sidekiq.rb"),
        ("ruby", "app/workers/sync_worker.rb"),
        ("ruby", "lib/tasks/billing.rake"),
        ("ruby", "config/schedule.rb"),
        ("ruby", "config/initializers/sidekiq_cron.rb"),
        ("ruby", "config/initializers/good_job.rb"),
        ("yaml", "config/recurring.yml"),
    ]


def test_a_rails_application_made_of_the_page_tells_what_its_jobs_do(application: Path) -> None:
    for name in ("sidekiq", "sidekiq_cron"):
        (application / f"config/initializers/{name}.rb").unlink()  # Sidekiq has a test of its own
    with receiving() as receiver:
        out = ruby(application, receiver, str(RUBY / "runs_the_page.rb"))
    assert out.splitlines() == [
        "report of last month",
        "no such month",
        "no try left",
        "30 4 * * * Europe/Berlin nightly-report",
        "30 4 * * * Europe/Berlin nightly-report",
    ]
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [
        ("nightly-report", "start"), ("nightly-report", "success"),
        ("nightly-report", "start"), ("nightly-report", "fail"),
        ("nightly-report", "start"), ("nightly-report", "log"),
        ("nightly-report", "start"), ("nightly-report", "log"),
        ("nightly-report", "start"), ("nightly-report", "fail"),
        ("close-month", "start"), ("close-month", "log"), ("close-month", "success"),
    ]  # fmt: skip
    assert {ping.query["create"] for ping in receiver.pings} == {"1"}
    said_over = ["again" if number in {5, 7} else None for number in range(len(receiver.pings))]  # of retries only
    assert [ping.query.get("over") for ping in receiver.pings] == said_over
    assert receiver.pings[9].body.startswith(b"Timeout::Error: for [mail]")


def test_what_the_monitor_saw_of_that_application(application: Path, local: Local) -> None:
    for name in ("sidekiq", "sidekiq_cron"):
        (application / f"config/initializers/{name}.rb").unlink()
    ruby(application, local, str(RUBY / "runs_the_page.rb"))
    [report], [month] = checks(local, "nightly-report"), checks(local, "close-month")
    assert (report["status"], report["started"], report["n_pings"]) == ("down", False, 10)
    assert (month["status"], month["started"], month["n_pings"]) == ("up", False, 3)
    seen = pings(local, report)
    assert [ping["type"] for ping in seen] == [
        *("start", "success", "start", "fail", "start", "log", "start", "log", "start", "fail")
    ]
    assert len({ping["rid"] for ping in seen}) == 5
    assert [ping["n"] for ping in seen if "duration" in ping] == [2, 4, 10]  # a run's end knows how long it took


def ruby(folder: Path, monitor: Receiver | Local, *arguments: str) -> str:
    done = subprocess.run(
        ["ruby", "-W0", *arguments], env={**ENVIRON, **monitor.environment}, cwd=folder, capture_output=True,
        text=True, timeout=WITHIN, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_whenever_writes_the_lines_and_they_tell_when_cron_runs_them(application: Path) -> None:
    tool = write(application, "bin/pg_dump", '#!/bin/sh\necho "dumped $*"\n')
    tool.chmod(0o755)
    told = subprocess.run(
        ["whenever", "--load-file", "config/schedule.rb"], cwd=application, capture_output=True, text=True, check=True
    )
    lines = [line for line in told.stdout.splitlines() if line and not line.startswith("#")]
    watched, rake = lines
    assert watched.startswith(
        f"30 4 * * * /bin/bash -l -c 'cd {application} && /usr/local/bin/lastseen.sh nightly-dump"
    )
    assert "rake billing:close_month" in rake
    command = watched.split("* * * ", 1)[1].replace("/usr/local/bin/lastseen.sh", str(CLIENTS / "sh/lastseen.sh"))
    command = command.replace("bash -l -c", f"env PATH={application}/bin:$PATH bash -c")
    with receiving() as receiver:
        done = subprocess.run(
            ["/bin/sh", "-c", command], env={**ENVIRON, **receiver.environment}, capture_output=True, check=True
        )
    assert done.stdout == b"dumped -Fc -f /backup/shop.dump shop\n"
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [("nightly-dump", "start"), ("nightly-dump", "0")]


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    port = unused_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.kill()


@contextmanager
def sidekiq(folder: Path, redis_url: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Sidekiq process on the page's files, in which one SyncWorker has been enqueued."""
    env = {**ENVIRON, **environment, "REDIS_URL": redis_url}
    command = ["sidekiq", "-r", str(RUBY / "sidekiq_process.rb"), "-c", "2", "-t", "3"]
    with (folder / "sidekiq.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait(WITHIN)


def enqueue(folder: Path, redis_url: str, code: str) -> None:
    env = {**ENVIRON, "REDIS_URL": redis_url, "NO_CRON": "1"}
    ruby_code = f"20.times {{ Sidekiq.redis(&:ping); break rescue sleep 0.1 }}; {code}"
    command = ["ruby", "-W0", "-r", str(RUBY / "sidekiq_process.rb"), "-e", ruby_code]
    subprocess.run(command, env=env, cwd=folder, check=True, timeout=WITHIN, capture_output=True)


def wait_until(true: object, what: str, seconds: float = WITHIN) -> None:
    assert callable(true)
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, f"{what} did not come within {seconds:g} s"
        time.sleep(0.1)


def test_sidekiq_and_sidekiq_cron_run_the_watched_worker(application: Path) -> None:
    with (
        receiving() as receiver,
        redis(application) as url,
        sidekiq(application, url, receiver.environment),
    ):
        enqueue(application, url, "SyncWorker.perform_async")
        wait_until(lambda: receiver.signals == ["start", "success"], "the worker's end")
        due = 'job = Sidekiq::Cron::Job.find("sync_customers"); job.enque!; puts job.klass'
        enqueue(
            application, url, f"100.times {{ break if Sidekiq::Cron::Job.find('sync_customers'); sleep 0.1 }}; {due}"
        )
        wait_until(lambda: receiver.signals == ["start", "success"] * 2, "the run that cron enqueued")
    assert {ping.check for ping in receiver.pings} == {"sync-customers"}


def test_the_deploy_hook_makes_the_check_once_with_its_schedule(local: Local, tmp_path: Path) -> None:
    hook = PAGE["deploy hook"].replace("nightly-report", "rails-page-hook")
    for _ in range(2):
        subprocess.run(["sh", "-euc", hook], env={**ENVIRON, **local.environment}, check=True, cwd=tmp_path)
    [check] = checks(local, "rails-page-hook")
    assert (check["schedule"], check["tz"], check["grace"]) == ("30 4 * * *", "Europe/Berlin", 3600)
    assert (check["name"], check["tags"], check["status"]) == ("Nightly report", "rails billing", "new")


def test_the_environment_block_sets_what_the_client_reads() -> None:
    assert re.findall(r"^export (\w+)=", PAGE["environment of the workers"], re.MULTILINE) == [
        "LASTSEEN_PING_URL",
        "LASTSEEN_PING_KEY",
    ]
    assert shlex.split(PAGE["environment of the workers"], comments=True)[1].endswith("/ping")


@pytest.mark.slow
def test_a_sidekiq_worker_killed_in_the_middle_of_a_job_ends_in_an_alert_that_says_it_got_stuck(
    application: Path, local: Local
) -> None:
    body = {"name": "Killed sync", "slug": "sync-customers", "timeout": 3600, "grace": 60}
    made = httpx.post(f"{local.api_url}/v3/checks/", json=body, headers={"X-Api-Key": local.api_key}, timeout=30)
    assert made.status_code == 201
    with redis(application) as url, sidekiq(application, url, local.environment) as process:
        enqueue(application, url, "SyncWorker.perform_async(600)")
        wait_until(lambda: checks(local, "sync-customers")[0]["started"], "the start")
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: "DOWN: Killed sync got stuck" in local.log.read_text(), "the alert")
    [check] = checks(local, "sync-customers")
    assert (check["status"], check["n_pings"]) == ("down", 1)


ERROR = "ArgumentError: no such month"


@pytest.mark.slow
def test_the_class_and_message_of_a_deep_error_reach_mail_sms_chats_and_the_page(local: Local) -> None:
    require_programs("ruby")
    name = "fails-deep"
    api = httpx.Client(base_url=f"{local.api_url}/v3", headers={"X-Api-Key": local.api_key}, timeout=WITHIN)
    with api, listening() as receiver:
        for channel, target in (
            ("fails-deep-hook", f"{receiver.url}/hook"),
            ("fails-deep-chat", deep_chat(receiver.port)),
        ):
            body = {"name": channel, "target": target, "default": False}
            assert api.post("/channels/", json=body).status_code == 201
        asked = {"name": name, "slug": name, "channels": "fails-deep-hook,fails-deep-chat"}
        assert api.post("/checks/", json=asked).status_code == 201
        run = subprocess.run(
            ["ruby", "-W0", RUBY.parent / "fails_deep.rb", name],
            env=ENVIRON | local.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.startswith(ERROR)
        assert int(run.stdout.splitlines()[1]) > 80
        wait_until(lambda: len(receiver.received) >= 2, "both chats")
        received = {each.path: each.json for each in receiver.received}
        wait_until(lambda: bool(mails_of(local, name)), "the mail")
        [mail] = mails_of(local, name)

    event = read_event(received["/hook"])
    assert isinstance(event, FlipEvent)
    assert event.error == ERROR
    assert (event.output or "").startswith(ERROR)
    assert "left out" in (event.output or "")
    assert mail["subject"] == f"DOWN: {name} failed: {ERROR}"  # with which the SMS begins
    assert f"Its last output:\n  {ERROR}\n" in mail["event"]["text"]
    assert ERROR in json.dumps(received["/hooks/3ccdd113474722377935511fc85d3dd4"])  # Mattermost, as it got it
    for service, form in FORMS.items():  # and the other services, of the event as it arrived
        assert ERROR in json.dumps(form(event, MessageForm.FULL)), service
    assert ERROR in page_of(local, name)


def deep_chat(port: int) -> str:
    return f"mmost://127.0.0.1:{port}/3ccdd113474722377935511fc85d3dd4"


def mails_of(local: Local, name: str) -> list[dict[str, Any]]:
    """Return the alerts about a check, as `lastseen local` shows them."""
    port = urlsplit(local.site_url).port
    assert port
    sent = httpx.get(f"http://127.0.0.1:{port + 1}/outbox.json").json()
    return [each for each in sent if (each["event"].get("check") or {}).get("name") == name]


def page_of(local: Local, name: str) -> str:
    """Return the page of a check, signed in."""
    with httpx.Client(
        base_url=local.site_url, headers={"accept": "text/html"}, follow_redirects=True, timeout=WITHIN
    ) as browser:
        home = browser.post("/sign-in", data={"key": local.api_key, "back": "/"})
        found = re.search(rf'<a href="(/checks/[0-9a-f]{{40}})">{name}</a>', home.text)
        assert found
        return browser.get(found[1]).text
