"""What a form of the dashboard brings, and whether it is ours: a token that only its session's page has.

What a browser says comes from another site is refused too, by Sec-Fetch-Site or, from older browsers, by Origin.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from urllib.parse import parse_qs

from lastseen.api.calls import Call
from lastseen.api.web.session import Session

FIELDS_LIMIT = 10
FORM_LIMIT_BYTES = 10_000

_BACK = re.compile(r"/(checks/[0-9a-f]{40})?", re.ASCII)
_ELSEWHERE = "cross-site", "same-site"


def fields_of(call: Call) -> Mapping[str, list[str]]:
    """Return the fields of a form; none of one that is no form of ours."""
    if len(call.body) > FORM_LIMIT_BYTES:
        return {}
    try:
        return parse_qs(call.body.decode(errors="replace"), keep_blank_values=True, max_num_fields=FIELDS_LIMIT)
    except ValueError:  # more fields than any form of ours has
        return {}


def first(fields: Mapping[str, list[str]], name: str) -> str:
    """Return the value of a field, or ""."""
    return next(iter(fields.get(name, [])), "")


def back(fields: Mapping[str, list[str]]) -> str:
    """Return where a sign-in leads: to a page of ours, whatever the link said."""
    path = first(fields, "back")
    return path if _BACK.fullmatch(path) else "/"


def is_from_elsewhere(call: Call) -> bool:
    """Return whether a page of another site sent this."""
    if "sec-fetch-site" in call.headers:
        return call.headers["sec-fetch-site"] in _ELSEWHERE
    origin = call.headers.get("origin")
    return origin is not None and origin.partition("://")[2] != call.headers.get("host", "")


def has_token(session: Session) -> bool:
    """Return whether a form has the token of its session."""
    token = first(fields_of(session.call), "token")
    return hmac.compare_digest(token.encode(), session.visitor.token.encode())
