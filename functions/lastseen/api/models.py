"""What a request may say: Pydantic models, strict as the peer is, and their first error in words.

No null, no number as text, no fraction where whole seconds are meant; what is not known is ignored. Limits stand here.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.types import AwareDatetime

from lastseen.api.errors import BadRequestError
from lastseen.keys import Scope

SECONDS_LIMITS = (60, 31_536_000)
NAME_LIMIT = SLUG_LIMIT = SCHEDULE_LIMIT = 100
KEYWORDS_LIMIT = 200
TAGS_LIMIT = 500
ABOUT_LIMIT = 4_000
CHANNELS_LIMIT = 2_000
BODY_LIMIT = 100_000

Seconds = Annotated[int, Field(ge=SECONDS_LIMITS[0], le=SECONDS_LIMITS[1])]
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
"""Text without control characters; line ends and tabs are fine."""
Name = Annotated[Line, StringConstraints(max_length=NAME_LIMIT)]
Slug = Annotated[str, StringConstraints(max_length=SLUG_LIMIT, pattern=r"^[a-z0-9_-]*$")]
Keywords = Annotated[Line, StringConstraints(max_length=KEYWORDS_LIMIT)]
Project = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Model(BaseModel):
    """A request's body."""

    model_config = ConfigDict(strict=True, extra="ignore")


class CheckRequest(Model):
    """Settings of a check; only those that are sent count (`model_fields_set`)."""

    api_key: str = ""
    name: Name = ""
    slug: Slug = ""
    tags: Annotated[Line, StringConstraints(max_length=TAGS_LIMIT)] = ""
    desc: Annotated[Line, StringConstraints(max_length=ABOUT_LIMIT)] = ""
    timeout: Seconds = 86_400
    grace: Seconds = 3_600
    schedule: Annotated[Line, StringConstraints(max_length=SCHEDULE_LIMIT)] = ""
    tz: Annotated[Line, StringConstraints(max_length=60)] = "UTC"
    manual_resume: bool = False
    methods: Literal["", "POST"] = ""
    channels: Annotated[Line, StringConstraints(max_length=CHANNELS_LIMIT)] = ""
    unique: list[Literal["name", "slug", "tags", "timeout", "grace"]] = []
    start_kw: Keywords = ""
    success_kw: Keywords = ""
    failure_kw: Keywords = ""
    filter_subject: bool = False
    filter_body: bool = False
    filter_http_body: bool = False
    filter_default_fail: bool = False
    reminder: Annotated[int, Field(ge=0, le=SECONDS_LIMITS[1])] = 0
    snoozed_until: AwareDatetime | None = None
    flap_limit: Annotated[int, Field(ge=0, le=100)] = 6


class KeyRequest(Model):
    """A key to be minted."""

    project: Project = "default"
    scope: Scope = Field(default=Scope.WRITE, strict=False)
    name: Name = ""


M = TypeVar("M", bound=Model)


def read(model: type[M], body: bytes) -> M:
    """Return a request's body as a model; an empty body says nothing. Raises BadRequestError naming the first fault."""
    if len(body) > BODY_LIMIT:
        raise BadRequestError(f"body: at most {BODY_LIMIT} bytes, this one has {len(body)}")
    try:
        return model.model_validate_json(body) if body.strip() else model()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        words = str(first["msg"])
        raise BadRequestError(f"{place}: {words[0].lower()}{words[1:]}") from error
