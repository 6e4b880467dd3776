"""The commands of every day: what is down and why, what jobs wrote, what happens now; a ping by hand, the dashboard."""

from __future__ import annotations

import contextlib
import sys
import time
import webbrowser
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lastseen.core.check import unique_key
from lastseen.text.words import harmless, span
from lastseen_cli import find, listing, output
from lastseen_cli.connect import Answer, command
from lastseen_cli.errors import DIFFERS, UsageError
from lastseen_cli.listing import Query, Status, status_of
from lastseen_cli.options import AsJson, CheckName
from lastseen_cli.output import Cell
from lastseen_cli.settings import seconds_of, title

if TYPE_CHECKING:
    from lastseen_cli.api import Api, Document

daily = typer.Typer()
"""Top-level commands: commands.py adds them to `lastseen` itself."""

EXPLAINED = 50
"""Checks in trouble whose reason is looked up: a request each, or two."""

PARALLEL = 8
POLL_SECONDS = 3.0
NEW_PINGS = 100
"""Pings of one check that a poll shows at most."""

WHY = {"missed": "did not start in time", "stuck": "did not end in time", "failed": "failed", "pinged": "was pinged"}
SIGNALS = ("success", "start", "fail", "log")
EXIT_STATUSES = range(256)

AnyCheck = Annotated[
    str | None,
    typer.Argument(metavar="[CHECK]", help="Only this check: its slug, name or UUID.", show_default=False),
]


@command(daily, "status", "lastseen status", "lastseen status --tag prod || echo 'something is down'")
def status(
    api: Api,
    *,
    tag: Annotated[list[str] | None, typer.Option(help="Only checks with this tag; may be repeated.")] = None,
) -> Answer:
    """Show what is down or late, why, and since when.

    Exit status: 0 nothing is down, 3 something is.
    """
    trouble, total = listing.ask(api, Query(tuple(tag or ()), (Status.DOWN, Status.LATE)))
    with ThreadPoolExecutor(PARALLEL) as pool:
        reports = list(pool.map(lambda check: _report(api, check), trouble[:EXPLAINED]))
    reports += [_brief(check) for check in trouble[EXPLAINED:]]
    count = Counter(report["status"] for report in reports)

    def show() -> None:
        rows = [_status_row(report) for report in reports]
        if rows:
            duration = ["FOR"] if output.at_terminal() else []
            output.table(["STATUS", "NAME", "WHY", output.zoned("SINCE"), *duration], rows)
        output.say(
            f"{count['down']} down, {count['late']} late, of {total} checks."
            if rows
            else f"Nothing is down ({total} checks)."
        )

    document = {"down": count["down"], "late": count["late"], "total": total, "checks": reports}
    return Answer(document, show, exit_code=DIFFERS if count["down"] else 0)


def _status_row(report: Document) -> tuple[Cell, ...]:
    since = output.time(report["since"], form=output.MINUTES)
    duration = [_ago(report["since"])] if output.at_terminal() else []
    return listing.styled(report["status"]), title(report), report["why"], since, *duration


def _ago(stamp: str | None) -> str:
    return "" if stamp is None else span(output.present() - datetime.fromisoformat(stamp))


def _brief(check: Document) -> Document:
    late = status_of(check) == Status.LATE
    return {
        "name": check["name"],
        "slug": check["slug"],
        "key": check.get("uuid") or check.get("unique_key", ""),
        "status": status_of(check),
        "why": "",
        "since": check["next_ping"] if late else None,
    }


def _report(api: Api, check: Document) -> Document:
    """Return what is wrong with a check, why and since when."""
    report = _brief(check)
    if report["status"] == Status.LATE:
        return report | {"why": "did not end yet" if check.get("started") else "did not ping yet"}
    flip = next((flip for flip in api.flips(report["key"]) if flip["status"] == "down"), None)
    if flip is None:
        return report | {"why": "did not ping in time"}
    why = str(WHY.get(flip["reason"], flip["reason"]))
    if flip["reason"] == "failed" and "uuid" in check:
        failure = next((ping for ping in api.pings(check["uuid"], limit=NEW_PINGS) if ping["type"] == "fail"), {})
        why += _exit(failure)
    return report | {"why": why, "reason": flip["reason"], "since": flip["timestamp"]}


def _exit(ping: Document) -> str:
    status = ping.get("note") or ping.get("exitstatus", "")
    return f", exit status {status}" if status != "" else ""


@command(daily, "logs", "lastseen logs nightly-backup", "lastseen logs nightly-backup --failed -n 1")
def logs(
    api: Api,
    check: CheckName,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only failures.")] = False,
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=100, help="How many, from the newest.")] = 5,
) -> Answer:
    """Show what a job wrote: its last pings with their bodies, the newest at the end."""
    found = find.writable_check(api, check)
    listed = api.pings(found["uuid"], limit=1000 if failed else number)
    wanted = [ping for ping in listed if not failed or ping["type"] == "fail"][:number][::-1]
    for ping in wanted:
        body = api.body(found["uuid"], ping["n"]) if ping["body_url"] else None
        ping["body"] = (body or b"").decode(errors="replace")

    def show() -> None:
        if not wanted:
            output.say(f"{'No failure' if failed else 'No ping'} of {title(found)} is kept.")
        for ping in wanted:
            output.data(f"#{ping['n']}  {output.when(ping['date'])}  {_ping_words(ping)}")
            if text := harmless(ping["body"]).strip("\n"):
                output.data(f"{text}\n")

    return Answer({"pings": wanted}, show)


