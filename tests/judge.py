"""AWS's own models of its services, as botocore brings them: the judge of every request that a test makes.

A judge beside whoever plays AWS in a test: neither moto nor the emulator looks at all that AWS's models say. Three ways
lead here: clients of botocore, by an event before each request (botocore itself looks at types and at what must be
there, but not at what is too long, has a wrong form, or is no choice of a list); the ping function's own client, whose
bytes are read back, made again by botocore's serializer and compared, as is what it makes of the answer; and
stand-ins for clients (`judged`). Verdicts are kept until a fixture of conftest.py fails the test that they belong to:
an exception could be caught by the program.
"""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from email.message import Message
from functools import cache, wraps
from http.client import parse_headers
from typing import Any, TypeVar

import botocore.handlers
import botocore.session
from botocore import xform_name
from botocore.awsrequest import HeadersDict
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.parsers import ResponseParserFactory
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

from lastseen.aws import client as own
from lastseen.aws.answers import Answer
from lastseen.aws.connections import Connections

OWN_SERVICES = ("dynamodb", "sqs")
SHOWN = 80

T = TypeVar("T", bound=type)

_verdicts: list[str] = []


def install() -> None:
    """Judge every request that this process makes from now on."""
    botocore.handlers.BUILTIN_HANDLERS.append(("before-parameter-build", _judge_parameters))
    Connections.exchange = _judging(Connections.exchange)  # type: ignore[method-assign,assignment]


def verdicts() -> list[str]:
    """Return what was said against requests since the last time."""
    taken = _verdicts.copy()
    _verdicts.clear()
    return taken


@cache
def model(service: str) -> ServiceModel:
    known: ServiceModel = botocore.session.get_session().get_service_model(service)
    return known


def judged(service: str) -> Callable[[T], T]:
    """Judge the calls of a class that stands in for a client: its methods that have an operation's name."""

    def decorate(kind: T) -> T:
        for operation in (model(service).operation_model(name) for name in model(service).operation_names):
            method = xform_name(operation.name)
            if method in vars(kind):
                setattr(kind, method, _judging_call(vars(kind)[method], operation))
        return kind

    return decorate


def _judging_call(method: Callable[..., Any], operation: OperationModel) -> Callable[..., Any]:
    @wraps(method)
    def call(stand_in: Any, **parameters: Any) -> Any:
        _verdicts.extend(faults(parameters, operation))
        return method(stand_in, **parameters)

    return call


def faults(parameters: Mapping[str, Any], operation: OperationModel) -> Iterator[str]:
    """Say what the model of an operation has against its parameters."""
    shape, where = operation.input_shape, f"{operation.service_model.service_name} {operation.name}"
    assert shape, f"{where} takes nothing"
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        yield f"{where}: {report.generate_report()}"
    yield from _beyond_botocore(parameters, shape, where)


def _judge_parameters(*, params: Mapping[str, Any], model: OperationModel, **_: Any) -> None:
    """Look at what a client of botocore is about to send. The rest of `faults` it does itself, and raises."""
    where = f"{model.service_model.service_name} {model.name}"
    _verdicts.extend(_beyond_botocore(params, model.input_shape, where))


def _beyond_botocore(value: Any, shape: Shape | None, where: str) -> Iterator[str]:
    """Say what is too long, too large, of a wrong form, or no choice of the list."""
    if shape is None:
        return
    limit, choices = shape.metadata.get("max"), shape.metadata.get("enum")
    if isinstance(value, str):
        pattern = _pattern(shape.metadata.get("pattern", ""))
        if pattern and not pattern.fullmatch(value):
            yield f"{where}: {value[:SHOWN]!r} is not of the form {pattern.pattern}"
        if choices and value not in choices:
            yield f"{where}: {value[:SHOWN]!r} is none of {choices}"
    size = value if isinstance(value, int) else len(value) if isinstance(value, str | bytes | list | dict) else 0
    if limit is not None and size > limit:
        yield f"{where}: {size} is more than {limit}"
    for name, member, inner in _members(value, shape):
        yield from _beyond_botocore(inner, member, f"{where}.{name}")


