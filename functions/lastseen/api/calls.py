"""What the table of routes is made of: a route, a call of it, an answer. Values, read by app.py and openapi.py alike.

Lives here: the authority that a call needs and the answers that a route may give, said once for both.
Never here: what a route does (routes/), HTTP's own forms (app.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from lastseen.api.documents import Document
from lastseen.api.errors import UnauthorizedError
from lastseen.api.models import Model, read_body, read_query
from lastseen.api.remembered import Remembered
from lastseen.aws.topic import Topic
from lastseen.aws.wakes import Wakes
from lastseen.core.keys import Key, Scope
from lastseen.core.limits import CHECKS_PER_PROJECT
from lastseen.storage.store import Store

NEWEST = 3
VERSIONS = (1, 2, NEWEST)
API = "/api/v{version}"
SIGNED = "/iam"
"""How the paths begin that API keys open; and the same routes, in the newest version, for requests signed for AWS."""

M = TypeVar("M", bound=Model)


class Needs(Enum):
    """The authority that a call needs."""

    NOTHING = "nothing"
    READ = "an API key"
    WRITE = "a read-write API key"
    SIGNATURE = "a signature made with AWS credentials"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the API works on, and where it is reached."""

    store: Store
    wakes: Wakes
    topic: Topic
    ping_url: str
    api_url: str
    clock: Callable[[], datetime]
    pause: Callable[[float], None]  # seconds
    allow_private_targets: bool = False  # channels may lead to private addresses
    checks_per_project: int = CHECKS_PER_PROJECT
    host_files: Path | None = None  # the folder of what hosts download

    @property
    def site_url(self) -> str:
        """Where badges and pages are."""
        return self.api_url.removesuffix("/api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that a route answers, its authority already checked."""

    deployment: Deployment
    remembered: Remembered
    now: datetime
    version: int = NEWEST
    path: Mapping[str, str] = field(default_factory=dict)  # its parameters
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    key: Key | None = None

    @property
    def project(self) -> str:
        """The project whose things this call may touch. Raises UnauthorizedError for a call without authority."""
        if self.key is None:
            raise UnauthorizedError("missing api key")
        return self.key.project

    @property
    def read_only(self) -> bool:
        """Whether this call sees the reduced documents."""
        return self.key is None or self.key.scope is not Scope.WRITE

    def read_body(self, model: type[M]) -> M:
        """Return the body as a model. Raises BadRequestError."""
        return read_body(model, self.body)

    def read_query(self, model: type[M]) -> M:
        """Return the query as a model. Raises BadRequestError."""
        return read_query(model, self.query)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """What a call is answered with: a document, or a body of another type."""

    status: int = 200
    document: BaseModel | None = None
    body: str | bytes = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Responds:
    """A response that a route may give: its document's type, or the media type of another body."""

    description: str
    document: type[Document] | None = None
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Method and path, and all that there is to know of them. `{name}` in a path is a parameter."""

    method: str
    path: str
    handler: Callable[[Call], HttpResponse]
    needs: Needs
    summary: str  # what it does, on one line
    description: str = ""  # the rest that a reader should know
    body: type[Model] | None = None
    query: type[Model] | None = None
    responses: Mapping[int, Responds] = field(default_factory=dict)  # beyond those that every route of its kind has

    @property
    def pages(self) -> bool:
        """Whether its answer can be asked for page by page."""
        return self.query is not None and "cursor" in self.query.model_fields


def encoded_bytes(body: str) -> int:
    """Return the bytes of a body as Lambda's runtime writes it into an answer: as a JSON string."""
    return len(json.dumps(body, ensure_ascii=False).encode())