def _ping_words(ping: Document) -> str:
    took = f", took {ping['duration']:g} s" if "duration" in ping else ""
    return output.one_line(f"{ping['type']}{_exit(ping)}{took}, from {ping['remote_addr']} {ping['ua']}")


@command(daily, "tail", "lastseen tail", "lastseen tail nightly-backup --json")
def tail(api: Api, check: AnyCheck = None, *, json: AsJson = False) -> None:
    """Show pings and changes of status as they come, until Ctrl-C.

    With --json: one document per line.
    """
    output.say(f"Waiting for pings of {check or 'all checks'}. Ctrl-C ends this.")
    with contextlib.suppress(KeyboardInterrupt):
        for event in follow(api, check):
            if json:
                output.as_json(event, indent=None)
            else:
                output.data(f"{output.when(event['at'])}  {title(event)}  {event['what']}")


def follow(api: Api, name: str | None) -> Iterator[Document]:
    """Yield each ping and each change of status from now on."""
    key = ""
    if name:
        found = find.check(api, name)
        key = found.get("uuid") or found["unique_key"]
    before: dict[str, Document] | None = None
    while True:
        checks = [each for each in [api.check(key)] if each] if key else api.checks()
        now = {each.get("uuid") or each["unique_key"]: each for each in checks}
        if before is not None:
            yield from _news(api, before, now)
        before = now
        time.sleep(POLL_SECONDS)


def _news(api: Api, before: dict[str, Document], now: dict[str, Document]) -> Iterator[Document]:
    for key, check in now.items():
        known = before.get(key, {"n_pings": 0, "status": "new"})
        called = {"name": check["name"], "slug": check["slug"]}
        new = min(check["n_pings"] - known["n_pings"], NEW_PINGS)
        if new > 0 and "uuid" in check:
            for ping in reversed(api.pings(check["uuid"], limit=new)):
                yield called | {"at": ping["date"], "what": _ping_words(ping), "ping": ping}
        elif new > 0:
            yield called | {"at": check["last_ping"], "what": f"{new} pings"}
        if status_of(check) != status_of(known):
            what = f"{status_of(known)} -> {status_of(check)}"
            at = output.present().isoformat(timespec="seconds")
            yield called | {"at": at, "what": what, "status": status_of(check)}


@command(
    daily,
    "ping",
    "lastseen ping nightly-backup",
    'lastseen ping nightly-backup fail -m "The disk is full"',
    "df -h | lastseen ping nightly-backup log -m -",
)
def ping(
    api: Api,
    check: CheckName,
    signal: Annotated[
        str, typer.Argument(metavar="[SIGNAL]", help="success, start, fail, log, or an exit status of 0 to 255.")
    ] = "success",
    *,
    message: Annotated[str, typer.Option("--message", "-m", help="Text to keep with the ping; - reads stdin.")] = "",
) -> Answer:
    """Send a ping by hand."""
    is_status = signal.isdecimal() and signal.isascii() and int(signal) in EXIT_STATUSES
    if signal not in SIGNALS and not is_status:
        raise UsageError(
            f"There is no signal {signal}. There are: {', '.join(SIGNALS)}, and exit statuses of 0 to 255."
        )
    found = find.writable_check(api, check)
    body = sys.stdin.buffer.read() if message == "-" else message.encode(errors="replace")
    api.ping(found["ping_url"] + ("" if signal == "success" else f"/{signal}"), body)
    return Answer(
        {"uuid": found["uuid"], "signal": signal}, lambda: output.say(f"Sent a ping ({signal}) of {title(found)}.")
    )


@command(daily, "open", "lastseen open", "lastseen open nightly-backup --print")
def open_page(
    api: Api,
    check: AnyCheck = None,
    *,
    only_print: Annotated[bool, typer.Option("--print", help="Print the address; start no browser.")] = False,
) -> Answer:
    """Open the dashboard, or the page of a check, in the browser."""
    url = api.url.removesuffix("/api")
    if check:
        found = find.check(api, check)
        url += f"/checks/{found.get('unique_key') or unique_key(found['uuid'])}"
    if not only_print:
        webbrowser.open(url)
    return Answer({"url": url}, lambda: output.data(url))


@command(daily, "events", "lastseen events --last 1h", "lastseen events nightly-backup --last 7d")
def events(
    api: Api,
    check: AnyCheck = None,
    *,
    last: Annotated[str, typer.Option(metavar="TIME", help="Of the last 90s, 5m, 1h30m, 7d ...")] = "1d",
) -> Answer:
    """List changes of status of all checks, or of one, the newest at the end."""
    length = seconds_of(last, option="--last")
    checks = [find.check(api, check)] if check else api.checks()
    listed = sorted(_flips(api, checks, length), key=lambda event: (output.instant(event["timestamp"]), event["name"]))

    def show() -> None:
        if not listed:
            output.say(f"Nothing changed in the last {last}.")
            return
        rows = [
            (
                output.time(each["timestamp"]),
                listing.styled(each["status"]),
                title(each),
                WHY.get(each["reason"], each["reason"]),
            )
            for each in listed
        ]
        output.table((output.zoned("TIME"), "STATUS", "NAME", "WHY"), rows)

    return Answer({"events": listed}, show)


def _flips(api: Api, checks: Sequence[Document], length: int) -> Iterable[dict[str, Any]]:
    def of(check: Document) -> list[Document]:
        called = {"name": check["name"], "slug": check["slug"]}
        return [called | flip for flip in api.flips(check.get("uuid") or check["unique_key"], seconds=length)]

    with ThreadPoolExecutor(PARALLEL) as pool:
        return [event for flips in pool.map(of, checks) for event in flips]