def _members(value: Any, shape: Any) -> Iterator[tuple[str, Shape, Any]]:
    """Return what is in a value, with the shapes that it should have."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        for name in value.keys() & shape.members.keys():
            yield name, shape.members[name], value[name]
    elif shape.type_name == "map" and isinstance(value, Mapping):
        for name, inner in value.items():
            yield f"{name} (name)", shape.key, name
            yield name, shape.value, inner
    elif shape.type_name == "list" and isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield str(number), shape.member, inner


@cache
def _pattern(pattern: str) -> re.Pattern[str] | None:
    """Return a pattern of AWS's, which are Java's; those with classes that Python does not know judge nothing."""
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None


@cache
def _own_models() -> dict[str, ServiceModel]:
    """Return the services that the ping function calls, by what its requests name them."""
    return {model(service).metadata["targetPrefix"]: model(service) for service in OWN_SERVICES}


def _judging(exchange: Callable[[Connections, bytes], Answer]) -> Callable[[Connections, bytes], Answer]:
    """Wrap the way out of our own client, and look at what goes there and at what it makes of the answer."""

    @wraps(exchange)
    def call(connections: Connections, request: bytes) -> Answer:
        method, path, headers, body = parsed(request)
        prefix, _, name = headers["x-amz-target"].partition(".")
        known = _own_models().get(prefix)
        if known is None or name not in known.operation_names:
            _verdicts.append(f"{prefix}.{name}: no operation of AWS")
            return exchange(connections, request)
        operation = known.operation_model(name)
        _verdicts.extend(_request_faults(method, path, body, headers, operation))
        answer = exchange(connections, request)
        _verdicts.extend(_answer_faults(answer, operation))
        return answer

    return call


def parsed(request: bytes) -> tuple[str, str, Message, bytes]:
    """Return method, path, headers and body of a request, as a server of Python's reads them."""
    stream = io.BytesIO(request)
    method, path, _ = stream.readline().decode().split(" ")
    headers = parse_headers(stream)
    return method, path, headers, stream.read(int(headers["content-length"]))


def _request_faults(
    method: str, path: str, body: bytes, headers: Mapping[str, str] | Message, operation: OperationModel
) -> Iterator[str]:
    """Say where a request of our own client is not the one that botocore would send."""
    sent = json.loads(body)
    parameters = _from_wire(sent, operation.input_shape)
    against = list(faults(parameters, operation))
    yield from against
    if against:
        return  # botocore's serializer would stumble over them
    theirs = create_serializer(_protocol(operation), include_validation=False).serialize_to_request(
        parameters, operation
    )
    compared = {
        "method": (method, theirs["method"]),
        "path": (path, theirs["url_path"]),
        "target": (headers["x-amz-target"], theirs["headers"]["X-Amz-Target"]),
        "type": (headers["content-type"], theirs["headers"]["Content-Type"]),
        "body": (sent, json.loads(theirs["body"])),
    }
    for what, (ours, expected) in compared.items():
        if ours != expected:
            yield f"{operation.name}: its {what} is {ours!r}, and botocore's {expected!r}"


def _answer_faults(answer: Answer, operation: OperationModel) -> Iterator[str]:
    """Say where our own client understands an answer in another way than botocore."""
    try:
        ours: Any = own._read(operation.name, answer)  # noqa: SLF001 - the reading of bytes, which has no other door
    except own.CallRefusedError as refused:
        ours = {"Error": refused.response["Error"]}
    except own.SpoiledError:
        return  # and it is asked for again
    received = {"status_code": answer.status, "headers": HeadersDict(answer.headers), "body": answer.data}
    parser = ResponseParserFactory().create_parser(_protocol(operation))
    assert operation.output_shape
    theirs = parser.parse(received, operation.output_shape)
    theirs.pop("ResponseMetadata", None)
    if "Error" in theirs:
        theirs = {"Error": {name: theirs["Error"][name] for name in ("Code", "Message")}}
    if ours != theirs:
        yield f"{operation.name}: its answer is read as {ours!r}, and by botocore as {theirs!r}"


def _protocol(operation: OperationModel) -> str:
    """Return how a service speaks."""
    return str(operation.service_model.resolved_protocol)


def _from_wire(value: Any, shape: Any) -> Any:
    """Return JSON as the parameters that a caller of botocore would give: bytes as bytes."""
    if shape.type_name == "blob" and isinstance(value, str):
        return b64decode(value, validate=True)
    if shape.type_name == "structure" and isinstance(value, dict):
        members = shape.members
        return {name: _from_wire(value[name], members[name]) if name in members else value[name] for name in value}
    if shape.type_name == "map" and isinstance(value, dict):
        return {name: _from_wire(inner, shape.value) for name, inner in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_from_wire(inner, shape.member) for inner in value]
    return value
