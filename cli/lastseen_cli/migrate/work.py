"""What the checks of another service come to here: a plan, shown and agreed to, and then made.

Each check is looked at for itself: one that the API refuses is reported, and the others come along. What is here and
differs stays as it is, unless the user wants the other service's settings: it may have been changed here on purpose.
A run that was interrupted is run again: what is there already is no step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lastseen.core.check import unique_key
from lastseen.core.keys import Scope, hashed, ping_key_fault
from lastseen_cli import apply, find, output
from lastseen_cli.apply import Step
from lastseen_cli.checkfile import Entry
from lastseen_cli.connect import Answer
from lastseen_cli.errors import DIFFERS, UsageError
from lastseen_cli.migrate import healthchecks
from lastseen_cli.migrate.healthchecks import Integration, Moved, Reading, Remark
from lastseen_cli.migrate.source import Export
from lastseen_cli.output import hint, one_line
from lastseen_cli.settings import expected, span, title

if TYPE_CHECKING:
    from lastseen_cli.api import Api, Document

KEY_NAME = "from Healthchecks"

_KINDS = """
discord email googlechat gotify matrix mattermost msteams msteamsworkflow ntfy opsgenie pd po pushbullet rocketchat
slack sms telegram webhook zulip
"""
KINDS = frozenset(_KINDS.split())
"""Kinds of integrations, as Healthchecks calls them, that Lastseen has channels for."""

TAKEN = (
    "the check {} here has the slug {} and another UUID. Give it another slug, or delete it, and run this again: "
    "lastseen checks update {} --slug NEW"
)


@dataclass(frozen=True, slots=True)
class Options:
    """How a command was asked."""

    ping_key: str = ""
    update: bool = False
    dry_run: bool = False
    exit_code: bool = False
    yes: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A check of the other service, and what it comes to here."""

    moved: Moved
    step: Step  # without changes if it is here and equal

    @property
    def state(self) -> str:
        """In a word."""
        if self.step.verb == "create":
            return "new"
        return "differs" if self.step.changes else "same"

    @property
    def waits_for_pause(self) -> bool:
        """Whether a run was interrupted before the check was paused: a job that pings ends a pause by itself."""
        here = self.step.before
        return bool(self.moved.is_paused and here and here["status"] == "new" and not here["n_pings"])


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, and what is to be said."""

    rows: tuple[Row, ...]
    remarks: tuple[Remark, ...]
    integrations: tuple[tuple[Integration, int, bool], ...]  # with how many checks list it, and whether it is here
    brings_key: bool
    steps: tuple[Step, ...]

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.steps and not self.brings_key

    def count(self, state: str) -> int:
        """Return how many checks are in a state."""
        return sum(row.state == state for row in self.rows)


def run(api: Api, export: Export, options: Options) -> Answer:
    """Do what a command of `migrate` does. Raises CliError."""
    if options.ping_key and (fault := ping_key_fault(options.ping_key)):
        raise UsageError(f"--ping-key: a ping key {fault}.")
    plan = _planned(api, healthchecks.read(export.checks, export.channels), export.label, options)
    if not options.json:
        _show(plan, options)
    if not options.dry_run and not plan.is_done:
        _carry_out(api, plan, options)
    faults = any(remark.is_fault for remark in plan.remarks)
    pending = DIFFERS if options.exit_code and not plan.is_done else 0
    return Answer(_document(plan, options), lambda: _show_end(plan, options), exit_code=int(faults) or pending)


def _planned(api: Api, reading: Reading, label: str, options: Options) -> Plan:
    there = [find.may_write(check) for check in api.checks()]
    here = {channel["name"]: channel["id"] for channel in api.channels()} if reading.integrations else {}
    entries: list[tuple[Moved, Entry]] = []
    faults: list[Remark] = []
    by_unique_key = {unique_key(check["uuid"]): check for check in there}
    for moved in reading.checks:
        match = by_unique_key.get(moved.unique_key or (unique_key(moved.uuid) if moved.uuid else ""))
        fault = _taken(moved, match, there)
        if fault:
            faults.append(fault)
            continue
        settings = {**moved.settings, **_channels(moved, reading.integrations, here, match)}
        if uuid := moved.uuid or (match["uuid"] if match else ""):
            settings["uuid"] = uuid
        entries.append((moved, Entry(label, settings, derived=False)))
    rows: list[Row] = []
    for (moved, _), result in zip(entries, apply.decided(api, [entry for _, entry in entries], there), strict=True):
        if isinstance(result, str):
            faults.append(Remark(moved.name, result, is_fault=True))
        else:
            rows.append(Row(moved, result))
    return Plan(
        tuple(rows),
        (*reading.remarks, *faults),
        tuple(_used(reading, here)),
        bool(options.ping_key) and not _has_key(api, options.ping_key),
        tuple(_steps(rows, options)),
    )


def _taken(moved: Moved, match: Document | None, there: Sequence[Document]) -> Remark | None:
    """Return why a check cannot come along if its slug is that of another one here."""
    slug = moved.settings.get("slug")
    if not (slug and moved.uuid):
        return None
    other = next((each for each in there if each["slug"] == slug and each is not match), None)
    return Remark(moved.name, TAKEN.format(title(other), slug, slug), is_fault=True) if other else None


def _channels(
    moved: Moved, integrations: Sequence[Integration], here: Mapping[str, str], match: Document | None
) -> dict[str, str]:
    """Return the channels of a check, if they can be told: those of the same names here; all, if it had all there.

    One whose integrations are not here at all gets what the project gives to new checks: somebody is notified.
    """
    if moved.channels is None:
        return {}
    listed = [each for each in integrations if each.id in moved.channels]
    if not moved.channels:
        return {"channels": ""}
    if listed and len(listed) == len(integrations):
        return {"channels": "*"}
    ids = list(dict.fromkeys(here[each.name] for each in listed if each.name in here))
    if match and set(match["channels"].split(",")) == set(ids):
        return {"channels": match["channels"]}
    return {"channels": ",".join(ids)} if ids else {}


def _used(reading: Reading, here: Mapping[str, str]) -> Iterable[tuple[Integration, int, bool]]:
    uses = Counter(channel for moved in reading.checks for channel in moved.channels or ())
    for integration in reading.integrations:
        yield integration, uses[integration.id], bool(integration.name) and integration.name in here


def _has_key(api: Api, ping_key: str) -> bool:
    """Return whether the project has this ping key: a key's id is how its hash begins."""
    listed = api.keys()
    return any(key["scope"] == Scope.PING and hashed(ping_key).startswith(key["id"]) for key in listed)


