from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from lastseen_cli.local.inbox import Notice
from lastseen_cli.local.outbox import Outbox
from tests import gallery
from tests.times import T0, minutes


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    with Outbox(0) as outbox:
        yield outbox


def notice(subject: str, **event: object) -> Notice:
    return Notice(subject=subject, event=event, attributes={}, arrived=T0)


def test_each_alert_is_shown_as_its_mail_newest_first(outbox: Outbox) -> None:
    for n, message in enumerate(gallery.messages().values()):
        outbox.add(
            Notice(subject=message.subject, event=message.document, attributes={}, arrived=T0), at=T0 + minutes(n)
        )
    page = httpx.get(outbox.url).text
    shown = re.findall(r"<h2>(.*?)</h2>", page)
    assert shown == [message.subject for message in reversed(gallery.messages().values())]
    assert "ssh db1, then: journalctl -u nightly-backup" in page
    assert '<article class="up">' in page


def test_what_a_job_says_cannot_become_part_of_the_page(outbox: Outbox) -> None:
    outbox.add(notice("<img src=x>", text="<script>alert(1)</script>", status='"><b>'), at=T0)
    reply = httpx.get(outbox.url)
    assert "<script>" not in reply.text
    assert "<img" not in reply.text
    assert '"><b>' not in reply.text
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_programs_read_the_same(outbox: Outbox) -> None:
    outbox.add(notice("DOWN: x", status="down"), at=T0)
    assert httpx.get(f"{outbox.url}outbox.json").json() == [
        {"at": "2026-03-02T12:00:00+00:00", "subject": "DOWN: x", "event": {"status": "down"}}
    ]


def test_only_the_last_alerts_are_kept(outbox: Outbox) -> None:
    for n in range(250):
        outbox.add(notice(f"DOWN: job-{n:03d}"), at=T0)
    found = httpx.get(f"{outbox.url}outbox.json").json()
    assert (len(found), found[0]["subject"]) == (200, "DOWN: job-249")


def test_a_port_that_is_taken_is_no_trouble(outbox: Outbox) -> None:
    port = int(outbox.url.rstrip("/").rpartition(":")[2])
    with Outbox(port) as second:
        assert httpx.get(second.url).status_code == 200
    assert httpx.get(f"{outbox.url}nothing").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
    ],
)
@pytest.mark.parametrize("path", ["", "outbox.json"])
def test_a_web_page_of_somebody_else_reads_nothing(outbox: Outbox, path: str, headers: dict[str, str]) -> None:
    outbox.add(notice("DOWN: secret-job", status="down"), at=T0)
    reply = httpx.get(f"{outbox.url}{path}", headers=headers)
    assert reply.status_code == 403
    assert "secret-job" not in reply.text


def test_a_browser_opens_it_by_its_address_and_by_a_link(outbox: Outbox) -> None:
    typed = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert httpx.get(outbox.url, headers=typed).status_code == 200
    assert httpx.get(outbox.url, headers={**typed, "Sec-Fetch-Site": "cross-site"}).status_code == 200
    assert "frame-ancestors 'none'" in httpx.get(outbox.url).headers["Content-Security-Policy"]
