"""What happened to a check, in words: the one source for alerts, digests and pages. Pure.

Never here: sentences around it (message.py), times of day (words.py).
"""

from __future__ import annotations

from lastseen.core.check import Check, Flip, Reason, Status, unique_key
from lastseen.text.words import is_lost_in_ascii, one_line, plain, span

NAME_LIMIT = 60
NOTE_LIMIT = 40
"""Characters of what is shown of a name, and of an exit status in words."""


def check_name(check: Check) -> str:
    """Return what a check is called: its name, else its slug, else the start of its public key."""
    return one_line(check.name, NAME_LIMIT) or check.slug or unique_key(check.id)[:12]


def ascii_name(check: Check) -> str:
    """Return what a check is called where only ASCII is allowed: what a name loses there, its slug or key has."""
    name = check_name(check)
    return (check.slug or unique_key(check.id)[:12]) if is_lost_in_ascii(name) else plain(name, NAME_LIMIT)


def happened(flip: Flip, *, brief: bool = False) -> str:
    """Return what a flip is about, as the end of a sentence that begins with the check's name.

    `brief`: without what differs from one check to the next, so that a digest can count it.
    """
    if flip.reason is Reason.MISSED:
        return "started but did not finish in time" if flip.started else "did not start in time"
    if flip.reason is Reason.FAILED:
        return "failed" if brief else "failed" + how_it_ended(flip)
    if flip.reason is Reason.STEADY:
        return f"stays {flip.status}" if brief else f"stays {flip.status}, no longer flapping"
    if flip.reason is Reason.PINGED:
        return _succeeded(flip, brief=brief)
    return {
        Reason.STUCK: "got stuck",
        Reason.REMINDED: "is still down",
        Reason.PAUSED: "was paused",
        Reason.RESUMED: "was resumed",
        Reason.DELETED: "was deleted",
        Reason.UNASSIGNED: "has other channels or tags now",
    }[flip.reason]


def shown_status(flip: Flip) -> Status:
    """Return the status as a flip's readers see it: for those who hear no more of a check it is as good as paused."""
    return Status.PAUSED if flip.reason is Reason.UNASSIGNED else flip.status


def how_it_ended(flip: Flip) -> str:
    """Return ", exit status 3", the end of "failed"; "" if the job did not say."""
    if flip.note:
        return f", {one_line(flip.note, NOTE_LIMIT)}"
    return f", exit status {flip.exit_status}" if flip.exit_status is not None else ""


def lasted(flip: Flip) -> str:
    """Return for how long it had been as it was."""
    return span(flip.at - flip.since) if flip.since else "an unknown time"


def _succeeded(flip: Flip, *, brief: bool) -> str:
    if flip.was is not Status.DOWN:
        return "succeeded for the first time" if flip.was is Status.NEW else "succeeded"
    return "is back" if brief or flip.since is None else f"is back after {lasted(flip)}"