def _steps(rows: Sequence[Row], options: Options) -> Iterable[Step]:
    for row in rows:
        step = row.step
        if row.state == "new":
            yield Step(step.verb, step.name, step.settings, after=step.after, is_paused=row.moved.is_paused)
        elif row.state == "differs" and options.update:
            yield step
        if row.waits_for_pause:
            yield Step("pause", step.name, before=step.before)


def _carry_out(api: Api, plan: Plan, options: Options) -> None:
    words = [f"make {plan.count('new')} checks"]
    words += [f"change {plan.count('differs')}"] if options.update else []
    words += ["pause the rest"] if any(step.verb == "pause" for step in plan.steps) else []
    words += ["take the ping key"] if plan.brings_key else []
    question = ", ".join(words)
    output.confirm(f"{question[0].upper()}{question[1:]}?", yes=options.yes)
    if plan.brings_key:
        api.create_key(Scope.PING.value, KEY_NAME, key=options.ping_key)

    def progress(done: int) -> None:
        output.say(f"{done} of {len(plan.steps)} are done ...")

    apply.run(api, plan.steps, progress=progress)


# --- What is shown ---


def _show(plan: Plan, options: Options) -> None:
    cells = [
        (
            one_line(row.moved.settings.get("slug") or row.moved.name),
            one_line(expected(row.moved.settings)),
            f"grace {span(row.moved.settings['grace'])}" if "grace" in row.moved.settings else "",
            "paused" if row.moved.is_paused else "",
        )
        for row in plan.rows
        if row.state == "new"
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for each in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(each, widths, strict=True))
        output.data(f"+ {line.rstrip()}")
    for row in plan.rows:
        if row.state == "differs":
            output.data(f"{'~' if options.update else '!'} {row.step.name}: {'; '.join(row.step.changes)}")
        if row.waits_for_pause:
            output.data(f"~ {row.step.name}: pause")
    for remark in plan.remarks:
        output.say(f"{'NOT MOVED: ' if remark.is_fault else ''}{one_line(remark.name)}: {one_line(remark.text)}")
    for integration, uses, is_here in plan.integrations:
        if not is_here:
            output.say(_missing(integration, uses))
    for line in _notes(plan, options):
        output.say(line)
    faults = sum(remark.is_fault for remark in plan.remarks)
    output.say(
        f"{plan.count('new')} checks to make, {plan.count('same')} as in Healthchecks already, "
        f"{plan.count('differs')} differ, {faults} cannot come along."
    )


