"""What a project of Healthchecks says, as settings of checks here, and what of it does not fit. Pure.

Source of the form: Healthchecks' management API, v1 to v3. What it shows of a check depends on the key: a read-write
key shows `ping_url`, whose last part is the UUID, and `channels`; a read-only key shows `unique_key` in their place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lastseen.core.ids import as_uuid
from lastseen.core.limits import DESCRIPTION_CHARS, REFUSED_TEXT
from lastseen_cli.output import one_line

_UNIQUE_KEY = re.compile(r"[0-9a-f]{40}", re.ASCII)
PAUSED = "paused"

TEXTS = ("name", "slug", "tags", "desc", "methods", "start_kw", "success_kw", "failure_kw", "schedule", "tz")
NUMBERS = ("timeout", "grace")
SWITCHES = ("manual_resume", "filter_subject", "filter_body", "filter_http_body", "filter_default_fail")
OTHERS = ("status", "ping_url", "update_url", "uuid", "unique_key", "channels", "subject", "subject_fail")
LEFT_OUT_EMPTY = ("slug", "schedule", "tz")
"""What says nothing where it is empty."""

BY_MAIL = "it takes pings by e-mail, which do not come here: let its job ping the URL"
TWINS = "another check has the slug {} too, so Healthchecks refused pings of it: it comes without a slug"
NOT_APART = "another check has the same {} and no UUID is shown, so the two cannot be told apart: use a read-write key"
TOO_LONG = f"its description is longer than {DESCRIPTION_CHARS:,} characters: the rest of it is left out"
CHANGED = "characters that are no text are left out of its {}"


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a check. `is_fault`: it does not come along."""

    name: str
    text: str
    is_fault: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """One check of the project, as it is to be here."""

    name: str  # as messages call it
    settings: Mapping[str, Any]  # as the API takes them, without channels
    uuid: str  # "" if the key may not see it
    unique_key: str  # the other way round
    channels: tuple[str, ...] | None  # ids of integrations; None: not shown
    is_paused: bool
    ping_base: str  # what its ping URL has before the UUID


@dataclass(frozen=True, slots=True)
class Integration:
    """A receiver of alerts: the API shows its name and kind, and not where it goes."""

    id: str
    name: str
    kind: str

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.kind} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a project comes to."""

    checks: tuple[Moved, ...]
    remarks: tuple[Remark, ...]
    integrations: tuple[Integration, ...]


class _WrongError(ValueError):
    """A document is not what Healthchecks writes."""


def read(checks: Sequence[Any], channels: Sequence[Any] | None) -> Reading:
    """Return what the documents of a project come to, and what is to be said of some."""
    moved: list[Moved] = []
    remarks: list[Remark] = []
    for number, document in enumerate(checks, 1):
        try:
            check, said = _moved(document, number)
        except _WrongError as error:
            remarks.append(Remark(_called(document, number), str(error), is_fault=True))
            continue
        moved.append(check)
        remarks += said
    apart, twins = _told_apart(moved)
    return Reading(tuple(apart), (*remarks, *twins), tuple(_integrations(channels or [])))


def _moved(document: Any, number: int) -> tuple[Moved, list[Remark]]:
    if not isinstance(document, Mapping):
        raise _WrongError("it is no check: Healthchecks writes an object for each")
    name = _called(document, number)
    values = _values(document)
    settings = {each: values[each] for each in (*TEXTS, *NUMBERS, *SWITCHES) if each in values}
    if "success_kw" not in values and (values.get("subject") or values.get("subject_fail")):  # of before 2022
        settings |= {"success_kw": values.get("subject", ""), "failure_kw": values.get("subject_fail", "")}
        settings["filter_subject"] = True
    if "timeout" not in settings and not settings.get("schedule"):
        raise _WrongError("it has neither a timeout nor a schedule")
    settings = {key: value for key, value in settings.items() if value or key not in LEFT_OUT_EMPTY}
    settings, texts = _fitting(settings)
    if settings.get("filter_subject") or settings.get("filter_body"):
        texts.append(BY_MAIL)
    uuid, ping_base = _identity(values)
    listed = values.get("channels")
    moved = Moved(
        name=name,
        settings=settings,
        uuid=uuid,
        unique_key=values.get("unique_key", ""),
        channels=None if listed is None else tuple(word.strip() for word in listed.split(",") if word.strip()),
        is_paused=values.get("status") == PAUSED,
        ping_base=ping_base,
    )
    return moved, [Remark(name, text) for text in texts]


def _values(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a document says, of the types that Healthchecks gives it; null says nothing. Raises _WrongError."""
    kinds: list[tuple[Iterable[str], type, str]] = [
        ((*TEXTS, *OTHERS), str, "text"),
        (NUMBERS, int, "a whole number"),
        (SWITCHES, bool, "true or false"),
    ]
    values: dict[str, Any] = {}
    for names, kind, words in kinds:
        for name in names:
            value = document.get(name)
            if value is None:
                continue
            if type(value) is not kind:
                raise _WrongError(f"its `{name}` is not {words}")
            values[name] = value
    if values.get("unique_key") and not _UNIQUE_KEY.fullmatch(values["unique_key"]):
        raise _WrongError("its `unique_key` is none")
    return values


