"""The alert of one check: subject, e-mail, SMS and the JSON event, from a flip and the check that it is about.

Lives here: the words about one check. The subject says which job and what happened; the first sentence says it in full,
with since when; then what to do; then what is known. Pure.
Never here: many checks at once (digest.py), Lastseen about itself (own.py), who is notified (alerting), how it is sent
(aws/topic.py, delivery/), a ping URL or an id that reveals one.
Read next: event.py (the same for programs), markdown.py (the same for chats, from the event).

Limits, of SNS: a subject has fewer than 100 characters, all ASCII; all parts together are under 256 KB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from lastseen.core.channel import ENDED_BY_HAND, concerned
from lastseen.core.check import Check, Flip, Reason, Status, event_id, unique_key
from lastseen.core.history import Recorded
from lastseen.core.log import FLAP_SPAN
from lastseen.core.runs import awaits_retry
from lastseen.core.schedule import Cron, OnCalendar, Period
from lastseen.core.zones import ZoneError, zone
from lastseen.text.error_line import error_line
from lastseen.text.event import Event, EventCheck, FlipEvent, to_json
from lastseen.text.happened import NAME_LIMIT, ascii_name, check_name, happened, how_it_ended, lasted, shown_status
from lastseen.text.likely import likely_cause
from lastseen.text.usual import last_heard, sender_of, usual
from lastseen.text.words import clock, cut, harmless, one_line, plain, short_clock, shown_output, span

SUBJECT_LIMIT = 99
SMS_LIMIT = 140
OUTPUT_LIMIT = 2_000
ABOUT_LIMIT = 2_000
ALSO_DOWN_LIMIT = 10
"""Characters, or names, of the parts of an alert."""

Attributes = dict[str, str | list[str]]

TODO = "What to do:"

ASTRAY = "none of this check takes it, so it goes to the project's default channels; see `lastseen checks show`"

BOTH = [str(Status.DOWN), str(Status.UP)]
"""The status of messages that concern everybody who gets alerts of either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What people are to be notified of: a flip, and what is known around it."""

    check: Check  # as it is now
    flip: Flip
    about: str = ""  # the check's description: the runbook
    cause: Flip | None = None  # what began the incident that this flip repeats or ends
    also_down: tuple[str, ...] = ()  # names of other checks of the project that are down
    astray: bool = False  # no channel of its own is there to take it, so it goes to the project's default channels
    recent: tuple[Recorded, ...] = ()  # its last pings, newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One publication, in the form of each protocol."""

    subject: str
    email: str
    sms: str
    event: Event
    attributes: Attributes = field(default_factory=dict)  # what filters look at

    @property
    def document(self) -> dict[str, Any]:
        """The event as it is published."""
        return to_json(self.event)


def flipped(alert: Alert, *, now: datetime, site_url: str, channels: Sequence[str] | None = None) -> Message:
    """Return the message of one flip; `channels`: ids of those that it is for, None if that was not decided."""
    check, flip = alert.check, alert.flip
    headline = _headline(alert)
    subject = plain(f"{_shout(flip)}: {ascii_name(check)}{headline}", SUBJECT_LIMIT)
    lead = _lead(alert, now)
    todo = _todo(alert)
    output = shown_output(flip.body, OUTPUT_LIMIT)
    hint = likely_cause(check, flip, alert.recent, zone_name=_zone(check)[1])
    sentences = f"{lead}\n\nLikely cause: {hint}" if hint else lead
    email = _email(sentences, _facts(alert, site_url), output, todo, output_first=flip.reason is Reason.FAILED)
    words = {"subject": subject, "lead": lead, "hint": hint, "todo": todo, "output": output, "text": email}
    event = _event(alert, site_url, channels=channels, **words)
    return Message(
        subject=subject,
        email=email,
        sms=sms(subject, flip),
        event=event,
        attributes=attributes(check, [str(status) for status in concerned(flip)], channels),
    )


