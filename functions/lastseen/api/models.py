"""What a request may say: Pydantic models, strict as the peer is, and their first error in words.

No null, no number as text, no fraction where whole seconds are meant; what is not known is ignored.
Limits of settings: core/limits.py; of requests: here.
The OpenAPI document is made from these models: a description here is one there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic.types import AwareDatetime

from lastseen.api.errors import BadRequestError
from lastseen.core.channel import ALL_CHANNELS
from lastseen.core.keys import PING_KEY_CHARS, Scope
from lastseen.core.limits import (
    CHANNELS_CHARS,
    CONTROL_CHARS,
    DESCRIPTION_CHARS,
    EARLY_SECONDS,
    FLIPS_PER_HOUR,
    KEYWORDS_CHARS,
    NAME_CHARS,
    PROJECT_CHARS,
    REFUSED_TEXT,
    SCHEDULE_CHARS,
    SECONDS,
    SLUG_CHARS,
    SLUG_PATTERN,
    TAGS_CHARS,
    ZONE_CHARS,
)

BODY_LIMIT_BYTES = 100_000
PAGE_LIMIT = 1_000
CURSOR_LIMIT = 500
UUID_CHARS = 36
BULK_LIMIT = 100
TIME_LIMITS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))

_LINE = rf"^[^{CONTROL_CHARS}]*$"
_SLUG = rf"^{SLUG_PATTERN}*$"
_PROJECT = r"^[a-z0-9][a-z0-9-]*$"
_PATTERNS = {
    _LINE: "may hold line ends and tabs, but no other control character",
    _SLUG: "may hold a-z, 0-9, hyphens and underscores only",
    _PROJECT: "may hold a-z, 0-9 and hyphens only, and begins with a letter or digit",
}

Seconds = Annotated[int, Field(ge=SECONDS[0], le=SECONDS[-1])]

Line = Annotated[str, StringConstraints(pattern=_LINE)]
"""Text without control characters; line ends and tabs are fine."""
Name = Annotated[Line, StringConstraints(max_length=NAME_CHARS)]
Slug = Annotated[str, StringConstraints(max_length=SLUG_CHARS, pattern=_SLUG)]
Keywords = Annotated[Line, StringConstraints(max_length=KEYWORDS_CHARS)]
Channels = Annotated[Line, StringConstraints(max_length=CHANNELS_CHARS)]
Project = Annotated[str, StringConstraints(min_length=1, max_length=PROJECT_CHARS, pattern=_PROJECT)]


def _none_or_a_minute(value: int) -> int:
    if 0 < value < SECONDS[0]:
        raise ValueError(f"must be 0 or at least {SECONDS[0]}")
    return value


def _whole(value: object) -> object:
    """Let a query's number be written in digits alone: no sign, blank, point or underscore."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value, re.ASCII) else value


DIGITS = BeforeValidator(_whole)
"""Of a number in a query."""


