"""Schedules in the dialects of other schedulers: what is taken, as what, and what is refused with which words.

docs/schedules.md is a table of them; test_schedules_page.py runs it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastseen.core.cron_fields import BOTH_DAYS, DAYS
from lastseen.core.dialects import remarks, understood
from lastseen.core.schedule import Cron, OnCalendar, Period, Schedule, ScheduleError, next_due, validated

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NEW_YORK, BERLIN, KYIV = "America/New_York", "Europe/Berlin", "Europe/Kyiv"


def read(text: str, tz: str = "Europe/Kiev") -> Schedule:
    return understood(text, tz, after=NOW)


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        (" 0\t3  * * *\n", Cron("0 3 * * *", KYIV)),
        ("0\u00a03 * * *", Cron("0 3 * * *", KYIV)),  # a blank as web pages have them
        ("`0 3 * * *`", Cron("0 3 * * *", KYIV)),
        ("daily", OnCalendar("daily", KYIV)),
        ("Mon 09:00\r\n\r\n12:00  asia/calcutta\r\n", OnCalendar("Mon 09:00\n12:00 Asia/Kolkata", KYIV)),
        ("biannually US/Eastern", OnCalendar(f"semiannually {NEW_YORK}", KYIV)),
        ("0 3 * * * UTC", Cron("0 3 * * *", "UTC", "skip")),
        ("0 3 * * * europe/berlin", Cron("0 3 * * *", BERLIN, "skip")),
        ("0 */5 * * * * Europe/Berlin", Cron("*/5 * * * *", BERLIN, "skip")),
        ("0 3 * * * bin/nightly", Cron("0 3 * * *", KYIV)),
        ("0 3 * * * /bin/löschen # täglich", Cron("0 3 * * *", KYIV)),
        ("* * * * * sleep 30; x", Cron("* * * * *", KYIV)),
        ("MAILTO=ops\nCRON_TZ=Europe/Berlin\n# m h dom mon dow\n0 3 * * * /bin/x", Cron("0 3 * * *", BERLIN)),
        ("TZ=Europe/Berlin\n0 3 * * *", Cron("0 3 * * *", BERLIN)),  # as in Jenkins: no commands, so no crontab
        ("0 3 * * * Backup", Cron("0 3 * * *", KYIV)),
        ("OnCalendar=daily\nOnCalendar=\nOnCalendar=weekly", OnCalendar("weekly", KYIV)),
        ("every 1h30m", Period(timedelta(minutes=90))),
        ("every monday 09:00", Cron("0 9 * * MON", KYIV, "skip")),
        ("every year", Cron("0 0 1 1 *", KYIV, "skip")),
        ("Daily at 4:00 AM UTC", Cron("0 4 * * *", "UTC", "skip")),
        ("every :weekday, :at => '10pm' do", Cron("0 22 * * MON-FRI", KYIV)),
        ("every 1.day, at: '4:30 am' do\n  runner \"M.t\"\nend", Cron("30 4 * * *", KYIV)),
        ("every 2.weeks do", Period(timedelta(days=14))),
        ("triggers {\n  cron('0 4 * * 1-5')\n}", Cron("0 4 * * 1-5", KYIV)),
        ('@Scheduled(zone = "Europe/Berlin", cron = "0 0 3 * * *")', Cron("0 3 * * *", BERLIN, "skip")),
        ('"schedule": "0 3 * * *",', Cron("0 3 * * *", KYIV)),
        ('crons = ["0 * * * *"]', Cron("0 * * * *", KYIV)),
        ("schedule:\n  - 0 3 * * *", Cron("0 3 * * *", KYIV)),
        ("events:\n  - schedule:\n      rate: cron(0 12 * * ? *)", Cron("0 12 * * *", KYIV, "skip")),
        (
            'schedule_expression_timezone = "Europe/Berlin"\nschedule_expression = "cron(0 20 * * ? *)"',
            Cron("0 20 * * *", BERLIN, "skip"),
        ),
        ('schedule  = "0 3 * * *"\ntime_zone = "Europe/Berlin"', Cron("0 3 * * *", BERLIN)),
        ("0 3 * * fril", Cron("0 3 * * 5L", KYIV)),
        ("@Daily", Cron("0 0 * * *", KYIV)),
        ("@daily Europe/Berlin", Cron("0 0 * * *", BERLIN, "skip")),
        ("@midnight", Cron("0 0 * * *", KYIV)),
        ("@annually", Cron("0 0 1 1 *", KYIV)),
        ("@every 1h30m10s", Period(timedelta(seconds=5410))),
        ('schedule_expression = "rate(1 hour)"', Period(timedelta(hours=1))),
        ("rate(7 days)", Period(timedelta(days=7))),
        ("cron(0/15 8-17 ? * 2,4 *)", Cron("0/15 8-17 * * MON,WED", KYIV, "skip")),
        ("cron(0 10 ? * L *)", Cron("0 10 * * SAT", KYIV, "skip")),
        ("cron(0 10 ? * 6#3 *)", Cron("0 10 * * FRI#3", KYIV, "skip")),
        ("cron(0 10 ? * 2/2 2027-2029)", OnCalendar("Mon,Wed,Fri 2027..2029-*-* 10:00:00", KYIV)),
        ("0 10 * * ? *", Cron("0 10 * * *", KYIV, "skip")),  # AWS's without cron(...): the ? tells
        ("0 15 */1 * * *", Cron("15 */1 * * *", KYIV, "skip")),
        ("*/15 * * * * *", Cron("*/15 * * * * *", KYIV, "skip")),
        ("0 0 10 * * 1-5", Cron("0 10 * * 1-5", KYIV, "skip")),
        ("0 3 * NOV-MAR *", Cron("0 3 * NOV,DEC,JAN,FEB,MAR *", KYIV)),
        ("0 3 * * FRI-SUN", Cron("0 3 * * FRI,SAT,SUN", KYIV)),
        ("0 3 * * 5-7", Cron("0 3 * * 5-7", KYIV)),
        ("0 3 * * 1-6/2", Cron("0 3 * * 1-6/2", KYIV)),
        ("every 90 minutes", Period(timedelta(minutes=90))),
        ("Every Week", Period(timedelta(days=7))),
        ("every monday", Cron("0 0 * * MON", KYIV, "skip")),
        ("every day at 12am", Cron("0 0 * * *", KYIV, "skip")),
        ("every day at 12:30 pm", Cron("30 12 * * *", KYIV, "skip")),
        ("every weekday at 17:00 America/New_York", Cron("0 17 * * MON-FRI", NEW_YORK, "skip")),
        ("0 12 * * * UTC\n30 17 * * * UTC", Cron("0 12 * * *\n30 17 * * *", "UTC", "skip")),
        ("0 12 * * * /bin/x\n30 17 * * * /bin/x", Cron("0 12 * * *\n30 17 * * *", KYIV)),
    ],
)
def test_what_is_understood_without_doubt_is_taken(text: str, schedule: Schedule) -> None:
    assert read(text) == schedule


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 3 * * SAT/2", "SAT/2 in the day of week means other days in each scheduler: write SAT."),
        ("0 3 * * 0/3", "write SUN,WED,SAT, or SUN for that day alone"),
        ("0 3 * * MON,3/2", "3/2 in the day of week"),
        ("0 3 * * JAN/2", "JAN/2 in the day of week cannot be read: use 0 to 7 or SUN to SAT"),
        ("0 0 12 ? * 2-6", "2-6 in the day of week is MON-FRI in Quartz, but TUE-SAT in Spring and Go"),
        ("cron(0 10 15W * ? *)", "15W, the weekday nearest to a day, cannot be said here"),
        ("cron(0 10 1 * MON *)", "one of day-of-month and day-of-week must be ?"),
        ("cron(0 10 ? * 0 *)", "0 is no day of week of Quartz or AWS: use 1 (SUN) to 7 (SAT)"),
        ("cron(0 10 * * ?)", "has 5 fields: AWS's cron has six"),
        ("cron(0 10 ? * 6L 2027)", "The year 2027 cannot be said beside 5L: leave the year out"),
        ("rate(5 fortnights)", "write it as in rate(5 minutes)"),
        ("rate(1000 days)", "out of bounds: use 60 seconds to 365 days"),
        ("@every 30s", "out of bounds: use 60 seconds to 365 days"),
        ("@every 1.5h", "write it as in @every 1h30m"),
        ("@fortnightly", "@fortnightly is no word of cron: use @hourly, @daily"),
        ("0 0 9 ? * 6L", "6L in the day of week is FRIL in Quartz, but SATL in Spring and Go"),
        ("0~30 3 * * * /bin/x", "~ is a time that cron alone knows: write `0 3 * * *`"),
        ("~ 3 1~5 * *", "write `0 3 1 * *`"),
        ("cron('H 4 * * 1-5')", "H is a time that Jenkins alone knows: write `0 4 * * 1-5`"),
        ("0 3 * * Monday /bin/x", "has a bad day-of-week: use 0 to 7, SUN to SAT"),
        ("0 3 * * * Berlin", "Did you mean Europe/Berlin?"),
        ("0 3 * * * PST", "Unknown time zone 'PST'"),
        ("0 3 * * * UTC+2", "Unknown time zone 'UTC+2'"),
        ("0 3 * * * +02:00", "Unknown time zone '+02:00'"),
        ("TZ=Europe/Berlin\n0 3 * * * /bin/x", "write CRON_TZ=Europe/Berlin"),
        ("0 3 * * * x\nCRON_TZ=UTC\n0 4 * * * x", "CRON_TZ=UTC counts for the lines below it only"),
        ("@Scheduled(fixedRate = 5000)", "is no schedule in a dialect known here"),
        ("H H(1-4) * * *", "H is a time that Jenkins alone knows: write `0 1 * * *`"),
        ("every fortnight", "write `every 5 minutes`, `every day at 2:30am` or cron"),
        ("every day at 13pm", "write `every 5 minutes`, `every day at 2:30am` or cron"),
        ("every day at 25:00", "bad hour: use 0 to 23"),
        ("0 3 * * *\ndaily", "These 2 lines cannot be one schedule"),
        ("0 3 * * * UTC\n0 4 * * * Europe/Berlin", "These 2 lines cannot be one schedule"),
        ("@every 5m\n@every 7m", "These 2 lines cannot be one schedule"),
        ("0 3 * * * /bin/a\n0 4 * * * /bin/b", "give each line a check of its own"),
        ("0 0 3 * * * /bin/x", "has 6 fields before '/bin/x': a crontab's line has five"),
        ("0 3 * *", "is no schedule in a dialect known here: write cron (0 3 * * *)"),
        ("hello world", "is no schedule in a dialect known here"),
        ("0 0 * FOO *", "bad month: use 1 to 12 or JAN to DEC"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("12:00 berlin", "Did you mean Europe/Berlin?"),
        ("TZ=Europe/Berln 0 3 * * *", "Did you mean Europe/Berlin?"),
        ("", "The schedule is empty"),
        ("# nothing but a comment", "The schedule is empty"),
        ("0 3 * * *" + " " * 1000, "at most 1000 are allowed"),
        (f"{','.join(map(str, range(60)))} * * * *", "at most 100 are allowed"),
    ],
)
def test_what_is_refused_names_the_trouble_and_the_line_to_write(text: str, words: str) -> None:
    with pytest.raises(ScheduleError) as refusal:
        read(text)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    ["H/15 * * * *", "H H(1-4) * * 1-5", "0~30 3 1~5 * *", "5m", "every fortnight", "0 9 15W * *", "0 3 * * MON/2", "x"]
    + [f"0 0 9 ? * {day}" for day in ("1", "2-6", "6L", "6#3", "1,7", "2L")],
)
def test_what_a_refusal_says_to_write_is_taken(text: str) -> None:
    with pytest.raises(ScheduleError) as refusal:
        read(text)
    lines = re.findall(r"`([^`]+)`", str(refusal.value))
    for days in re.findall(r"is (\S+) in Quartz, but (\S+) in Spring", str(refusal.value)):
        lines += [f"0 0 9 ? * {day}" for day in days]
    assert lines
    for line in lines:
        read(line)


@pytest.mark.parametrize("tz", ["Europe/Berln", "x" * 100])
def test_an_unknown_zone_beside_the_text_is_refused(tz: str) -> None:
    with pytest.raises(ScheduleError, match=r"Did you mean|at most 64"):
        read("0 3 * * *", tz)


@pytest.mark.parametrize(("text", "said"), [("0 9 */2 * MON", 1), ("0 9 1 * */2", 1), ("0 9 1 * MON", 0), ("daily", 0)])
def test_days_that_must_both_match_are_remarked_upon_because_others_take_either(text: str, said: int) -> None:
    assert remarks(read(text, "UTC"), after=NOW) == [BOTH_DAYS] * said


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("30 2 * * *", "run"),
        ("30 2 * * * /usr/local/bin/backup", "run"),
        ("@daily", "run"),
        ("CRON_TZ=Europe/Berlin\n30 2 * * * /usr/local/bin/backup", "run"),
        ("TZ=Europe/Berlin 30 2 * * *", "skip"),
        ('schedule: "30 2 * * *"\ntimeZone: "Europe/Berlin"', "skip"),
        ("30 2 * * * Europe/Berlin", "skip"),
        ("@daily Europe/Berlin", "skip"),
        ("every day at 2:30am", "skip"),
        ("every 1.day, at: '2:30 am' do", "run"),
        ('kind: CronJob\nspec:\n  schedule: "30 2 * * *"', "skip"),
        ("cron(30 2 * * ? *)", "skip"),
        ("0 30 2 * * *", "skip"),
    ],
)
def test_a_dialect_tells_what_its_scheduler_does_with_a_time_that_the_clocks_skip(text: str, rule: str) -> None:
    schedule = read(text, BERLIN)
    assert isinstance(schedule, Cron)
    assert schedule.skipped_hour == rule
    asked = understood(text, BERLIN, after=NOW, skipped_hour="run")
    assert asked == Cron(schedule.expression, BERLIN, "run")
    assert understood(text, BERLIN, after=NOW, otherwise="skip") == Cron(schedule.expression, BERLIN, "skip")


def test_a_time_that_the_clocks_will_skip_is_remarked_upon() -> None:
    day = "The clocks of Europe/Berlin skip 02:30 on 2027-03-28: a ping is expected"
    kubernetes = "Kubernetes, Rails and AWS skip it: for those, set skipped_hour to skip."
    assert remarks(read("30 2 * * *", BERLIN), after=NOW) == [
        f"{day} at 03:00 then, as Debian's cron runs it. {kubernetes}"
    ]
    assert remarks(read("30 2 * * * Europe/Berlin"), after=NOW) == [f"{day} on other days only."]
    for text in ("30 3 * * *", "30 2 * * 1-6", "30 2 1-27 3 *", "*/30 2 * * *", "30 2 * * * UTC", "02:30"):
        assert remarks(read(text, BERLIN), after=NOW) == []


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 23), st.integers(0, 59))
def test_awss_days_of_week_count_from_sunday(first: int, last: int, hour: int, minute: int) -> None:
    """Against the calendar itself: the due times of two weeks are on the days that AWS's documentation counts."""
    schedule = read(f"cron({minute} {hour} ? * {first}-{last} *)", "UTC")
    days = {day % 7 for day in range(first - 1, (last if first <= last else last + 7))}
    moment, found = NOW, set()
    while (due := next_due(schedule, moment)) and due < NOW + timedelta(days=15):
        assert (due.hour, due.minute) == (hour, minute)
        found.add(due.isoweekday() % 7)
        moment = due
    assert found == days
    assert [DAYS[day] for day in sorted(found)] == [DAYS[day] for day in sorted(days)]