def _event(  # one word of the message each
    alert: Alert,
    site_url: str,
    *,
    subject: str,
    lead: str,
    hint: str,
    todo: str,
    output: str,
    text: str,
    channels: Sequence[str] | None,
) -> FlipEvent:
    check, flip = alert.check, alert.flip
    ran, heard = usual(alert.recent, flip.at), last_heard(alert.recent, flip.at)
    return FlipEvent(
        id=event_id(check.id, flip.n),
        incident=event_id(check.id, flip.incident) if flip.incident else None,
        status=shown_status(flip),
        was=flip.was,
        reason=flip.reason,
        flapping=flip.flapping,
        at=flip.at,
        since=flip.since,
        expected=flip.expected,
        started=flip.started,
        open_runs=flip.runs,
        last_ping=flip.last_ping,
        held_seconds=flip.held.total_seconds() if flip.held else None,
        duration_seconds=flip.duration.total_seconds() if flip.duration is not None else None,
        exit_status=flip.exit_status,
        note=flip.note or None,
        output=output or None,
        error=error_line(output) or None,
        last_address=heard.address or None if heard else None,
        last_agent=heard.agent or None if heard else None,
        runs_count=ran.runs if ran else None,
        runs_good=ran.good if ran else None,
        usual_seconds=ran.takes.total_seconds() if ran and ran.takes is not None else None,
        about=cut(harmless(alert.about).strip(), ABOUT_LIMIT) or None,
        also_down=tuple(one_line(name, NAME_LIMIT) for name in alert.also_down[:ALSO_DOWN_LIMIT]),
        also_down_count=len(alert.also_down),
        project=check.project,
        check=_event_check(check, _page_of(alert, site_url)),
        subject=subject,
        title=f"{_shout(flip)}: {check_name(check)}{_headline(alert)}",
        lead=lead,
        hint=hint or None,
        todo=todo or None,
        text=text,
        channels=None if channels is None else tuple(channels),
    )


def _page_of(alert: Alert, site_url: str) -> str:
    """Return the address of the check's page; "" if there is none any more."""
    return "" if alert.flip.reason is Reason.DELETED else check_url(alert.check, site_url)


def _event_check(check: Check, url: str) -> EventCheck:
    return EventCheck(
        key=unique_key(check.id),
        name=check_name(check),
        slug=check.slug,
        project=check.project,
        tags=tuple(check.tags.split()),
        url=url,
    )


def what_happened(check: Check, flip: Flip, *, brief: bool = False) -> str:
    """Return what happened, as the end of a sentence that begins with the check's name."""
    if flip.flapping:
        often = f"changed more than {check.flap_limit} times in an hour"
        return "is flapping" if brief else f"{often}, now {flip.status}"
    if flip.reason is Reason.STUCK and awaits_retry(check, flip.started):
        return "was not retried in time"
    return happened(flip, brief=brief)


def since(flip: Flip) -> str:
    """Return "expected 2026-03-03 02:00 UTC": the one moment that says most of a flip."""
    word, moment = "at", flip.at
    if flip.reason is Reason.STUCK and flip.started:
        word, moment = "running since", flip.started
    elif flip.reason is Reason.MISSED and flip.expected:
        word, moment = "expected", flip.expected
    elif flip.reason is Reason.REMINDED and flip.since:
        word, moment = "since", flip.since
    return f"{word} {moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def sms(subject: str, flip: Flip) -> str:
    """Return the SMS of a message with that subject."""
    moment = since(flip)
    return plain(f"{subject}. {moment[0].upper()}{moment[1:]}", SMS_LIMIT)


def check_url(check: Check, site_url: str) -> str:
    """Return the address of a check's page."""
    return f"{site_url}/checks/{unique_key(check.id)}"


def attributes(check: Check, statuses: list[str], channels: Sequence[str] | None = None) -> Attributes:
    """Return what filters of subscriptions look at. SNS takes no empty value, so what is empty is left out."""
    values: Mapping[str, str | list[str]] = {
        "project": check.project,
        "status": statuses,
        "check": ascii_name(check),
        "tags": harmless(check.tags).split(),
        "channels": [channel.strip() for channel in check.channels.split(",") if channel.strip()],
        "channel_ids": list(channels or ()),
    }
    return {name: value for name, value in values.items() if value}


def indented(text: str) -> str:
    """Return text as a block within a mail."""
    return "\n".join(f"  {line}".rstrip() for line in text.split("\n"))


# --- The words ---


def _shout(flip: Flip) -> str:
    if flip.reason is Reason.REMINDED:
        return f"STILL DOWN for {lasted(flip)}"
    if flip.reason in ENDED_BY_HAND:
        return str(flip.reason).upper()
    return "FLAPPING" if flip.flapping else str(flip.status).upper()


def _headline(alert: Alert) -> str:
    """Return the end of the subject, which begins with the check's name. A reminder says again what had happened."""
    if alert.flip.reason is not Reason.REMINDED:
        return f" {in_short(alert.check, alert.flip)}"
    known = alert.cause and not alert.cause.flapping
    return f" {in_short(alert.check, alert.cause)}" if alert.cause and known else ""


def in_short(check: Check, flip: Flip) -> str:
    """Return what happened, with the line that names the error, where one can be found, in place of the exit status."""
    error = error_of(flip)
    return f"failed: {error}" if error and not flip.flapping else what_happened(check, flip)


def error_of(flip: Flip) -> str:
    """Return the line of a failed run's output that names the error, "" if there is none."""
    return error_line(shown_output(flip.body, OUTPUT_LIMIT)) if flip.reason is Reason.FAILED else ""


