"""CronJobs in manifests: read as YAML, put under watch by lines that are added, so that all else stays as it is. Pure.

What is changed is read again and compared with what it should be: what cannot be changed in this way is named instead.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from lastseen_cli.discover.jobs import Job, Reading, Remark
from lastseen_cli.discover.naming import slug_for
from lastseen_cli.discover.wrapping import watched_slug
from lastseen_cli.yamltext import LOADER

DEPTH_LIMIT = 60
EVENTS_LIMIT = 200_000
ALIASES_LIMIT = 20
SCRIPT = "/lastseen/lastseen.sh"
_FROM_THE_CLUSTER = (
    "{{ name: {name}, valueFrom: {{ secretKeyRef: {{ name: lastseen, key: {key}, optional: true }} }} }}"
)
ENV = tuple(
    _FROM_THE_CLUSTER.format(name=name, key=key)
    for name, key in (("LASTSEEN_PING_URL", "ping-url"), ("LASTSEEN_PING_KEY", "ping-key"))
)
MOUNT = "{ name: lastseen, mountPath: /lastseen, readOnly: true }"
VOLUME = "{ name: lastseen, configMap: { name: lastseen } }"
POD = ("spec", "jobTemplate", "spec", "template", "spec")
RENDER = ": render the chart first (helm template)"
_OTHER_LINE_ENDS = re.compile("[\r\x85\u2028\u2029]")


class ManifestError(ValueError):
    """A manifest cannot be read, or not be changed by adding lines."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class CronJob:
    """A CronJob of a manifest: which document it is, its node and its job."""

    document: int
    root: Any
    job: Job


@dataclass(slots=True)
class Manifests:
    """A file of manifests, read."""

    text: str
    cronjobs: list[CronJob] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def reading(self) -> Reading:
        """Return what it says, for proposals."""
        return Reading(tuple(each.job for each in self.cronjobs), tuple(self.remarks))


def read(text: str, place: str, tz: str) -> Manifests:
    """Return the CronJobs of a file; `tz` is the controller's zone."""
    manifests = Manifests(text)
    try:
        _guard(text)
        for number, root in enumerate(yaml.compose_all(text, Loader=LOADER)):
            found = _cronjob(root, place, tz, is_template="{{" in text)
            if isinstance(found, Job):
                manifests.cronjobs.append(CronJob(number, root, found))
            elif found:
                manifests.remarks.append(found)
    except ManifestError as error:
        manifests.remarks.append(Remark(f"{place}:{error.line}", str(error)))
    return manifests


def rewritten(manifests: Manifests, slugs: Mapping[str, str]) -> tuple[str, list[Remark]]:
    """Return the text with the CronJobs under watch, by where they stand, and those for which that does not go."""
    edits: dict[int, list[tuple[int, str]]] = {}
    remarks = []
    chosen = [each for each in manifests.cronjobs if each.job.where in slugs]
    for cronjob in chosen:
        try:
            edits[cronjob.document] = list(_edits(manifests.text, cronjob.root, slugs[cronjob.job.where]))
        except ManifestError as error:
            remarks.append(Remark(cronjob.job.where, f"{error}: change it as docs/clients/kubernetes.md shows"))
    wrong = _wrong(manifests.text, edits, {each.document: slugs[each.job.where] for each in chosen})
    for cronjob in chosen:
        if cronjob.document in wrong:
            del edits[cronjob.document]
            why = "it cannot be changed by adding lines: change it as docs/clients/kubernetes.md shows"
            remarks.append(Remark(cronjob.job.where, why))
    return _applied(manifests.text, _flat(edits)), remarks


def _wrong(text: str, edits: Mapping[int, list[tuple[int, str]]], slugs: Mapping[int, str]) -> set[int]:
    """Return the documents that are not what they should be once the text is changed."""
    if not edits:
        return set()
    try:
        before = list(yaml.load_all(text, Loader=LOADER))  # a SafeLoader
        after = list(yaml.load_all(_applied(text, _flat(edits)), Loader=LOADER))
    except (yaml.YAMLError, ValueError):  # a date that is none, for one
        return set(edits)
    if len(before) != len(after):
        return set(edits)
    return {number for number in edits if after[number] != _watched(before[number], slugs[number])}


def _flat(edits: Mapping[int, list[tuple[int, str]]]) -> list[tuple[int, str]]:
    return [edit for each in edits.values() for edit in each]