FIELD = st.text("0123456789*/,-L#MONSUWALJH?", min_size=1, max_size=7)
SCHEDULE_TEXT = st.one_of(
    st.text(max_size=110),
    st.text("0123456789*/,-.~: LW#@?()\n\tMonTueSdailyevrcon", max_size=100),
    st.lists(FIELD, min_size=4, max_size=8).map(" ".join),
    st.lists(FIELD, min_size=5, max_size=7).map(lambda fields: f"cron({' '.join(fields)})"),
    st.builds("{} {}-{} {}:{}:{}".format, FIELD, FIELD, FIELD, FIELD, FIELD, FIELD),
    st.builds("{}:{} {}".format, FIELD, FIELD, st.text(max_size=20)),
    st.builds(
        "every {} at {}".format,
        st.sampled_from(["day", "monday", "weekday", "x"]),
        st.text("0123456789:apm", max_size=7),
    ),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(
            ["every 1.day, at: '", "every '", "cron: '", '@Scheduled(cron = "', "triggers { cron('", "rate: "]
        ),
        st.text("0123456789*/,- '\"\n:{}()amdo", max_size=40),
        st.sampled_from(["' do", '")', "') }", "\ntimeZone: UTC", ""]),
    ),
    st.builds(
        "{} {}".format,
        st.sampled_from(["@every", "@daily", "TZ=UTC", "OnCalendar="]),
        st.text("0123456789hms *", max_size=9),
    ),
)


@given(
    SCHEDULE_TEXT,
    st.sampled_from(["UTC", NEW_YORK, "Australia/Lord_Howe"]),
    st.integers(0, 36_500 * 86_400).map(lambda after: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=after)),
)
@settings(max_examples=800, deadline=None)
def test_any_text_is_a_schedule_with_a_future_or_refused_in_bounded_time(text: str, tz: str, after: datetime) -> None:
    begun = process_time()
    schedule: Schedule | None = None
    with suppress(ScheduleError):
        schedule = understood(text, tz, after=after)
    if schedule:
        due = next_due(schedule, after)
        assert due is not None
        assert due > after
        assert due.tzinfo is UTC
        assert validated(schedule, after=after) == schedule
        if not isinstance(schedule, Period):  # what is kept can be sent again: the file of `lastseen apply` stays true
            otherwise = schedule.skipped_hour if isinstance(schedule, Cron) else "run"
            assert understood(schedule.expression, schedule.tz, after=after, otherwise=otherwise) == schedule
    assert process_time() - begun < 1
