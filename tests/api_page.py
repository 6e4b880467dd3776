"""Make docs/api.md from the OpenAPI document: `uv run python -m tests.api_page`. A test keeps the page fresh."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lastseen.api.calls import Route
from lastseen.api.openapi import document
from lastseen.api.routes import GROUPS

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
SITE = "https://host"

HEAD = """\
# The API

<!-- Made from the routes and their models by `uv run python -m tests.api_page`; do not edit. -->

"""
TRY = """
```console
$ curl -fsS -H "X-Api-Key: $LASTSEEN_API_KEY" "$LASTSEEN_API_URL/v3/checks/"
$ curl -fsS -H "X-Api-Key: $LASTSEEN_API_KEY" -d '{"name": "Nightly backup", "slug": "nightly-backup", \
"schedule": "0 3 * * *", "tz": "Europe/Berlin", "unique": ["slug"]}' "$LASTSEEN_API_URL/v3/checks/"
```

The machine's form of this page is served by every deployment: `GET /api/openapi.json` (OpenAPI 3.1).

## What every call may be answered

| status | why |
|---|---|
| 400 | Something that was sent is wrong; the text names it. |
| 401 | The key or signature is missing, wrong, or may not do this. |
| 403 | The thing is another project's; or AWS does not let this identity in. |
| 404 | There is no such thing, or no such path. |
| 405 | The path is right, the method is not; `Allow` names those that are. |
| 429, 503 | Too much at once; nothing was changed. Try again in a second. 429 is the gateway's (`throttle_rate`). |

`OPTIONS` needs no key and is answered with CORS headers, as everything is; `HEAD` is answered wherever `GET` is. A body
may have 100,000 bytes. A key that is revoked opens nothing from then on; only a ping key may ping on for a minute.

## Where it differs from Healthchecks

- A check that is made without `channels` gets those that its project gives to new checks: all, unless set otherwise.
  There it gets none, and nobody is notified. `*` stays `*` in documents: channels that are made later are in it.
- Lists are complete and by name; with `limit` and `cursor` they come page by page.
- A refusal always says why, in one sentence; a check of another project is 403 with words.
- `unique` with a slug makes one check however many requests race.
- A new check may have a `uuid`, and a ping key a `key`, that jobs use already. There, a `uuid` is ignored: leave it out
  of a copy of a document.
- `/flips/` also has `status` and `reason`, and comes as `{"flips": [...]}`; to healthchecks-io (PyPI), which was
  written from the peer's manual, as the bare list that it wants.
- A badge's URL is sealed: it reveals neither the check's id nor other badges' URLs.
"""


def page() -> str:
    """Return the page."""
    told = document(GROUPS, SITE)
    parts = [HEAD, f"{told['info']['description']}\n", TRY]
    for group, routes in GROUPS.items():
        parts.append(f"\n## {group}\n")
        for route in routes:
            parts += _operation(route, told["paths"][route.path][route.method.lower()])
    parts.append("\n## Documents\n")
    for name, schema in told["components"]["schemas"].items():
        if schema.get("properties"):
            parts += _schema(name, schema)
    return "".join(parts)


def _operation(route: Route, operation: dict[str, Any]) -> Iterator[str]:
    yield f"\n### {route.summary}\n\n`{route.method} {route.path}`, needs {route.needs.value}.\n"
    if route.description:
        yield f"\n{route.description}\n"
    asked = [each for each in operation.get("parameters", []) if each["in"] == "query"]
    if asked:
        yield "\n| query | limits | |\n|---|---|---|\n"
        yield from (_row(each["name"], each["schema"], each["description"]) for each in asked)
    if "requestBody" in operation:
        yield f"\nBody: {_link(operation['requestBody']['content']['application/json']['schema'])}\n"
    yield "\n"
    for status, told in route.responses.items():
        shown = f" [{told.document.__name__}](#{told.document.__name__.lower()})" if told.document else ""
        yield f"- {status}{shown}: {told.description}\n"


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    says = " ".join(schema.get("description", "").split())
    yield f"\n### {name}\n\n{says}\n\n| field | limits | |\n|---|---|---|\n"
    yield from (_row(field, held, held.get("description", "")) for field, held in schema["properties"].items())


def _row(name: str, schema: dict[str, Any], says: str) -> str:
    return f"| `{name}` | {_limits(schema)} | {' '.join(says.split())} |\n".replace("|  |", "| |")


def _limits(schema: dict[str, Any]) -> str:
    forms = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    told = [_form(form) for form in forms]
    if len(forms) < len(schema.get("anyOf", [schema])):
        told.append("null")
    if schema.get("default") not in (None, "", [], False):
        told.append(f"default `{schema['default']}`")
    return ", ".join(told)


_TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}


def _form(form: dict[str, Any]) -> str:
    if "$ref" in form:
        return _link(form)
    if "enum" in form or "const" in form:
        return " or ".join(f"`{value!r}`".replace("'", '"') for value in form.get("enum", [form.get("const")]))
    if form.get("type") == "array":
        return f"list of {_form(form['items'])}"
    words = {"integer": "whole number", "string": "text", "boolean": "true or false"}.get(
        form.get("type", ""), "object"
    )
    low, high = form.get("minimum"), form.get("maximum", form.get("exclusiveMaximum"))
    if form.get("format") == "date-time":
        words = "time"
    if low is not None:
        words += f" {low} to {high}"
    if "maxLength" in form:
        words += f" of at most {form['maxLength']} characters"
    if form.get("pattern") == "^[a-z0-9_-]*$":
        words += ", `[a-z0-9_-]`"
    return words


def _link(schema: dict[str, Any]) -> str:
    name = re.sub(r".*/", "", schema["$ref"])
    return f"[{name}](#{name.lower()})"


if __name__ == "__main__":
    PAGE.write_text(page())
