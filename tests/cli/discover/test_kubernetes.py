"""CronJobs in manifests: checks, and manifests in which lines are added and nothing else changes."""

from __future__ import annotations

import io
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from lastseen_cli.discover import kubernetes, proposing
from lastseen_cli.discover.proposing import Proposed, Wishes
from tests.cli.conftest import Terminal

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SHIPPED = Path(__file__).parents[3] / "clients" / "kubernetes" / "cronjob.yaml"
BLOCK = """\
# ours
apiVersion: batch/v1
kind: CronJob
metadata:
  name: nightly-report
spec:
  schedule: "30 4 * * *"   # night
  timeZone: Europe/Berlin
  startingDeadlineSeconds: 300
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - name: report
            command:
            - /app/report
            - --month
            args: ["last"]
            env:
            - name: A
              value: "1"
          volumes:
          - name: data
            emptyDir: {}
"""
FLOW = """\
kind: CronJob
metadata: {name: flow.job, namespace: shop}
spec:
  schedule: '@hourly'
  jobTemplate: {metadata: {}, spec: {template: {spec: {containers: [{name: a, image: b, command: [x]}]}}}}
"""
SHORT = """\
kind: CronJob
metadata:
  name: short
spec:
  schedule: "TZ=Asia/Tokyo 0 9 * * 1"
  jobTemplate:
    spec:
      template:
        spec:
          containers:
            - command: [x, "it's", '%d']
              image: b
              env: [{name: B, value: "2"}]
              volumeMounts: [{name: d, mountPath: /d}]
"""
OTHER = "kind: Deployment\nmetadata: {name: web}\n"


def proposed(text: str) -> Proposed:
    return proposing.propose([kubernetes.read(text, "m", "UTC").reading], [], Wishes(), NOW)


def rewritten(text: str) -> tuple[str, list[str]]:
    slugs = {each.job.where: each.slug for each in proposed(text).proposals if not each.job.watched}
    after, remarks = kubernetes.rewritten(kubernetes.read(text, "m", "UTC"), slugs)
    return after, [remark.text for remark in remarks]


def test_cronjobs_become_checks_with_their_zone_and_skip_what_the_clocks_skip() -> None:
    found = proposed(f"{BLOCK}---\n{OTHER}---\n{SHORT}---\n{FLOW}")
    assert [
        (each.slug, each.due.expression, each.due.tz, each.due.skipped_hour, each.grace, each.job.where)  # type: ignore[union-attr]
        for each in found.proposals
    ] == [
        ("nightly-report", "30 4 * * *", "Europe/Berlin", "skip", 3900, "m:7"),
        ("short", "0 9 * * 1", "Asia/Tokyo", "skip", 7200, "m:35"),
        ("flow-job", "0 * * * *", "UTC", "skip", 900, "m:49"),
    ]