def _lead(alert: Alert, now: datetime) -> str:
    """Return what happened in whole sentences: what somebody reads first who was just woken up."""
    check, flip = alert.check, alert.flip
    name, at = check_name(check), _short(check)
    if flip.flapping:
        return (
            f"{name} went up and down more than {check.flap_limit} times within an hour. Now it is {flip.status}, "
            f"since {at(flip.at)}. There are no more alerts of it until it has not changed for {span(FLAP_SPAN)}."
        )
    if flip.reason is Reason.MISSED:
        return f"{_missed(alert, now)}{_usually(alert)}"
    if flip.reason is Reason.STUCK and awaits_retry(check, flip.started):
        retry = f"its retry had to start within {span(check.grace)} of that, and did not"
        return f"{name} started at {at(flip.started)}. That attempt is over, but {retry}.{_usually(alert)}"
    if flip.reason is Reason.STUCK:
        which = f"Of {flip.runs} open runs of {name} the oldest" if flip.runs > 1 else name
        had = f"and had {span(check.grace)} to finish"
        started = f"{which} started at {at(flip.started)} {had}."
        return f"{started} It is still running, or it died without reporting it.{_usually(alert)}"
    if flip.reason in ENDED_BY_HAND:
        return _ended_by_hand(alert, name, at)
    if flip.reason is Reason.FAILED:
        ran = f", after running for {span(flip.duration)}" if flip.duration is not None else ""
        return f"{name} reported at {at(flip.at)} that it failed{how_it_ended(flip)}{ran}.{_usually(alert)}"
    if flip.reason is Reason.REMINDED:
        again = f" You will be notified every {span(check.reminder)}." if check.reminder else ""
        return f"{name} is down since {at(flip.since)}{_because(alert)}.{again}"
    if flip.reason is Reason.STEADY:
        return f"{name} flapped, and has not changed for {span(FLAP_SPAN)}: it is {flip.status} since {at(flip.since)}."
    back = f"{name} reported success at {at(flip.at)}."
    return f"{back} It was down for {lasted(flip)}{_because(alert)}." if flip.since else back


def _ended_by_hand(alert: Alert, name: str, at: Callable[[datetime | None], str]) -> str:
    flip = alert.flip
    if flip.reason is Reason.UNASSIGNED:
        is_down = flip.status is Status.DOWN
        state = f"is still down, since {at(flip.since)}{_because(alert)}" if is_down else "still flaps"
        changed = f"The channels or tags of {name} were changed at {at(flip.at)}"
        return f"{changed}, so its alerts do not come here any more. It {state}."
    over = ", although the job did not succeed" if flip.was is Status.DOWN else ""
    return f"{name} was {flip.reason} by hand at {at(flip.at)}, and is not watched now. This incident is over{over}."


def _missed(alert: Alert, now: datetime) -> str:
    check, flip = alert.check, alert.flip
    name, at = check_name(check), _short(check)
    late = f" It is {span(now - flip.expected)} late." if flip.expected else ""
    grace = f"with {span(check.grace)} of grace"
    if flip.started:
        done = f"was expected to be done by {at(flip.expected)}, {grace}"
        return f"{name} started at {at(flip.started)}, but {done}.{late}"
    heard = f"It last pinged at {at(flip.last_ping)}{_from(alert)}." if flip.last_ping else "It has never pinged."
    return f"{name} was expected at {at(flip.expected)}, {grace}.{late} {heard}"


def _from(alert: Alert) -> str:
    """Return ", from 10.0.3.7 (lastseen-exec/1.0)": who sent the last ping."""
    heard = last_heard(alert.recent, alert.flip.at)
    sender = sender_of(heard) if heard else ""
    return f", from {sender}" if sender else ""


def _usually(alert: Alert) -> str:
    """Return a sentence on how its runs went before."""
    ran = usual(alert.recent, alert.flip.at)
    return f" {ran.words[0].upper()}{ran.words[1:]}." if ran else ""


def _short(check: Check) -> Callable[[datetime | None], str]:
    """Return how to write an instant in a sentence about a check: in its zone, and in UTC."""
    zone, zone_name = _zone(check)
    return lambda moment: short_clock(moment, zone, zone_name=zone_name) if moment else "an unknown time"


def _because(alert: Alert) -> str:
    return f": it {what_happened(alert.check, alert.cause)}" if alert.cause and not alert.cause.flapping else ""