def _identity(values: Mapping[str, Any]) -> tuple[str, str]:
    """Return the UUID and what stands before it in the ping URL; "" and "" if the key may not see them.

    The answers of old installations have no `uuid`, only URLs with it. Raises _WrongError for what is no UUID.
    """
    ping_url, update_url = values.get("ping_url", ""), values.get("update_url", "")
    base, _, tail = ping_url.rstrip("/").rpartition("/")
    word = values.get("uuid") or tail or update_url.rstrip("/").rpartition("/")[2]
    uuid = as_uuid(word)
    if word and not uuid:
        raise _WrongError("its ping URL does not end with a UUID")
    return uuid, base if as_uuid(tail) else ""


def _fitting(settings: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return settings in texts that can be kept here, and what is to be said of that."""
    said: list[str] = []
    fitting = dict(settings)
    for name in TEXTS:
        text = fitting.get(name, "")
        if clean := REFUSED_TEXT.sub("", text):
            fitting[name] = clean
        elif text:
            fitting[name] = ""
        if clean != text:
            said.append(CHANGED.format(name))
    if len(fitting.get("desc", "")) > DESCRIPTION_CHARS:
        fitting["desc"] = fitting["desc"][:DESCRIPTION_CHARS]
        said.append(TOO_LONG)
    return fitting, said


def _told_apart(checks: Sequence[Moved]) -> tuple[list[Moved], list[Remark]]:
    """Return the checks, each once and with a slug of its own or none, and what is to be said of the others."""
    slugs = Counter(check.settings["slug"] for check in _once(checks) if "slug" in check.settings)
    apart: list[Moved] = []
    remarks: list[Remark] = []
    seen: set[tuple[str, str]] = set()
    for listed in _once(checks):
        slug, check = listed.settings.get("slug", ""), listed
        if slugs[slug] > 1:
            remarks.append(Remark(check.name, TWINS.format(slug)))
            check = replace(check, settings={key: each for key, each in check.settings.items() if key != "slug"})
        if not check.uuid:
            field = "slug" if "slug" in check.settings else "name"
            identity = (field, check.settings.get(field, ""))
            if identity in seen:
                remarks.append(Remark(check.name, NOT_APART.format(field), is_fault=True))
                continue
            seen.add(identity)
        apart.append(check)
    return apart, remarks


def _once(checks: Iterable[Moved]) -> list[Moved]:
    """Return the checks, one that is listed twice only once."""
    found: dict[str, Moved] = {}
    for number, check in enumerate(checks):
        found.setdefault(check.uuid or check.unique_key or str(number), check)
    return list(found.values())


def _integrations(channels: Sequence[Any]) -> Iterable[Integration]:
    for channel in channels:
        if isinstance(channel, Mapping) and isinstance(channel.get("id"), str):
            name, kind = (str(channel.get(field) or "") for field in ("name", "kind"))
            yield Integration(channel["id"], name, kind)


def _called(document: Any, number: int) -> str:
    """Return what messages call a check."""
    names = [document.get(field) for field in ("name", "slug")] if isinstance(document, Mapping) else []
    named = (one_line(name) for name in names if isinstance(name, str))
    return next((name for name in named if name), "") or f"check {number} of the list"
