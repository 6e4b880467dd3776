"""The pages as text: what stands on them, in which order, and what never does."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest

from lastseen.core.check import Check, Flip, Kind, Ping, Run, unique_key
from lastseen.core.history import Recorded
from lastseen.core.machine import configured, paused, pinged
from lastseen.core.moments import woken
from lastseen.core.runs import RETRY
from lastseen.core.schedule import Cron, Period
from lastseen.page import render, views
from lastseen.page.views import Visitor
from tests.times import T0, hours, minutes, seconds

ID = "5f0c2a4e-8d31-4b7a-9c15-1f2e3d4c5b6a"
HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202e"
WRITER = Visitor(project="default", may_write=True, token="token-1")
READER = Visitor(project="default", may_write=False, token="token-2")
PING_URL = "https://example.org/ping"


def a_check(name: str = "backup", *, last: Any = None, **fields: Any) -> Check:
    made = Check(**{"id": ID, "name": name, "created": T0 - hours(999), "schedule": Period(hours(1)), **fields})
    return pinged(made, Ping(at=last)).check if last else made


def up() -> Check:
    return a_check(last=T0 - minutes(10))


def states() -> list[Check]:
    """Return one check of each status, in no order."""
    checks = [
        a_check("b-up", last=T0 - minutes(10), tags="prod db"),
        a_check("a-new", tags="prod"),
        a_check("late", last=T0 - minutes(90)),
        paused(a_check("paused", last=T0 - hours(9)), T0 - hours(8)).check,
        a_check("overdue", last=T0 - hours(3)),
        a_check("A-up", last=T0 - minutes(20)),
    ]
    return [replace(check, id=f"5f0c2a4e-8d31-4b7a-9c15-{number:012}") for number, check in enumerate(checks)]


def a_page(check: Check, visitor: Visitor = WRITER, **fields: Any) -> str:
    given: dict[str, Any] = {"about": "", "pings": [], "flips": [], "cause": None, "ping_url": PING_URL} | fields
    return render.check(views.check_page(check, T0, may_write=visitor.may_write, **given), visitor)


def home(checks: list[Check], visitor: Visitor = WRITER, **asked: Any) -> str:
    return render.home(views.listing(checks, T0, **asked), visitor, first_ping=views.first_ping(PING_URL))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden += tag in {"style", "script"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "script"}

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.words.append(" ".join(data.split()))


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader


def words(html: str) -> str:
    return " ".join(read(html).words)


# --- The list ---


def test_what_needs_a_look_comes_first_and_names_sort_as_people_do() -> None:
    rows = views.listing(states(), T0).rows
    assert [(row.word, row.name) for row in rows] == [
        ("Down", "overdue"),
        ("Late", "late"),
        ("Up", "A-up"),
        ("Up", "b-up"),
        ("New", "a-new"),
        ("Paused", "paused"),
    ]


def test_a_row_says_what_comes_next_or_how_long_it_lasts() -> None:
    nexts = {
        row.name: (row.next[0], row.next[1].relative if row.next[1] else "") for row in views.listing(states(), T0).rows
    }
    assert nexts == {
        "overdue": ("down for", "1 h"),
        "late": ("alert", "in 30 min"),
        "A-up": ("", "in 40 min"),
        "b-up": ("", "in 50 min"),
        "a-new": ("waits for a ping", ""),
        "paused": ("paused for", "8 h"),
    }


def test_a_running_check_says_when_it_must_end() -> None:
    running = pinged(up(), Ping(at=T0 - minutes(5), kind=Kind.START)).check
    [row] = views.listing([running], T0).rows
    assert row.running
    assert (row.next[0], row.next[1].relative if row.next[1] else "") == ("must end", "in 55 min")


def test_a_status_is_told_by_shape_and_word_not_by_colour_alone() -> None:
    html = home(states())
    for status, word in views.WORDS.items():
        shape = f'<svg class="i" aria-hidden="true"><use href="#{status}"/></svg>'
        assert f'<span class="status {status}">{shape}{word}</span>' in html
        assert f'<symbol id="{status}"' in html


def test_tags_and_statuses_filter_and_their_links_turn_them_on_and_off() -> None:
    listing = views.listing(states(), T0, tags=["prod"], statuses=["up", "nonsense"])
    assert [row.name for row in listing.rows] == ["b-up"]
    assert {(one.value, one.count, one.chosen, one.link) for one in listing.statuses} == {
        ("up", 1, True, "/?tag=prod"),
        ("new", 1, False, "/?tag=prod&status=up&status=new"),
    }
    assert [(one.value, one.chosen, one.link) for one in listing.tags] == [
        ("prod", True, "/?status=up"),
        ("db", False, "/?tag=prod&tag=db&status=up"),
    ]


def test_the_heading_and_the_tab_say_how_bad_it_is() -> None:
    html = home(states())
    assert "1 of 6 checks is down" in words(html)
    assert "<title>1 down · default · Lastseen</title>" in html
    assert "Nothing is down" in words(home([up()]))
    assert "1 of 1 check is late" in words(home([a_check(last=T0 - minutes(90))]))


def test_a_filter_that_finds_nothing_does_not_look_like_an_empty_project() -> None:
    said = words(home(states(), tags=["nosuch"]))
    assert "No check matches." in said
    assert "No check yet" not in said


def test_an_empty_project_shows_the_line_that_makes_its_first_check() -> None:
    said = words(home([]))
    assert "No check yet" in said
    assert (
        'curl -fsS -m 10 --retry 5 -o /dev/null "https://example.org/ping/$LASTSEEN_PING_KEY/nightly-report?create=1"'
        in said
    )


def test_checks_that_cannot_be_read_are_told_of_even_if_there_are_no_others() -> None:
    said = words(home([], unreadable=["abc"]))
    assert "1 stored check cannot be read, so nobody watches it." in said
    assert "abc" in said


def test_a_large_project_shows_the_worst_and_is_looked_at_less_often() -> None:
    down = a_check("worst", last=T0 - hours(9))
    html = home([*(replace(up(), id=str(number), name=f"n{number}") for number in range(1_200)), down])
    assert html.count("<tr class=") == 500
    assert html.index("worst") < html.index("n0<")
    assert "The first 500 of 1201" in words(html)
    assert 'data-refresh="300"' in html
    assert 'data-refresh="30"' in home([down])


# --- One check ---


def test_a_down_check_says_why_since_when_and_shows_the_failing_runs_output() -> None:
    failed = pinged(up(), Ping(at=T0 - minutes(5), kind=Kind.FAIL, exit_status=3, body=b"disk full\n"))
    html = a_page(failed.check, flips=failed.flips, cause=failed.flips[0], about="Free some space.")
    said = words(html)
    assert "It failed, exit status 3: down for 5 min." in said
    assert html.index("disk full") < html.index("Free some space.") < html.index("What is expected")


def test_the_cause_is_the_flip_that_brought_it_down_not_a_reminder() -> None:
    outcome = woken(a_check(last=T0 - hours(9), reminder=hours(1)), T0 - hours(6))
    again = woken(outcome.check, T0 - minutes(1))
    said = words(a_page(again.check, flips=again.flips, cause=outcome.flips[0]))
    assert "It did not start in time: down for 7 h." in said


def test_of_several_open_runs_the_oldest_is_shown() -> None:
    runs = (Run(T0 - minutes(30), str(UUID(int=1))), Run(T0 - minutes(5), str(UUID(int=2))))
    assert "the oldest of 2 open runs" in words(a_page(replace(up(), runs=runs)))
    assert "open runs" not in words(a_page(replace(up(), runs=runs[:1])))


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (up(), "The next ping is expected in 50 min."),
        (a_check(last=T0 - minutes(90)), "It is late. An alert is sent in 30 min, unless it pings before."),
        (a_check(last=T0 - hours(9)), "It did not ping in time: down for 7 h."),
        (a_check(), "its first ping starts the clock."),
        (paused(up(), T0).check, "It is not watched: its next ping, or a person, resumes it."),
        (
            paused(configured(up(), T0, manual_resume=True).check, T0).check,
            "It is not watched: only a person can resume it.",
        ),
        (pinged(up(), Ping(at=T0, kind=Kind.START)).check, "It is running, and must end in 1 h."),
        (replace(up(), runs=(Run(T0, RETRY),)), "Its last attempt is over, and must be retried in 1 h."),
    ],
)
def test_each_state_is_one_sentence(check: Check, sentence: str) -> None:
    assert sentence in words(a_page(check))


def test_of_several_open_runs_the_page_shows_the_oldest_and_how_many_there_are() -> None:
    running = up()
    for minute in (9, 5):
        rid = f"{minute:08x}-0000-4000-8000-000000000000"
        running = pinged(running, Ping(at=T0 - minutes(minute), kind=Kind.START, rid=rid)).check
    said = words(a_page(running))
    assert "must end in 51 min" in said
    assert "Running since Mon 2026-03-02 11:51:00 UTC, the oldest of 2 open runs" in said


def test_expected_times_are_on_the_checks_own_clock_and_in_utc() -> None:
    check = pinged(a_check(schedule=Cron("0 3 * * *", "Europe/Berlin")), Ping(at=T0 - hours(2))).check
    said = words(a_page(check))
    assert "Expected Tue 2026-03-03 03:00:00 Europe/Berlin (02:00:00 UTC)" in said
    assert "Alert at Tue 2026-03-03 04:00:00 Europe/Berlin (03:00:00 UTC)" in said
    assert "Schedule each day at 03:00, Europe/Berlin Written as 0 3 * * *" in said


def test_a_broken_schedule_is_told_as_trouble() -> None:
    said = words(a_page(replace(up(), schedule=Cron("61 * * * *", "UTC"))))
    assert "Trouble The schedule is broken, so nothing is watched" in said


def test_a_writer_is_shown_the_ping_url_and_the_button_and_a_reader_is_not() -> None:
    pings = [
        Recorded(1, Kind.SUCCESS, Ping(at=T0, body=b"secret output", address="192.0.2.7", agent="curl"), seconds(61))
    ]
    failed = pinged(up(), Ping(at=T0, kind=Kind.FAIL, body=b"secret trace"))
    for_writer = a_page(failed.check, WRITER, pings=pings, flips=failed.flips, cause=failed.flips[0])
    for_reader = a_page(failed.check, READER, pings=pings, flips=failed.flips, cause=failed.flips[0])
    assert f"curl -fsS -m 10 --retry 5 -o /dev/null {PING_URL}/{ID}" in for_writer
    for shown in ("secret output", "secret trace", "192.0.2.7", "Pause"):
        assert shown in for_writer
        assert shown not in for_reader
    assert ID not in for_reader
    assert "took 1 min 1 s" in for_reader


def test_a_paused_check_can_be_resumed_and_a_watched_one_paused() -> None:
    key = unique_key(ID)
    assert f'action="/checks/{key}/pause"' in a_page(up())
    assert f'action="/checks/{key}/resume"' in a_page(paused(up(), T0).check)
    assert f"{key}/pause" not in a_page(paused(up(), T0).check)


def test_history_is_listed_newest_first() -> None:
    first = pinged(a_check(), Ping(at=T0 - hours(5)))
    second = woken(first.check, T0 - hours(1))
    pings = [Recorded(2, Kind.START, Ping(at=T0 - minutes(1))), Recorded(1, Kind.SUCCESS, Ping(at=T0 - hours(5)))]
    said = words(a_page(second.check, pings=pings, flips=[*first.flips, *second.flips]))
    changes = said.split("Changes of status")[1]
    assert changes.index("did not start in time") < changes.index("succeeded for the first time")
    assert said.index("start GET 1 min ago") < said.index("success GET 5 h ago")


# --- All pages ---


def every_page() -> dict[str, str]:
    flip = Flip(
        n=1,
        at=T0,
        was=up().status,
        status=up().status,
        reason=woken(a_check(last=T0 - hours(9)), T0).flips[0].reason,
        notify=True,
        note=HOSTILE,
        body=HOSTILE.encode(),
    )
    hostile = a_check(HOSTILE, last=T0, tags=HOSTILE, slug="x", methods="POST", incident=1)
    said = Ping(at=T0, body=HOSTILE.encode(), agent=HOSTILE, note=HOSTILE, method=HOSTILE, address=HOSTILE)
    visitor = Visitor(project=HOSTILE, may_write=True, token=HOSTILE)
    return {
        "home": home([hostile], visitor, tags=[], unreadable=[HOSTILE]),
        "filtered": home([hostile], visitor, tags=[HOSTILE], statuses=[HOSTILE]),
        "empty": home([], visitor),
        "check": a_page(hostile, visitor, about=HOSTILE, pings=[Recorded(1, Kind.FAIL, said)], flips=[flip]),
        "sign-in": render.sign_in(back=HOSTILE, trouble=HOSTILE),
        "trouble": render.trouble(HOSTILE, HOSTILE, visitor),
    }


@pytest.mark.parametrize("name", list(every_page()))
def test_what_strangers_wrote_is_text_and_nothing_else(name: str) -> None:
    html = every_page()[name]
    assert "<script>alert" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    tags = read(html).tags
    assert sum(tag == "script" for tag, _ in tags) == ("<script>setInterval" in html)
    known = {
        "charset",
        "name",
        "content",
        "rel",
        "href",
        "http-equiv",
        "data-refresh",
        "class",
        "width",
        "height",
        "aria-hidden",
        "aria-label",
        "aria-current",
        "id",
        "viewbox",
        "cx",
        "cy",
        "r",
        "fill",
        "stroke",
        "stroke-width",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-dasharray",
        "d",
        "x",
        "y",
        "rx",
        "method",
        "action",
        "type",
        "value",
        "datetime",
        "title",
        "lang",
        "data-label",
        "role",
        "for",
        "autocomplete",
        "required",
        "autofocus",
        "spellcheck",
    }
    assert {attribute for _, attributes in tags for attribute in attributes} <= known


@pytest.mark.parametrize("name", list(every_page()))
def test_a_page_fetches_nothing_from_anywhere(name: str) -> None:
    html = every_page()[name]
    addresses = [
        value or ""
        for tag, attributes in read(html).tags
        for at, value in attributes.items()
        if at in {"src", "href", "action"}
    ]
    assert all(re.match(r"/(?!/)|#|data:image/svg", address) for address in addresses), addresses
    assert "@import" not in html
    assert "url(" not in html


def test_the_policy_allows_the_one_style_and_the_one_script_and_nothing_else() -> None:
    html = home([up()])
    [style] = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    [script] = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    rules = dict(rule.split(" ", 1) for rule in render.policy().split("; "))
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest(style)}'",
        "script-src": f"'sha256-{digest(script)}'",
        "img-src": "data:",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert 'style="' not in html


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_a_check_that_would_notify_nobody_says_so() -> None:
    assert "none of its channels: they were deleted" in a_page(a_check("job"), reaches_nobody=True)
    assert "none of its channels" not in a_page(a_check("job"))
