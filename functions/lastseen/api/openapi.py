"""The OpenAPI document of the API, made from the table of routes and their models. Pure.

What a route may answer beyond its own table follows from what it is: a key can be wrong, a body can be, a check can be
another project's. So the document cannot forget what the application does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from lastseen.api.calls import API, NEWEST, VERSIONS, Needs, Responds, Route
from lastseen.api.documents import ErrorDocument

Schema = dict[str, Any]

BAD_REQUEST = 400
"""Where HTTP's refusals begin."""

REF = "#/components/schemas/{model}"

INTRODUCTION = f"""\
The wire of Healthchecks' management API, versions 1 to {NEWEST}, and what it lacks: keys, projects, pages, dry runs,
many checks in one request, and gauges.

A key goes into the header `X-Api-Key`, or as a bearer token into `Authorization`; a write may have it as `api_key` in
its body. AWS credentials of the account that may `execute-api:Invoke` need no key: every path below
`/api/v{NEWEST}` that takes a key is there below `/iam`, too, for requests signed with SigV4 (service `execute-api`),
with `?project=` to name a project other than `default`.

Every refusal is `{{"error": "..."}}` in a sentence that names what is wrong. Lists are answered with and without their
final slash. Unknown fields are ignored; null, numbers as text and fractions of seconds are refused.\
"""

SECURITY: Mapping[Needs, list[dict[str, list[str]]]] = {
    Needs.NOTHING: [],
    Needs.READ: [{"ApiKey": []}, {"Bearer": []}],
    Needs.WRITE: [{"ApiKey": []}, {"Bearer": []}],
    Needs.SIGNATURE: [{"Aws": []}],
}
SCHEMES = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
    "Aws": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
}
PARAMETERS: Mapping[str, tuple[str, Schema]] = {
    "version": ("The version of the API.", {"enum": [str(version) for version in VERSIONS]}),
    "key": ("The check's UUID, or its unique key where a check is only read.", {}),
    "n": ("The ping's number.", {}),
    "channel": ("The channel's id, or its name.", {}),
    "test": ("The test's id.", {}),
    "id": ("The key's id.", {}),
    "name": ("The project's name.", {}),
    "project": ("The project's name.", {}),
    "states": ("2: up and down; 3: late as well.", {"enum": ["2", "3"]}),
    "file": ("The badge's name, with .svg, .json or .shields.", {}),
}


def document(groups: Mapping[str, Iterable[Route]], site_url: str) -> dict[str, Any]:
    """Return the document of the routes, by group, of a deployment."""
    routes = [(group, route) for group, members in groups.items() for route in members]
    names, schemas = _schemas([route for _, route in routes])
    paths: dict[str, dict[str, Any]] = {}
    for group, route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(group, route, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lastseen", "version": str(NEWEST), "description": INTRODUCTION},
        "servers": [{"url": site_url}],
        "tags": [{"name": group} for group in groups],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": SCHEMES},
    }


def answers(route: Route) -> dict[int, Responds]:
    """Return every answer that a route may give."""
    return dict(sorted({**route.responses, **dict(_refusals(route))}.items()))


def parameters(route: Route) -> list[dict[str, Any]]:
    """Return the parameters of a route's path and query."""
    listed = []
    for name in re.findall(r"{(\w+)}", route.path):
        says, schema = PARAMETERS.get(name, ("", {}))  # a test keeps the table whole
        part = {"type": "string", "minLength": 1, **schema}
        listed.append({"name": name, "in": "path", "required": True, "description": says, "schema": part})
    if route.query:
        fields = route.query.model_json_schema()
        for name, schema in fields["properties"].items():
            required = name in fields.get("required", [])
            says = schema.pop("description", "")
            listed.append(
                {"name": name, "in": "query", "required": required, "description": says, "schema": _sent(schema)}
            )
    return listed


def _sent(schema: Schema) -> Schema:
    """Return the schema of what a query can say: it has no null."""
    given = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    held = {**schema, **given[0]} if len(given) == 1 else schema
    return {name: value for name, value in held.items() if name not in {"anyOf", "title"} and value is not None}


def _operation(group: str, route: Route, names: Mapping[Any, Schema]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "tags": [group],
        "summary": route.summary,
        "security": SECURITY[route.needs],
        "responses": {str(status): _response(responds, names) for status, responds in answers(route).items()},
    }
    if route.description:
        operation["description"] = route.description
    if listed := parameters(route):
        operation["parameters"] = listed
    if route.body:
        content = {"application/json": {"schema": names[route.body, "validation"]}}
        operation["requestBody"] = {"required": bool(_required(route.body)), "content": content}
    return operation


def operation_id(route: Route) -> str:
    """Return a name for a route that a generated client can use."""
    module = route.handler.__module__.rpartition(".")[2]
    return f"{module}_{route.handler.__name__}"


def _response(responds: Responds, names: Mapping[Any, Schema]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if responds.document:
        content["application/json"] = {"schema": names[responds.document, "serialization"]}
    if responds.content_type != "application/json" or not responds.document:
        content[responds.content_type] = {"schema": {"type": "string"}}
    return {"description": responds.description, "content": content}


def _refusals(route: Route) -> Iterator[tuple[int, Responds]]:
    """Return the refusals that follow from what a route is."""
    of_a_check = "{key}" in route.path and route.path.startswith(API)
    foreseen = {503: "Too much at once; nothing was changed. Try again."}
    if route.body or route.query or route.needs is Needs.SIGNATURE:
        foreseen[400] = "Something that was sent is wrong; the text names it."
    if route.needs is not Needs.NOTHING:
        foreseen[401] = "The key or signature is missing, or may not do this."
    if of_a_check:
        foreseen[403] = "The check is another project's."
    if route.needs is Needs.SIGNATURE:
        foreseen[403] = "AWS does not let this identity in."
    if "{" in route.path or route.needs is Needs.SIGNATURE:
        foreseen[404] = "There is no such thing."
    own = {status: responds.description for status, responds in route.responses.items() if status >= BAD_REQUEST}
    for status, says in {**foreseen, **own}.items():
        yield status, Responds(description=says, document=ErrorDocument)


def _schemas(routes: Iterable[Route]) -> tuple[Mapping[Any, Schema], Mapping[str, Schema]]:
    """Return the schema of each model that the routes speak of, and the definitions that those refer to."""
    wanted: dict[tuple[type[BaseModel], Any], None] = {}
    for route in routes:
        if route.body:
            wanted[route.body, "validation"] = None
        for responds in answers(route).values():
            if responds.document:
                wanted[responds.document, "serialization"] = None
    names, definitions = models_json_schema(list(wanted), ref_template=REF)
    return names, definitions.get("$defs", {})


def _required(model: type[BaseModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required()]
