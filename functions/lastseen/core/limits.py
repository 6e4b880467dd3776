"""The limits of a check's settings, each in one place: a first ping, the API and a schedule refuse the same things.

Lives here: bounds of what people choose for a check, with their units in the names. Pure.
Never here: limits of what Lastseen does (tries, pages, bytes kept); those stand beside their use.
"""

from __future__ import annotations

import re

SECONDS = range(60, 31_536_001)
"""A period, a grace, a reminder: one minute to 365 days. A range, so that `value in SECONDS` is the whole rule."""

EARLY_SECONDS = range(86_401)
"""How early a success may come: nothing to a day."""

NAME_CHARS = 100
SLUG_CHARS = 100
TAGS_CHARS = 500
DESCRIPTION_CHARS = 4_000
KEYWORDS_CHARS = 200
CHANNELS_CHARS = 2_000
PROJECT_CHARS = 60

FLAP_LIMIT = 6
"""Flips in an hour with an alert each, unless a check asks for another number."""

CHECKS_PER_PROJECT = 20_000
"""More checks than that belong into several projects: each list, badge and digest reads all of one. A default:
a deployment may choose its own, by `-c checks_per_project`."""

PINGED_CHECKS_PER_DAY = 2_000
"""Checks of one project that first pings may create in a day of UTC: a ping key lies on the host of every job. A
default: a deployment may choose its own, by `-c pinged_checks_per_day`; 0 lets first pings create none."""

SCHEDULE_CHARS = 1_000
"""The text in which a schedule is sent: a crontab's line with its command, a unit's lines."""

EXPRESSION_CHARS = 100
"""A cron or OnCalendar expression, as it is kept; lines count together."""

ZONE_CHARS = 64
"""The longest real name of a time zone has 32."""

FLIPS_PER_HOUR = 100
"""The most that the flap limit of a check can be."""

CONTROL_CHARS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
"""Control characters but line ends and tabs, for a class of a regular expression: no text of ours holds them."""

NONCHARACTERS = "\ufdd0-\ufdef" + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
"""Code points that are no characters, for the same: no queue takes a message with U+FFFE or U+FFFF."""

REFUSED_TEXT = re.compile(f"[{CONTROL_CHARS}{NONCHARACTERS}\ud800-\udfff]")
"""What is in no text of ours: control characters, noncharacters, halves of characters."""

SLUG_PATTERN = r"[a-z0-9_-]"
"""One character of a slug."""
