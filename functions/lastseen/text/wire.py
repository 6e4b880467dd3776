"""Frozen values as JSON and back, and their JSON schema: all three from the types of their fields.

Lives here: `to_document`, `from_document`, `json_schema`. A field's name is its name in JSON; its description is the
text in its `Annotated`. Times are written in UTC to the millisecond.
Never here: what an event has (event.py). Pure.

Every string that leaves through here is harmless: no control characters, surrogates or noncharacters, which queues and
topics refuse together with the whole message.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from lastseen.text.words import harmless

T = TypeVar("T")

_HINTS: dict[Any, dict[str, Any]] = {}
_SIMPLE: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


class DocumentError(ValueError):
    """A document is not of the form that was expected; the text names the field, and never its value."""


def to_document(value: Any) -> Any:
    """Return a frozen value, or a part of one, as JSON can hold it."""
    if is_dataclass(value):
        return {field.name: to_document(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        assert value.tzinfo is not None
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [to_document(item) for item in value]
    return harmless(str(value)) if isinstance(value, str) else value


def from_document(form: type[T], document: object) -> T:
    """Return the value of a dataclass that a document holds. Raises DocumentError.

    What the document has beyond the fields is ignored, and what it lacks has its default: the wire may grow.
    """
    if not isinstance(document, Mapping):
        raise DocumentError(f"{form.__name__} is no object")
    values = {}
    for field in fields(form):  # type: ignore[arg-type] # only dataclasses come here
        if field.name in document:
            values[field.name] = _read(_hints(form)[field.name], document[field.name], field.name)
        elif field.default is MISSING:
            raise DocumentError(f"{form.__name__} lacks {field.name}")
    return form(**values)


def json_schema(form: type[Any]) -> dict[str, Any]:
    """Return the JSON schema of a dataclass."""
    hints = _hints(form)
    return {
        "type": "object",
        "properties": {field.name: _schema(hints[field.name]) for field in fields(form)},
        "required": [field.name for field in fields(form)],
    }


def described(form: type[Any]) -> dict[str, str]:
    """Return what each field of a dataclass means, by its name."""
    return {name: _description(hint) for name, hint in _hints(form).items()}


def _hints(form: Any) -> dict[str, Any]:
    """Return the type of each field; looked up once."""
    if form not in _HINTS:
        hints = get_type_hints(form, include_extras=True)
        _HINTS[form] = {field.name: hints[field.name] for field in fields(form)}
    return _HINTS[form]


def _read(hint: Any, value: Any, name: str) -> Any:
    """Return what stands in a field, as its type says."""
    options = _options(hint)
    if value is None:
        if type(None) in options:
            return None
        raise DocumentError(f"{name} is null")
    [kind] = [option for option in options if option is not type(None)]
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise DocumentError(f"{name} is no list")
        return tuple(_read(get_args(kind)[0], item, name) for item in value)
    if is_dataclass(kind):
        return from_document(kind, value)  # type: ignore[arg-type] # a class, not an instance
    return _scalar(kind, value, name)


def _scalar(kind: Any, value: Any, name: str) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise DocumentError(f"{name} is another one")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is datetime or issubclass(kind, StrEnum):
        try:
            return datetime.fromisoformat(value).astimezone(UTC) if kind is datetime else kind(value)
        except (TypeError, ValueError):
            raise DocumentError(f"{name} cannot be read") from None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise DocumentError(f"{name} is of another type")
    return value


def _schema(hint: Any) -> dict[str, Any]:
    options = _options(hint)
    [kind] = [option for option in options if option is not type(None)]
    schema = _schema_of(kind)
    if type(None) in options:
        schema = schema | {"type": [schema["type"], "null"]}
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    description = _description(hint)
    return schema | ({"description": description} if description else {})


def _schema_of(kind: Any) -> dict[str, Any]:
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _schema(get_args(kind)[0])}
    if get_origin(kind) is Literal:
        [value] = get_args(kind)
        return {"type": _SIMPLE[type(value)], "const": value}
    if is_dataclass(kind):
        assert isinstance(kind, type)
        return json_schema(kind)
    if kind is datetime:
        return {"type": "string", "format": "date-time"}
    if issubclass(kind, StrEnum):
        return {"type": "string", "enum": [member.value for member in kind]}
    return {"type": _SIMPLE[kind]}


def _options(hint: Any) -> tuple[Any, ...]:
    """Return the types that a hint allows: more than one where it may be null."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)


def _description(hint: Any) -> str:
    return str(get_args(hint)[1]) if get_origin(hint) is Annotated else ""