def _guard(text: str) -> None:
    """Refuse what would take too long or too deep to read. Raises ManifestError."""
    if other := _OTHER_LINE_ENDS.search(text):
        line = text.count("\n", 0, other.start()) + 1
        raise ManifestError(line, "a line ends otherwise than with a line feed: convert the file first")
    depth = aliases = 0
    try:
        for number, event in enumerate(yaml.parse(text, Loader=LOADER)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            aliases += isinstance(event, yaml.AliasEvent)
            if depth > DEPTH_LIMIT or number > EVENTS_LIMIT or aliases > ALIASES_LIMIT:
                raise ManifestError(_line_of(event), "too deep, too large or too many aliases: split the file")
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        template = RENDER if "{{" in text else ""
        raise ManifestError(mark.line + 1 if mark else 1, f"this is not YAML: {problem}{template}") from error


def _cronjob(root: Any, place: str, tz: str, *, is_template: bool) -> Job | Remark | None:
    kind = _text(_get(root, "kind"))
    if kind == "List":
        where = f"{place}:{root.start_mark.line + 1}"
        return Remark(where, "a List: write its items as documents of their own, with --- between them")
    if kind != "CronJob":
        return None
    schedule = _get(root, "spec", "schedule")
    name = _text(_get(root, "metadata", "name"))
    line = (schedule or root).start_mark.line + 1
    if not name or not _text(schedule):
        why = "a CronJob needs metadata.name and spec.schedule" + (RENDER if is_template else "")
        return Remark(f"{place}:{line}", why)
    if _text(_get(root, "spec", "suspend")) == "true":
        return Remark(f"{place}:{line}", f"{name} is suspended: not watched", is_fault=False)
    container = _first(_get(root, *POD, "containers"))
    words = [_text(each) for each in (*_items(_get(container, "command")), *_items(_get(container, "args")))]
    is_watched = any(word.endswith(("lastseen.sh", "lastseen")) for word in words)
    slug = watched_slug(" ".join(words)) if is_watched else ""
    deadline = _text(_get(root, "spec", "startingDeadlineSeconds"))
    return Job(
        place=place,
        line=line,
        name=name,
        schedule=_text(schedule),
        tz=_text(_get(root, "spec", "timeZone")) or tz,
        slug=slug or "",
        hint=slug_for(_text(_get(root, "metadata", "namespace"))),
        watched=is_watched,
        ours=is_watched and bool(slug),
        late_seconds=int(deadline) if deadline.isascii() and deadline.isdigit() and len(deadline) < 7 else 0,  # noqa: PLR2004
        skips=True,
    )


def _edits(text: str, root: Any, slug: str) -> Iterator[tuple[int, str]]:
    """Yield what is added, by its offset. Raises ManifestError."""
    pod = _get(root, *POD)
    container = _first(_get(pod, "containers"))
    line = root.start_mark.line + 1
    if container is None:
        raise ManifestError(line, "it has no container")
    command = _get(container, "command")
    if not _items(command):
        raise ManifestError(
            line, "its container has no `command:`, so what its image runs is not known here; write it down"
        )
    starts = _line_starts(text)
    yield _into_list(text, starts, command, tuple(_quoted(word) for word in ("/bin/sh", SCRIPT, slug, "--")))
    names = {_text(_get(each, "name")) for each in _items(_get(container, "env"))}
    env = tuple(item for item in ENV if item.split()[2].rstrip(",") not in names)
    if env:
        yield _into(text, starts, container, "env", env, beside="command")
    yield _into(text, starts, container, "volumeMounts", (MOUNT,), beside="command")
    yield _into(text, starts, pod, "volumes", (VOLUME,), beside="containers")


def _into(
    text: str, starts: list[int], mapping: Any, key: str, items: tuple[str, ...], *, beside: str
) -> tuple[int, str]:
    """Return what adds items to a list of a mapping; a list that is not there is written before another key."""
    present = _get(mapping, key)
    if present is not None and _items(present):
        return _into_list(text, starts, present, items)
    if present is not None:
        raise ManifestError(present.start_mark.line + 1, f"`{key}:` is empty; remove it")
    if mapping.flow_style:
        raise ManifestError(mapping.start_mark.line + 1, "it is written in braces")
    keys = [each for each, _ in mapping.value]
    for each in sorted(keys, key=lambda each: _text(each) != beside):
        line, column = each.start_mark.line, each.start_mark.column
        if not text[starts[line] : starts[line] + column].strip(" "):
            indent = " " * column
            return starts[line], "".join([f"{indent}{key}:\n", *(f"{indent}  - {item}\n" for item in items)])
    raise ManifestError(mapping.start_mark.line + 1, f"there is no room for `{key}:`")


def _into_list(text: str, starts: list[int], node: Any, items: tuple[str, ...]) -> tuple[int, str]:
    line, column = node.start_mark.line, node.start_mark.column
    if node.flow_style:
        return starts[line] + column + 1, "".join(f"{item}, " for item in items)
    if text[starts[line] : starts[line] + column].strip(" "):
        raise ManifestError(line + 1, "a list begins behind something else on its line")
    return starts[line], "".join(f"{' ' * column}- {item}\n" for item in items)


def _applied(text: str, edits: list[tuple[int, str]]) -> str:
    """Return the text with additions; of two at one place, the first stands first."""
    pieces, last = [], 0
    for offset, added in sorted(edits, key=lambda edit: edit[0]):
        pieces += [text[last:offset], added]
        last = offset
    return "".join([*pieces, text[last:]])


def _watched(document: Any, slug: str) -> Any:
    """Return what a document is under watch, as data."""
    wanted = copy.deepcopy(document)
    pod = wanted
    for key in POD:
        pod = pod[key]
    container = pod["containers"][0]
    container["command"] = ["/bin/sh", SCRIPT, slug, "--", *container["command"]]
    env = container.get("env") or []
    names = {each.get("name") for each in env}
    added = [item for item in (yaml.load(text, Loader=LOADER) for text in ENV) if item["name"] not in names]  # noqa: S506
    container["env"] = [*added, *env]
    container["volumeMounts"] = [yaml.load(MOUNT, Loader=LOADER), *(container.get("volumeMounts") or [])]  # noqa: S506
    pod["volumes"] = [yaml.load(VOLUME, Loader=LOADER), *(pod.get("volumes") or [])]  # noqa: S506
    return wanted


def _get(node: Any, *keys: str) -> Any:
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            return None
        node = next((value for name, value in node.value if _text(name) == key), None)
    return node


def _items(node: Any) -> list[Any]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _first(node: Any) -> Any:
    return next(iter(_items(node)), None)


def _line_of(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _text(node: Any) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _quoted(word: str) -> str:
    return f'"{word}"'


def _line_starts(text: str) -> list[int]:
    starts = [0]
    starts += [match.end() for match in re.finditer("\n", text)]
    return starts
