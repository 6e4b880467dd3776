"""YAML as text: mappings, lists and scalars with their lines, and no types guessed.

YAML turns `no` into false, `1:30` into 90 and lets a few aliases fill all memory. Here a scalar is the text that is
written, a key comes once, and size, depth and what aliases expand to are bounded before anything is built. Every fault
has its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

BYTES_LIMIT = 2_000_000
DEPTH_LIMIT = 12
SIZE_LIMIT = 200_000
"""Scalars, lists and mappings of a file, each counted as often as an alias repeats it."""

MERGE = "<<"
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
TEXT_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str"})
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a file, and where."""

    line: int
    text: str


class FaultError(Exception):
    """The file cannot be read on from here."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.fault = Fault(line, text)


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text, as it is written."""

    line: int
    text: str
    is_null: bool = False  # nothing, ~ or null, without quotes
    size: int = 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    items: tuple[Node, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """Names with values, merge keys resolved."""

    line: int
    items: dict[str, tuple[int, Node]]  # name -> its line and its value
    size: int


Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class _Reader:
    events: Iterator[Any]
    anchors: dict[str, Node] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def node(self, event: Any, depth: int) -> Node:
        """Return the node that begins with this event. Raises FaultError."""
        line = _line(event)
        if depth > DEPTH_LIMIT:
            raise FaultError(line, f"too deep: at most {DEPTH_LIMIT} levels")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise FaultError(line, f"there is no anchor &{event.anchor} above this line")
            return self.anchors[event.anchor]
        node = self._built(event, line, depth)
        if node.size > SIZE_LIMIT:
            raise FaultError(line, f"too large: more than {SIZE_LIMIT} values once aliases are expanded")
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _built(self, event: Any, line: int, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            if event.tag not in TEXT_TAGS:
                self.faults.append(Fault(line, f"the tag {event.tag} is not supported: remove it"))
            is_plain = event.style in {None, ""}
            return Scalar(line, event.value, is_null=is_plain and event.value in NULLS)
        if event.tag not in {None, "!"}:
            self.faults.append(Fault(line, f"the tag {event.tag} is not supported: remove it"))
        if isinstance(event, yaml.SequenceStartEvent):
            items = tuple(self._until(yaml.SequenceEndEvent, depth))
            return Sequence(line, items, 1 + sum(item.size for item in items))
        flat = list(self._until(yaml.MappingEndEvent, depth))
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        return Mapping(line, self._merged(pairs), 1 + sum(node.size for node in flat))

    def _until(self, end: type[Any], depth: int) -> Iterator[Node]:
        total = 0
        for event in self.events:
            if isinstance(event, end):
                return
            node = self.node(event, depth + 1)
            total += node.size
            if total > SIZE_LIMIT:
                line = _line(event)
                raise FaultError(line, f"too large: more than {SIZE_LIMIT} values once aliases are expanded")
            yield node

    def _merged(self, pairs: list[tuple[Node, Node]]) -> dict[str, tuple[int, Node]]:
        own: dict[str, tuple[int, Node]] = {}
        merged: dict[str, tuple[int, Node]] = {}
        for key, value in pairs:
            if not isinstance(key, Scalar):
                self.faults.append(Fault(key.line, "a name must be text"))
            elif key.text == MERGE:
                for source in value.items if isinstance(value, Sequence) else (value,):
                    if isinstance(source, Mapping):
                        merged = source.items | merged
                    else:
                        self.faults.append(Fault(key.line, "<< takes a mapping, or a list of them"))
            elif key.text in own:
                first = own[key.text][0]
                self.faults.append(Fault(key.line, f"`{key.text}` is here a second time; the first is in line {first}"))
            else:
                own[key.text] = (key.line, value)
        return merged | own


def read(content: bytes) -> tuple[Node | None, list[Fault]]:
    """Return the one document of a file, None if it is empty, and what is wrong with it."""
    if len(content) > BYTES_LIMIT:
        return None, [Fault(1, f"the file has {len(content)} bytes: at most {BYTES_LIMIT} are read")]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return None, [Fault(line, "the file is not UTF-8")]
    reader = _Reader(iter(()))
    try:
        reader.events = yaml.parse(text, Loader=LOADER)
        return _document(reader), reader.faults
    except FaultError as error:
        return None, [*reader.faults, error.fault]
    except yaml.YAMLError as error:
        marks: list[Any] = [getattr(error, "problem_mark", None), getattr(error, "context_mark", None)]
        line = next((int(mark.line) + 1 for mark in marks if mark), 1)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        return None, [*reader.faults, Fault(line, f"this is not YAML: {problem}")]


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _document(reader: _Reader) -> Node | None:
    root: Node | None = None
    documents = 0
    for event in reader.events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise FaultError(_line(event), "a second document begins: a file has one")
        elif isinstance(event, yaml.NodeEvent):
            root = reader.node(event, 1)
    return root