def _texts(value: object) -> Iterator[str]:
    """Return all texts in a field's value; what a model in it holds, that model looks at."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        yield from _texts([*value, *value.values()])


class Model(BaseModel):
    """What a request says. None of its texts holds a noncharacter, in no field of any model."""

    model_config = ConfigDict(strict=True, extra="ignore", use_attribute_docstrings=True)

    @field_validator("*", mode="after")
    @classmethod
    def _is_storable(cls, value: object) -> object:
        if any(REFUSED_TEXT.search(text) for text in _texts(value)):
            raise ValueError("must have no control character, and no code point that is no character, such as U+FFFF")
        return value


class CheckRequest(Model):
    """Settings of a check; only those that are sent count (`model_fields_set`)."""

    api_key: str = ""
    """The key, for clients that cannot send the header X-Api-Key."""
    name: Name = ""
    slug: Slug = ""
    """Short name for ping URLs. Versions 1 and 2 derive it from `name` where that is sent without `slug`."""
    tags: Annotated[Line, StringConstraints(max_length=TAGS_CHARS)] = ""
    """Separated by blanks."""
    desc: Annotated[Line, StringConstraints(max_length=DESCRIPTION_CHARS)] = ""
    """What to do when it goes down: alerts bring it."""
    timeout: Seconds = 86_400
    """Seconds from one success to the next."""
    grace: Seconds = 3_600
    """Seconds that a success may be late, or a run may take, before an alert is sent."""
    schedule: Annotated[Line, StringConstraints(min_length=1, max_length=SCHEDULE_CHARS)] = ""
    """Instead of `timeout`, and stronger: cron, systemd's OnCalendar, or what your own scheduler has, see
    docs/schedules.md. What is kept of it has at most 100 characters."""
    tz: Annotated[Line, StringConstraints(max_length=ZONE_CHARS)] = "UTC"
    """Time zone of `schedule`, like Europe/Berlin; one that stands in `schedule` itself is stronger. Of a check with
    a `timeout` it is kept for a later `schedule`."""
    skipped_hour: Literal["", "run", "skip"] = ""
    """What the job's scheduler does with a time of cron that the clocks skip in spring: `run` it when the gap ends
    (Debian's cron) or `skip` it (Kubernetes, Rails, AWS). Empty: as the dialect of `schedule` does; if that leaves it
    open, it stays as it is, at first `run`. Of a check with a cron schedule only."""
    early: Annotated[int, Field(ge=EARLY_SECONDS[0], le=EARLY_SECONDS[-1])] | None = None
    """Seconds before a time of `schedule` from which on a success counts for it, at most half the interval; null: a
    twentieth of the interval, at most 300. It is the start of a run that counts, where that is known."""
    manual_resume: bool = False
    """Whether a ping of a paused check is ignored."""
    methods: Literal["", "POST"] = ""
    """POST: pings by other methods are logged and ignored."""
    channels: Channels = ALL_CHANNELS
    """Who is notified: `*` all channels of the project, empty none, or ids or names with commas between. A new check
    without this field gets those that the project gives to new checks: all, unless set otherwise."""
    unique: list[Literal["name", "slug", "tags", "timeout", "grace"]] = []
    """At creation: update the check that has the same values here, if there is one."""
    uuid: Annotated[str, StringConstraints(max_length=UUID_CHARS)] = ""
    """At creation: the UUID that the check is to have, a random one (version 4) that jobs ping already. Refused if a
    check of any project has it, or one that was deleted and whose history is still kept, and if `unique` matches a
    check with another. Empty: a new one is made."""
    start_kw: Keywords = ""
    """With `filter_http_body`: words, with commas between, by which a ping's body says that a run starts."""
    success_kw: Keywords = ""
    failure_kw: Keywords = ""
    subject: Keywords = ""
    """The older name of `success_kw`; sets `filter_subject`."""
    subject_fail: Keywords = ""
    """The older name of `failure_kw`; sets `filter_subject`."""
    filter_subject: bool = False
    """For pings by e-mail; kept, without effect."""
    filter_body: bool = False
    """For pings by e-mail; kept, without effect."""
    filter_http_body: bool = False
    """Whether the words in a ping's body decide what it says."""
    filter_default_fail: bool = False
    """With `filter_http_body`: whether a body without any of the words is a failure; else it is ignored."""
    reminder: Annotated[int, Field(ge=0, le=SECONDS[-1]), AfterValidator(_none_or_a_minute)] = 0
    """Seconds after which an alert is sent again while it is down; 0: no reminders."""
    snoozed_until: Annotated[AwareDatetime, Field(ge=TIME_LIMITS[0], lt=TIME_LIMITS[1])] | None = None
    """No reminders until then."""
    flap_limit: Annotated[int, Field(ge=0, le=FLIPS_PER_HOUR)] = 6
    """Changes between up and down in an hour with an alert each; more are alerted as flapping. 0: an alert for each."""


class BulkEntry(CheckRequest):
    """One of many checks: the settings of a new one, or those that are changed of the one that `change` names."""

    change: Annotated[str, StringConstraints(max_length=UUID_CHARS)] = ""
    """The UUID of the check that is changed. Empty: one is made, or updated by `unique`, as by a request of its own."""


class BulkRequest(Model):
    """Many checks to be made and changed, one after the other."""

    api_key: str = ""
    checks: Annotated[list[BulkEntry], Field(max_length=BULK_LIMIT)]
    """Each is answered for itself, in this order."""


class BulkEnvelope(Model):
    """The same, whose entries are not looked at yet: one that is wrong is refused alone."""

    checks: Annotated[list[Any], Field(max_length=BULK_LIMIT)]

    @field_validator("*", mode="after")
    @classmethod
    def _is_storable(cls, value: object) -> object:
        return value


class CheckQuery(Model):
    """Which checks."""

    slug: Annotated[str, StringConstraints(max_length=SLUG_CHARS)] | None = None
    """Only those that have this slug."""
    tag: list[Annotated[str, StringConstraints(max_length=TAGS_CHARS)]] = []
    """Only those that have this tag; may be repeated, then all of them."""
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT), DIGITS] | None = None
    """At most so many, and `next` to go on."""
    cursor: Annotated[str, StringConstraints(max_length=CURSOR_LIMIT)] = ""
    """The `next` of the page before."""