def _missing(integration: Integration, uses: int) -> str:
    """Return what to do about a receiver of alerts that is not here."""
    label = one_line(integration.label) or "an integration"
    begin = f"NOT MOVED: the integration {label}, of {uses} checks: the API does not show where it goes."
    if integration.kind not in KINDS:
        return f"{begin} Lastseen has no such channel: docs/alerts.md lists those that it has."
    if not integration.name:
        return f"{begin} It has no name, so its checks cannot be told to a channel here: make one for all."
    made = hint("lastseen", "channels", "create", integration.name)
    return f"{begin} Make it under this name, and its checks get it (later: with --update): {made} TARGET"


def _notes(plan: Plan, options: Options) -> Iterable[str]:
    without = sum(row.state == "new" and not row.moved.uuid for row in plan.rows)
    if without:
        yield (
            f"{without} checks get new UUIDs: a read-only key does not show theirs. "
            "With a read-write key, or its list of checks, their ping URLs stay."
        )
    if plan.count("differs") and not options.update:
        yield "What is marked ! stays as it is here; --update takes the settings of Healthchecks."
    if not options.ping_key and any(row.moved.settings.get("slug") for row in plan.rows):
        yield "Jobs that ping by slug need the project's ping key here, which the API does not show: --ping-key"


def _show_end(plan: Plan, options: Options) -> None:
    if options.dry_run:
        output.say("Nothing was changed.")
        return
    if plan.is_done:
        output.say("Nothing to do." if plan.rows else "There is no check to move.")
        return
    output.say("Done. Each check is watched from its first ping here.")
    before, after = _bases(plan)
    if before and after:
        output.say(f"In the jobs, replace {one_line(before)}/ by {after}/ and leave the rest of each URL as it is.")
    elif after:
        output.say(f"Ping URLs begin with {after}/ here: lastseen checks list --columns name,slug,uuid")


def _bases(plan: Plan) -> tuple[str, str]:
    """Return what ping URLs begin with there and here, "" for what is not known."""
    there = Counter(row.moved.ping_base for row in plan.rows if row.moved.ping_base)
    here = next((row.step.after["ping_url"] for row in plan.rows if row.step.after), "")
    return (there.most_common(1)[0][0] if there else ""), here.rpartition("/")[0]


def _document(plan: Plan, options: Options) -> dict[str, Any]:
    before, after = _bases(plan)
    return {
        "checks": [
            {
                "name": row.moved.settings.get("name", ""),
                "slug": row.moved.settings.get("slug", ""),
                "keeps_uuid": bool(row.step.settings.get("uuid")),
                "is_paused": row.moved.is_paused,
                "state": row.state,
                "changes": list(row.step.changes),
            }
            for row in plan.rows
        ],
        "integrations": [
            {"name": each.name, "kind": each.kind, "checks": uses, "is_here": is_here}
            for each, uses, is_here in plan.integrations
        ],
        "remarks": [{"check": each.name, "text": each.text, "is_fault": each.is_fault} for each in plan.remarks],
        "ping_key": ("new" if plan.brings_key else "there") if options.ping_key else "",
        "ping_urls": {"there": before, "here": after},
        "applied": not options.dry_run,
    }