def test_lines_are_added_and_all_else_stays() -> None:
    text = f"{BLOCK}---\n{OTHER}---\n{SHORT}"
    after, remarks = rewritten(text)
    assert remarks == []
    lines = after.split("\n")
    added = [line for line in lines if "lastseen" in line or line.strip() in {"volumeMounts:", '- "/bin/sh"', '- "--"'}]
    assert len(added) > 10
    block, other, short = yaml.safe_load_all(after)
    pod = block["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    head = ["/bin/sh", "/lastseen/lastseen.sh", "nightly-report", "--"]
    assert (container["command"], container["args"]) == ([*head, "/app/report", "--month"], ["last"])
    assert [each["name"] for each in container["env"]] == ["LASTSEEN_PING_URL", "LASTSEEN_PING_KEY", "A"]
    assert [each["name"] for each in pod["volumes"]] == ["lastseen", "data"]
    assert other == yaml.safe_load(OTHER)
    short_container = short["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert short_container["command"][3:] == ["--", "x", "it's", "%d"]
    shipped = yaml.safe_load(SHIPPED.read_text())["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["volumes"][0] == shipped["volumes"][0]
    assert container["volumeMounts"] == shipped["containers"][0]["volumeMounts"]
    assert container["env"][:2] == shipped["containers"][0]["env"][1:]
    assert rewritten(after) == (after, [])
    assert all(each.job.watched for each in proposed(after).proposals)
    kept = iter(lines)
    assert all(
        any(line in candidate or candidate.endswith(line[-9:]) for candidate in kept) for line in text.split("\n")
    )


def test_the_shipped_manifest_is_watched_already() -> None:
    found = proposed(SHIPPED.read_text())
    assert [job.watched for job in found.watched] == [True]
    assert found.proposals == ()


FAULTS = [
    (FLOW, "it is written in braces"),
    (BLOCK.replace("command:", "cmd:"), "its container has no `command:`"),
    (BLOCK.replace("containers:", "boxes:"), "it has no container"),
    (SHORT.replace("env: [{", "env: &e [{").replace("volumeMounts: [", "volumeMounts: [*e, "), "adding lines"),
    (
        BLOCK.replace("          volumes:\n          - name: data\n            emptyDir: {}\n", "          volumes:\n"),
        "empty",
    ),
    (SHORT.replace('"2"', "2026-99-99"), "adding lines"),
]


@pytest.mark.parametrize(("text", "words"), FAULTS, ids=range(len(FAULTS)))
def test_a_cronjob_that_cannot_be_changed_is_named_and_stays(text: str, words: str) -> None:
    after, remarks = rewritten(text)
    assert [words in remark for remark in remarks] == [True], remarks
    assert after == text


BAD = [
    (
        "kind: CronJob\nmetadata: {name: {{ .Values.x }}}\n",
        ":1: a CronJob needs metadata.name and spec.schedule: render the chart first",
    ),
    ("a: [" * 100, ":1: too deep"),
    ("a: " + "[" * 100_000, ":1: this is not YAML"),
    ("a: {{ x }}-{{ y }}\n", ":1: this is not YAML: "),
    ("kind: CronJob\r\n", ":1: a line ends otherwise"),
    ("kind: List\nitems: []\n", ":1: a List"),
    ("kind: CronJob\nspec: {schedule: x}\n", ":2: a CronJob needs metadata.name"),
    ("kind: CronJob\nmetadata: {name: a}\nspec:\n  schedule: 61 * * * *\n", ":4: Cron '61 * * * *' has a bad minute"),
    ("kind: !!python/object/apply:os.system [id]\n---\nkind: CronJob\n", ":3: a CronJob needs"),
    ("x: &a [1]\n" + "y: [*a, *a, *a, *a, *a]\n" * 9, "too many aliases"),
]


@pytest.mark.parametrize(("text", "words"), BAD, ids=range(len(BAD)))
def test_a_manifest_that_cannot_be_read_is_named_with_its_line(text: str, words: str) -> None:
    began = time.monotonic()
    found = proposed(text)
    assert [words in f":{remark.where.split(':')[1]}: {remark.text}" for remark in found.remarks] == [True], (
        found.remarks
    )
    assert time.monotonic() - began < 5


def test_two_hundred_cronjobs_take_a_moment() -> None:
    text = "---\n".join(BLOCK.replace("nightly-report", f"job-{n}") for n in range(200))
    began = time.monotonic()
    after, remarks = rewritten(text)
    assert (after.count("/lastseen/lastseen.sh"), remarks) == (200, [])
    assert time.monotonic() - began < 20


def test_the_changed_manifest_goes_to_stdout_and_talk_does_not(lastseen: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(f"{BLOCK}---\n{FLOW}")
    done = lastseen("discover", "kubernetes", str(file), "--yes")
    assert (done.status, done.out) == (1, rewritten(f"{BLOCK}---\n{FLOW}")[0])
    assert "it is written in braces" in done.err
    assert file.read_text() == f"{BLOCK}---\n{FLOW}"
    assert [check.slug for check in lastseen.world.store.checks.values()] == ["nightly-report"]
    document = json.loads(lastseen("discover", "kubernetes", str(file), "--dry-run", "--json").out)
    assert document["texts"] == [done.out]
    lastseen.monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(rewritten(BLOCK)[0].encode())))
    again = lastseen.ok("discover", "kubernetes", "-", "--yes")
    assert (again.out, "all is watched" in again.err) == (rewritten(BLOCK)[0], True)