class WriteQuery(Model):
    """How to write."""

    dry_run: Literal["0", "1"] = "0"
    """1: refuse what would be refused, answer with what would be, and write nothing."""


class PingQuery(Model):
    """Which pings."""

    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT), DIGITS] = 100
    """At most so many."""
    before: Annotated[int, Field(ge=1, le=10**12), DIGITS] | None = None
    """Only those with a smaller number: the `n` of the last one that was seen, to go on."""


class FlipQuery(Model):
    """Which changes of status."""

    seconds: Annotated[int, Field(ge=0, le=SECONDS[-1]), DIGITS] | None = None
    """Only those of the last so many seconds."""
    start: Annotated[int, Field(ge=0), DIGITS] | None = None
    """Only those at or after this time, in seconds since 1970."""
    end: Annotated[int, Field(ge=0), DIGITS] | None = None
    """Only those before this time, in seconds since 1970."""


class ProjectQuery(Model):
    """Which project, for requests that are signed with AWS credentials."""

    project: Project = "default"


class KeyRequest(Model):
    """A key to be made."""

    api_key: str = ""
    scope: Scope = Scope.WRITE
    """"rw" may do all in its project, "ro" may read, "ping" is for ping URLs by slug."""
    name: Name = ""
    """Who uses it, so that it can be revoked later without guessing."""
    key: Annotated[str, StringConstraints(max_length=PING_KEY_CHARS[-1])] = ""
    """With the scope "ping": a ping key that jobs have already, for example Healthchecks', of at least 20 characters of
    A-Z, a-z, 0-9, - and _. Empty: a new one is made."""


class ProjectRequest(Model):
    """A project's choices; only those that are sent count."""

    channels: Channels = ALL_CHANNELS
    """What a check gets that is made without channels of its own: `*` all, empty none, or ids or names by comma."""


class NewProjectRequest(ProjectRequest):
    """A project to be made."""

    name: Project


M = TypeVar("M", bound=Model)


def read_body(model: type[M], body: bytes) -> M:
    """Return a request's body as a model; an empty body says nothing. Raises BadRequestError naming the first fault."""
    checked_size(body)
    try:
        return model.model_validate_json(body) if body.strip() else model()
    except ValidationError as error:
        raise BadRequestError(_first(error)) from error


def checked_size(body: bytes) -> bytes:
    """Return a body that is small enough to be read. Raises BadRequestError."""
    if len(body) > BODY_LIMIT_BYTES:
        raise BadRequestError(f"body: at most {BODY_LIMIT_BYTES} bytes, this one has {len(body)}")
    return body


def read_query(model: type[M], query: Mapping[str, list[str]]) -> M:
    """Return a query as a model; of a parameter that comes twice, the last. Raises BadRequestError."""
    asked: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if query.get(name):
            many = get_origin(field.annotation) is list
            asked[name] = query[name] if many else query[name][-1]
    try:
        return model.model_validate(asked)
    except ValidationError as error:
        raise BadRequestError(_first(error)) from error


# --- Pydantic's faults in our words ---

_WORDS = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "too_long": "must have at most {max_length} entries",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "missing": "is missing",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "datetime_type": "must be a time like 2026-03-02T12:00:00Z",
    "datetime_parsing": "must be a time like 2026-03-02T12:00:00Z",
    "datetime_from_date_parsing": "must be a time like 2026-03-02T12:00:00Z",
    "timezone_aware": "must name its zone, like 2026-03-02T12:00:00Z",
    "model_type": "must be a JSON object",
    "json_invalid": "is no JSON: {error}",
    "value_error": "{error}",
}


def _first(error: ValidationError) -> str:
    """Return the first fault in a sentence that begins with the field's name."""
    fault = error.errors(include_url=False, include_input=False)[0]
    kind, context = fault["type"], fault.get("ctx", {})
    place = ".".join(str(part) for part in fault["loc"]) or "body"
    if kind == "string_pattern_mismatch":
        return f"{place} {_PATTERNS[context['pattern']]}"
    return f"{place} {_WORDS[kind].format(**context)}" if kind in _WORDS else f"{place}: {fault['msg']}"
