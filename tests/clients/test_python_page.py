"""docs/clients/python.md, run: each of its blocks, with real Celery, APScheduler, RQ and Django."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.needs import ENVIRON, require_programs
from tests.clients.pages import page, write
from tests.clients.receiver import Receiver, receiving, unused_port

PAGE = page("clients/python.md")
CLIENT = Path(__file__).parents[2] / "clients/python"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def python(folder: Path, receiver: Receiver, code: str, **variables: str) -> str:
    env = {**ENVIRON, **receiver.environment, "PYTHONPATH": f"{CLIENT}:{folder}", **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def said(receiver: Receiver, check: str) -> list[str]:
    return [ping.signal for ping in receiver.pings if ping.check == check]


def test_every_block_of_the_page_is_run_below() -> None:
    assert PAGE.titles == [
        "environment",
        "jobs.py",
        "watched.py",
        "tasks.py",
        "schedule.py",
        "rq_jobs.py",
        "management/commands/send_invoices.py",
    ]


def test_the_environment_is_what_the_client_reads() -> None:
    tell = "import lastseen_client as l; print(l.settings.url, l.settings.key)"
    shell = f"{PAGE['environment']} exec {sys.executable} -c '{tell}'"
    done = subprocess.check_output(["sh", "-c", shell], env={**ENVIRON, "PYTHONPATH": str(CLIENT)}, text=True)
    assert done == "https://abc123.execute-api.eu-central-1.amazonaws.com/ping your-projects-ping-key\n"


def test_functions_blocks_and_beats(receiver: Receiver, tmp_path: Path) -> None:
    write(tmp_path, "jobs.py", PAGE["jobs.py"])
    run = "import jobs, asyncio; print(jobs.nightly_report()); asyncio.run(jobs.sync_orders())"
    more = "jobs.import_rows(['a', 'halfway']); jobs.main_loop_turn()"
    assert python(tmp_path, receiver, f"{run}; {more}") == "42\n"
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [
        ("nightly-report", "start"),
        ("nightly-report", "success"),
        ("sync-orders", "start"),
        ("sync-orders", "success"),
        ("import-rows", "start"),
        ("import-rows", "log"),
        ("import-rows", "success"),
        ("worker-alive", "success"),
    ]
    assert {ping.query["create"] for ping in receiver.pings} == {"1"}


CELERY = """
import itertools, threading
from celery.contrib.testing.worker import start_worker
import tasks

done = threading.Semaphore(0)
tries = itertools.count(1)

def sync(good_at):
    if next(tries) < good_at:
        raise ConnectionError("the shop is away")

def told(*_, **__):
    done.release()

@tasks.app.task(
    lastseen="sync-customers", autoretry_for=(ConnectionError,), max_retries=2, default_retry_delay=0, retry_backoff=0
)
def customers(good_at):
    sync(good_at)

@tasks.app.task
def unwatched():
    pass

from celery.signals import task_success, task_failure
task_success.connect(told)
task_failure.connect(told)
with start_worker(tasks.app, perform_ping_check=False, pool="solo", loglevel="CRITICAL", shutdown_timeout=60):
    for task in (tasks.sync_customers.s(), customers.s(2), customers.s(99), unwatched.s()):
        tries = itertools.count(1)
        task.delay()
        assert done.acquire(timeout=60)
"""


@pytest.mark.slow
def test_celery_tells_a_retry_from_a_failure(receiver: Receiver, tmp_path: Path) -> None:
    write(tmp_path, "watched.py", PAGE["watched.py"])
    write(tmp_path, "tasks.py", PAGE["tasks.py"])
    python(tmp_path, receiver, CELERY, BROKER_URL="memory://")
    good, retried = ["start", "success"], ["start", "log", "start", "success"]
    assert receiver.signals == [*good, *retried, "start", "log", "start", "log", "start", "fail"]
    assert {ping.query.get("over") for ping in receiver.pings if ping.signal == "log"} == {"again"}
    assert [ping.body.split()[1] for ping in receiver.pings if ping.signal == "start"] == [
        b"attempt=1", b"attempt=1", b"attempt=2", b"attempt=1", b"attempt=2", b"attempt=3",
    ]  # fmt: skip
    assert receiver.pings[-1].body.startswith(b"ConnectionError: the shop is away")


@pytest.mark.slow
def test_the_celery_names_that_mean_to_be_continued_are_celerys() -> None:
    code = """
import importlib, lastseen_client
for name in lastseen_client.AGAIN_LATER:
    module, kind = name.rsplit(".", 1)
    if module != "trio":  # which the tests do not need otherwise
        getattr(importlib.import_module(module), kind)
"""
    subprocess.run([sys.executable, "-c", code], env={**ENVIRON, "PYTHONPATH": str(CLIENT)}, check=True)


APSCHEDULER = """
import threading, time
from datetime import datetime, timezone
import schedule

[job] = schedule.scheduler.get_jobs()
schedule.scheduler.add_listener(lambda _: schedule.scheduler.shutdown(wait=False), 1 << 12)  # EVENT_JOB_EXECUTED
job.modify(next_run_time=datetime.now(timezone.utc))
schedule.scheduler.start()
print(job.trigger)
"""


def test_apscheduler_runs_the_watched_function(receiver: Receiver, tmp_path: Path) -> None:
    write(tmp_path, "schedule.py", PAGE["schedule.py"])
    assert python(tmp_path, receiver, APSCHEDULER) == "cron[hour='4', minute='30']\n"
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [("clean-up", "start"), ("clean-up", "success")]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    require_programs("redis-server")
    port = unused_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        yield f"redis://127.0.0.1:{port}/0"
        server.kill()


RQ = """
import os, time
import redis, rq, rq_jobs

connection = redis.Redis.from_url(os.environ["REDIS_URL"])
for _ in range(200):
    try:
        connection.ping()
        break
    except redis.ConnectionError:
        time.sleep(0.05)
queue = rq.Queue(connection=connection)
queue.enqueue(rq_jobs.send_digest)
queue.enqueue(rq_jobs.send_digest, fail=True, retry=rq.Retry(max=1))
rq.SimpleWorker([queue], connection=connection).work(burst=True, logging_level="CRITICAL")
connection.close()
"""


@pytest.mark.slow
def test_rq_tells_a_retry_from_a_failure(receiver: Receiver, tmp_path: Path, redis: str) -> None:
    write(tmp_path, "rq_jobs.py", PAGE["rq_jobs.py"])
    python(tmp_path, receiver, RQ, REDIS_URL=redis)
    assert receiver.signals == ["start", "success", "start", "log", "start", "fail"]
    assert receiver.pings[0].body.startswith(b"job_id=")
    assert receiver.pings[2].body == receiver.pings[4].body != receiver.pings[0].body


def test_a_django_command(receiver: Receiver, tmp_path: Path) -> None:
    write(tmp_path, "shop/management/commands/send_invoices.py", PAGE["management/commands/send_invoices.py"])
    write(tmp_path, "shop/__init__.py", "")
    write(tmp_path, "settings.py", "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\n")
    code = """
from django.core.management import execute_from_command_line as run
run(["manage.py", "send_invoices"])
try:
    run(["manage.py", "send_invoices", "--month", "never"])
except SystemExit as end:
    print(end.code)
"""
    assert python(tmp_path, receiver, code, DJANGO_SETTINGS_MODULE="settings") == "sent\n1\n"
    assert said(receiver, "send-invoices") == ["start", "success", "start", "fail"]
    assert receiver.pings[-1].body.startswith(b"django.core.management.base.CommandError: no such month")
