"""Values as people read them: spans, instants, names and foreign text made harmless. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo

from lastseen.core.output import shortened

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_KEPT = frozenset("\n\t\u200c\u200d")
_WITHOUT_KEPT = dict.fromkeys(map(ord, _KEPT))
"""What stays although it is not printed: line ends, tabs, and the joiners of Persian, Indic scripts and emoji."""

_LETTERS = "ß:ss ẞ:SS æ:ae Æ:AE ø:o Ø:O œ:oe Œ:OE ł:l Ł:L đ:d Đ:D ð:d Ð:D þ:th Þ:Th \u0131:i \u20ac:EUR \u2192:->"
_LIKENESSES = {ord(letter): ascii_text for letter, ascii_text in (pair.split(":", 1) for pair in _LETTERS.split())} | {
    ord(mark): ascii_text
    for mark, ascii_text in zip("\u2018\u2019\u201c\u201d\u201e\u2010\u2011\u2013\u2014", '\'\'"""----', strict=True)
}
"""ASCII for what Unicode does not take apart."""

_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")


def span(length: timedelta) -> str:
    """Return a span as people say it, in its two largest units: "2 h 5 min", "45 s", "0.3 s"."""
    total = abs(length.total_seconds())
    if total < 1:
        return f"{total:.1f} s"
    seconds = int(total)
    for place, (size, unit) in enumerate(_UNITS):
        if seconds >= size:
            rest_size, rest_unit = _UNITS[min(place + 1, len(_UNITS) - 1)]
            rest = seconds % size // rest_size
            return f"{seconds // size} {unit}" + (f" {rest} {rest_unit}" if rest and rest_size < size else "")
    return "0 s"


def clock(moment: datetime, zone: tzinfo = UTC, *, zone_name: str = "UTC") -> str:
    """Return an instant on the clocks of a zone, and in UTC if that is another: to the second, day of week first."""
    utc = moment.astimezone(UTC)
    if zone_name in {"UTC", "Etc/UTC"}:
        return f"{utc:%a %Y-%m-%d %H:%M:%S} UTC"
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M:%S} {zone_name} ({_other_day(utc, zone)}{utc:%H:%M:%S} UTC)"


def short_clock(moment: datetime, zone: tzinfo = UTC, *, zone_name: str = "UTC") -> str:
    """Return an instant as `clock` does, to the minute: for sentences."""
    utc = moment.astimezone(UTC)
    if zone_name in {"UTC", "Etc/UTC"}:
        return f"{utc:%a %Y-%m-%d %H:%M} UTC"
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M} {zone_name} ({_other_day(utc, zone)}{utc:%H:%M} UTC)"


def _other_day(utc: datetime, zone: tzinfo) -> str:
    """Return the day in UTC where it is another one than in the zone."""
    return "" if utc.date() == utc.astimezone(zone).date() else f"{utc:%a} "


def harmless(text: str) -> str:
    """Return text without what could deceive a reader or a terminal: escapes, control and direction characters.

    Line ends and tabs stay.
    """
    if (
        text.isprintable() or text.translate(_WITHOUT_KEPT).isprintable()
    ):  # nearly always, and a hundred times faster to see
        return text
    text = _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(char if char in _KEPT or unicodedata.category(char)[0] != "C" else "\ufffd" for char in text)


def one_line(text: str, limit: int) -> str:
    """Return text on one line, cut to a number of characters with an ellipsis."""
    line = " ".join(harmless(text).split())
    return line if len(line) <= limit else line[: limit - 3].rstrip() + "..."


def cut(text: str, limit: int) -> str:
    """Return the beginning of a text, at most `limit` characters, with an ellipsis if that is not all."""
    return text if len(text) <= limit else text[: limit - 3].rstrip() + "..."


def plain(text: str, limit: int) -> str:
    """Return text on one line in ASCII: accents are dropped, what has no likeness becomes a question mark."""
    line = unicodedata.normalize("NFKD", one_line(text, limit * 4).translate(_LIKENESSES))
    if line.isascii():
        return cut(line, limit)
    ascii_line = "".join(char for char in line if not unicodedata.combining(char)).encode("ascii", "replace").decode()
    return one_line(ascii_line, limit)


def is_lost_in_ascii(text: str) -> bool:
    """Return whether `plain` cannot write all of a text."""
    return plain(text, len(text) * 4 + 1).count("?") > text.count("?")


def shown_output(body: bytes, limit: int) -> str:
    """Return a job's output, harmless, at most about `limit` characters: its head and its tail."""
    return shortened(harmless(body.decode(errors="replace")).strip("\n"), limit)