def _todo(alert: Alert) -> str:
    """Return the description, or what to do where nobody wrote one; "" where there is nothing to do."""
    flip = alert.flip
    if shown_status(flip) is not Status.DOWN:
        return ""
    about = cut(harmless(alert.about).strip(), ABOUT_LIMIT)
    if about or flip.flapping:
        return about
    if awaits_retry(alert.check, flip.started):
        hung = "Check whether its queue still runs and holds the retry. If not, run it again."
    else:
        hung = "Check whether it is still running. If it hangs, end it and run it again."
    first = {
        Reason.MISSED: "Check whether its scheduler started it, and whether its host is up and reaches Lastseen.",
        Reason.STUCK: hung,
        Reason.FAILED: _look_at_output(alert),
    }.get(flip.reason, "Fix the cause, and run it again.")
    return f"{first}\nIts next success ends this alert."


def _look_at_output(alert: Alert) -> str:
    """Return where the cause is found: in the output, if there is one."""
    if alert.flip.body:
        return "Read its output, fix the cause, and run it again."
    heard = last_heard(alert.recent, alert.flip.at)
    where = f"the host that it pinged from, {heard.address}" if heard and heard.address else "the host that it runs on"
    return f"It sent no output. Read its own log on {where}, fix the cause, and run it again."


def _facts(alert: Alert, site_url: str) -> list[tuple[str, str]]:
    """Return the lines below the sentences, most useful first; those of which nothing is known are left out."""
    check, flip = alert.check, alert.flip
    zone, zone_name = _zone(check)

    def at(moment: datetime | None) -> str:
        return clock(moment, zone, zone_name=zone_name) if moment else ""

    late = flip.reason in {Reason.MISSED, Reason.STUCK}
    ended = flip.reason in {Reason.FAILED, Reason.PINGED}
    ran, heard = usual(alert.recent, flip.at), last_heard(alert.recent, flip.at)
    said = flip.reason is Reason.MISSED and not flip.started  # in the first sentences
    unheard = f"Lastseen heard no pings for {span(flip.held)} of the wait" if flip.held else ""
    facts = [
        ("Also down", _also_down(alert)),
        ("Expected", at(flip.expected) if flip.reason is Reason.MISSED else ""),
        ("Started", at(flip.started)),
        ("Deadline" if late else "Time", at(flip.at)),
        ("Down since", at(flip.since) if flip.was is Status.DOWN else ""),
        ("Schedule", _schedule(check)),
        ("Last ping", at(flip.last_ping) or ("never" if late else "")),
        ("Run took" if ended else "Last run took", span(flip.duration) if flip.duration is not None else ""),
        ("Came from" if ended else "Last ping from", sender_of(heard) if heard and not said else ""),
        ("Runs before", ran.words if ran and flip.reason is Reason.REMINDED else ""),
        ("Exit status", str(flip.exit_status) if flip.exit_status else one_line(flip.note, NAME_LIMIT)),
        ("Caution", unheard),
        ("Channels", ASTRAY if alert.astray else ""),
        ("Project", check.project),
        ("Tags", one_line(check.tags, 200)),
        ("Check", _page_of(alert, site_url)),
        ("Event", event_id(check.id, flip.n) + _refers(check, flip)),
    ]
    return [(name, value) for name, value in facts if value]


def _also_down(alert: Alert) -> str:
    others = ", ".join(one_line(name, NAME_LIMIT) for name in alert.also_down[:ALSO_DOWN_LIMIT])
    more = len(alert.also_down) - ALSO_DOWN_LIMIT
    return others + (f" and {more} more" if more > 0 else "")


def _refers(check: Check, flip: Flip) -> str:
    if flip.incident is None or flip.incident == flip.n:
        return ""
    word = "about" if shown_status(flip) is Status.DOWN else "ends"
    return f", {word} {event_id(check.id, flip.incident)}"


def _schedule(check: Check) -> str:
    schedule = check.schedule
    if isinstance(schedule, Period):
        return f"every {span(schedule.period)}"
    kind = "cron" if isinstance(schedule, Cron) else "OnCalendar"
    lines = "; ".join(schedule.expression.splitlines())
    return one_line(f"{kind} {lines}, {schedule.tz}", 200)


def _zone(check: Check) -> tuple[tzinfo, str]:
    """Return the zone of a check's clocks; UTC if it has none, or one that is broken."""
    if isinstance(check.schedule, Cron | OnCalendar):
        try:
            return zone(check.schedule.tz), check.schedule.tz
        except ZoneError:
            pass
    return UTC, "UTC"


# --- The mail ---


def _email(lead: str, facts: Sequence[tuple[str, str]], output: str, todo: str, *, output_first: bool) -> str:
    """Return the mail's body. Its subject stands right above it, so it begins with the sentences, not with that."""
    width = max(len(name) for name, _ in facts)
    said = f"Its last output:\n{indented(output)}" if output else ""
    parts = [
        lead,
        said if output_first else "",
        f"{TODO}\n{indented(todo)}" if todo else "",
        "\n".join(f"{name + ':':<{width + 2}}{value}" for name, value in facts),
        "" if output_first else said,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
