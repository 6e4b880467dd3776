"""A file of checks: from YAML to the API's settings, and back. docs/apply.md describes it.

Every setting has a type of its own here, so that a tag `no` stays "no" and `1:30` is no period. All faults of all files
are reported at once, each with its file and line.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lastseen.core.limits import EARLY_SECONDS, SECONDS
from lastseen_cli import yamltext
from lastseen_cli.errors import UsageError
from lastseen_cli.output import one_line
from lastseen_cli.settings import DURATIONS, NOT_A_TIME, out_of_bounds, seconds, slug_of, span
from lastseen_cli.yamltext import Fault, Node, Scalar

FAULTS_SHOWN = 50
IGNORED = "x-"
"""How a name at the top begins that is for the file's own anchors."""

VARIABLE = re.compile(r"\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
NUMBER = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


class _WrongError(ValueError):
    """A value is not of its setting's type."""


def _text(text: str) -> str:
    return text


def _duration(text: str, *, or_zero: bool = False, allowed: range = SECONDS) -> int:
    total = seconds(text)
    leading_zero = text.startswith("0") and text != "0"
    if total is None or leading_zero:
        raise _WrongError(NOT_A_TIME)
    if bounds := out_of_bounds(total, or_zero=or_zero, allowed=allowed):
        raise _WrongError(f"it can be {bounds}")
    return total


def _switch(text: str) -> bool:
    if text not in {"true", "false"}:
        raise _WrongError("write true or false")
    return text == "true"


def _number(text: str) -> int:
    if not NUMBER.fullmatch(text):
        raise _WrongError("write a whole number in digits, without a leading zero")
    return int(text)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting holds: how its text is read, and how the schema describes it."""

    read: Callable[[str], Any]
    schema: Mapping[str, Any]
    joined: str = ""  # it may be a list, joined with this for the API


STRING: Mapping[str, Any] = {"type": "string"}
TEXT = Kind(_text, STRING)
SWITCH = Kind(_switch, {"type": "boolean"})
TIME_SCHEMA = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+s?)?$"}]
}
DURATION = Kind(_duration, TIME_SCHEMA)
LIST_SCHEMA = {"anyOf": [STRING, {"type": "array", "items": STRING}]}

KINDS: Mapping[str, tuple[Kind, str]] = {
    "name": (TEXT, "What the job is called."),
    "slug": (TEXT, "Short name for ping URLs: a-z, 0-9, - and _. Made from the name by default."),
    "every": (DURATION, "Expected between two pings, like 90s, 5m, 1h30m, 1d."),
    "schedule": (TEXT, "Instead of every: cron, systemd OnCalendar, or as your scheduler writes it."),
    "tz": (TEXT, "Time zone of the schedule, like Europe/Berlin."),
    "skipped_hour": (
        Kind(_text, {"enum": ["", "run", "skip"]}),
        "What the job's scheduler does at a time that the clocks skip: run it later, or not at all.",
    ),
    "grace": (DURATION, "How late a ping, or how long a run, may be before the alert."),
    "early": (
        Kind(partial(_duration, allowed=EARLY_SECONDS), TIME_SCHEMA),
        "How much before its time a ping counts for it; by default a twentieth of the interval, at most 5m.",
    ),
    "tags": (Kind(_text, LIST_SCHEMA, " "), "A list, or words separated by spaces."),
    "desc": (TEXT, "What to do when it goes down; alerts show it."),
    "channels": (Kind(_text, LIST_SCHEMA, ","), 'Who is notified: "*" all channels, [] none, or names or ids.'),
    "reminder": (
        Kind(partial(_duration, or_zero=True), TIME_SCHEMA),
        "Notify again this often while it is down; 0: once is enough.",
    ),
    "manual_resume": (SWITCH, "Whether pings of a paused check are ignored."),
    "methods": (Kind(_text, {"enum": ["", "POST"]}), "POST: pings by other methods are ignored."),
    "flap_limit": (
        Kind(_number, {"type": "integer", "minimum": 0, "maximum": 100}),
        "Changes in an hour that are notified one by one.",
    ),
    "snoozed_until": (TEXT, "No reminders until then: 2026-03-02T12:00:00Z."),
    "start_kw": (TEXT, "Words in a ping's body that say that a run starts."),
    "success_kw": (TEXT, "Words in a ping's body that say that a run succeeded."),
    "failure_kw": (TEXT, "Words in a ping's body that say that a run failed."),
    "filter_http_body": (SWITCH, "Whether these words decide what a ping says."),
    "filter_default_fail": (SWITCH, "Whether a body without any of these words is a failure."),
    "filter_subject": (SWITCH, "For pings by e-mail; no effect."),
    "filter_body": (SWITCH, "For pings by e-mail; no effect."),
}
"""Every setting of an entry, its kind and what it means."""

TO_API = {ours: theirs for theirs, ours in DURATIONS.items()}
DEFAULTS: Mapping[str, object] = {"reminder": 0, "flap_limit": 6} | dict.fromkeys(
    ("methods", "tags", "desc", "slug", "start_kw", "success_kw", "failure_kw"), ""
)
"""What an export leaves out, for a new check has it anyway."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One check of a file, as the API's settings."""

    where: str  # file:line
    settings: dict[str, Any]
    derived: bool  # its slug is made from its name


@dataclass(slots=True)
class _File:
    name: str
    environment: Mapping[str, str]
    faults: list[Fault]
    entries: list[tuple[int, Entry]] = field(default_factory=list)

    def fault(self, line: int, text: str) -> None:
        self.faults.append(Fault(line, text))


def read(files: Iterable[tuple[str, bytes]], environment: Mapping[str, str]) -> list[Entry]:
    """Return the entries of files, given by name and content. Raises UsageError with every fault of all of them."""
    read_files = [_file(name, content, environment) for name, content in files]
    _fault_doubles(read_files)
    faults = [
        f"{file.name}:{fault.line}: {one_line(fault.text)}"
        for file in read_files
        for fault in sorted(file.faults, key=lambda fault: fault.line)
    ]
    if faults:
        more = len(faults) - FAULTS_SHOWN
        raise UsageError("\n".join([*faults[:FAULTS_SHOWN], *([f"... and {more} more."] if more > 0 else [])]))
    return [entry for file in read_files for _, entry in file.entries]


def _file(name: str, content: bytes, environment: Mapping[str, str]) -> _File:
    root, faults = yamltext.read(content)
    file = _File(name, environment, faults)
    if root is None:
        if not faults:
            file.fault(1, "the file is empty: it must have `checks:` with a list below it")
        return file
    if not isinstance(root, yamltext.Mapping) or "checks" not in root.items:
        file.fault(root.line, "the file must have `checks:` with a list below it")
    if not isinstance(root, yamltext.Mapping):
        return file
    for key, (line, _) in root.items.items():
        if key not in {"checks", "defaults"} and not key.startswith(IGNORED):
            file.fault(line, _unknown(key, ("checks", "defaults")))
    defaults = _settings(file, root.items["defaults"][1], "`defaults:`") if "defaults" in root.items else {}
    if "checks" in root.items:
        line, listed = root.items["checks"]
        if isinstance(listed, yamltext.Sequence):
            for node in listed.items:
                _entry(file, node, defaults)
        else:
            file.fault(line, "`checks:` must have a list below it")
    return file


def _settings(file: _File, node: Node, where: str) -> dict[str, Any]:
    """Return the settings of a mapping by their names in files; those that are wrong become faults and are left out."""
    if not isinstance(node, yamltext.Mapping):
        file.fault(node.line, f"{where} must have settings, like `grace: 10m`")
        return {}
    settings: dict[str, Any] = {}
    for name, (line, value) in node.items.items():
        if name not in KINDS:
            file.fault(line, _unknown(name, KINDS))
            continue
        try:
            settings[name] = _value(file, KINDS[name][0], value)
        except _WrongError as error:
            file.fault(value.line if isinstance(value, Scalar) else line, f"`{name}`{_shown(value)}: {error}")
    if "every" in settings and "schedule" in settings:
        file.fault(node.line, "`every` and `schedule` exclude each other: give one of them")
    return settings


def _value(file: _File, kind: Kind, node: Node) -> Any:
    if isinstance(node, yamltext.Sequence) and kind.joined:
        parts = [_scalar(file, kind, part) for part in node.items]
        split = [
            part
            for part in parts
            if not part.strip() or (part.split() != [part] if kind.joined == " " else "," in part)
        ]
        if split:
            raise _WrongError(f"{split[0]!r} cannot be one of a list that is joined with {kind.joined!r}")
        return kind.joined.join(parts)
    return _scalar(file, kind, node)


def _scalar(file: _File, kind: Kind, node: Node) -> Any:
    if not isinstance(node, Scalar):
        raise _WrongError("write one value" + (", or a list of values" if kind.joined else ""))
    if node.is_null:
        raise _WrongError('has no value: write "" for an empty text, or leave the line out')
    text = VARIABLE.sub(lambda match: _substituted(file, match), node.text)
    if not text.isprintable() and any("\ud800" <= char <= "\udfff" for char in text):
        raise _WrongError("has a character that is not Unicode")
    return kind.read(text)


def _substituted(file: _File, match: re.Match[str]) -> str:
    if match[1]:
        return match[1]
    if match[2] not in file.environment:
        raise _WrongError(f"the environment variable {match[2]} is not set; a literal ${{ is written $${{")
    return file.environment[match[2]]


def _entry(file: _File, node: Node, defaults: Mapping[str, Any]) -> None:
    before = len(file.faults)
    own = _settings(file, node, "an entry")
    if len(file.faults) > before:
        return
    merged = {**defaults, **own}
    if "schedule" in own:
        merged.pop("every", None)
    if "every" in own:
        merged = {name: value for name, value in merged.items() if name not in {"schedule", "tz"}}
    derived = "slug" not in merged
    if derived and merged.get("name"):
        merged["slug"] = slug_of(merged["name"])
    if not (merged.get("slug") or merged.get("name")):
        file.fault(node.line, "an entry needs a `name` or a `slug`: it is recognized by them")
        return
    settings = {TO_API.get(name, name): value for name, value in merged.items()}
    file.entries.append((node.line, Entry(f"{file.name}:{node.line}", settings, derived)))


def _fault_doubles(files: Sequence[_File]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for file in files:
        for line, entry in file.entries:
            field_name = "slug" if entry.settings.get("slug") else "name"
            identity = (field_name, str(entry.settings[field_name]))
            if identity in seen:
                file.fault(
                    line, f"the {field_name} {identity[1]} is that of {seen[identity]} too: they would be one check"
                )
            seen.setdefault(identity, entry.where)


def _unknown(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    meant = f"Did you mean `{close[0]}`?" if close else f"There are: {', '.join(known)}."
    return f"there is no setting `{name}`. {meant}"


def _shown(node: Node) -> str:
    return f" {one_line(node.text)[:60]}" if isinstance(node, Scalar) and node.text else ""


# --- The schema, and the way back ---


def schema() -> dict[str, Any]:
    """Return the JSON schema of a file, for editors."""
    settings = {name: {"description": text, **kind.schema} for name, (kind, text) in KINDS.items()}
    one = {"type": "object", "properties": settings, "additionalProperties": False}
    named = {"anyOf": [{"required": ["name"]}, {"required": ["slug"]}]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Checks of Lastseen",
        "type": "object",
        "required": ["checks"],
        "properties": {
            "defaults": {"description": "For every entry that does not say otherwise.", **one},
            "checks": {"type": "array", "items": {**one, **named}},
        },
        "patternProperties": {f"^{IGNORED}": {}},
        "additionalProperties": False,
    }


def written(checks: Sequence[Mapping[str, Any]], channels: Sequence[Mapping[str, Any]]) -> str:
    """Return a file that makes these checks. Raises UsageError if it could not tell two of them apart."""
    names = {channel["id"]: channel["name"] for channel in channels}
    text = (
        "".join(["checks:\n", *(line for check in checks for line in _lines(check, names))])
        if checks
        else "checks: []\n"
    )
    try:
        read([("export", text.encode())], {})
    except UsageError as error:
        change = "lastseen checks update CHECK --slug SLUG"
        raise UsageError(
            f"A file could not tell these checks apart. Give each its own slug: {change}\n{error}"
        ) from error
    return text


def _lines(check: Mapping[str, Any], channel_names: Mapping[str, str]) -> Iterable[str]:
    start = "  - "
    for name in KINDS:
        value = check.get(TO_API.get(name, name))
        if value is None or value is False or value == DEFAULTS.get(name):
            continue
        yield f"{start}{name}: {_written(name, value, channel_names)}\n"
        start = "    "


def _written(name: str, value: Any, channel_names: Mapping[str, str]) -> str:
    if name in DURATIONS.values():
        return span(value)
    if name == "channels" and value != "*":
        return _listed([channel_names.get(channel, channel) for channel in value.split(",") if channel])
    if name == "tags":
        return _listed(value.split())
    if isinstance(value, str):
        return _block(value) if name == "desc" and "\n" in value else _quoted(value)
    return json.dumps(value)


def _listed(values: Sequence[str]) -> str:
    return f"[{', '.join(_quoted(value) for value in values)}]"


PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*( [A-Za-z0-9._/-]+)*", re.ASCII)
NOT_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def _quoted(value: str) -> str:
    if PLAIN.fullmatch(value) and value.lower() not in NOT_TEXT:
        return value
    value = (
        value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("${", "$${")
    )
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in value) + '"'


def _block(value: str) -> str:
    """Return text of several lines as a block, where a block keeps it unchanged."""
    body = value.removesuffix("\n")
    lines = body.split("\n")
    is_simple = all(line.isprintable() for line in lines) and bool(lines[0]) and not lines[0].startswith(" ")
    if not is_simple or not lines[-1].strip():
        return _quoted(value)
    mark = "|" if value.endswith("\n") else "|-"
    return "\n".join([mark, *(f"      {line}" if line else "" for line in lines)]).replace("${", "$${")
