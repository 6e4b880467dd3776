"""A project's checks as Prometheus reads them. Pure.

Source of the names that begin with `hc_`: Healthchecks' metrics, so that its dashboards and alert rules work. Ours
beyond them begin with `lastseen_`. As there, `hc_check_up` is 0 for "down" alone: watch `hc_check_grace` for late ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from lastseen.core.check import Check, unique_key
from lastseen.core.dues import appearance, deadline
from lastseen.core.runs import under_way
from lastseen.core.schedule import ScheduleError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Value = Callable[[Check, str, datetime], float | None]
"""Of a check, its appearance and the present: what a gauge shows; None: nothing."""


def _seconds_to_deadline(check: Check, _appearance: str, now: datetime) -> float | None:
    try:
        at = deadline(check)
    except ScheduleError:
        return None
    return (at - now).total_seconds() if at else None


GAUGES: tuple[tuple[str, str, Value], ...] = (
    ("hc_check_up", "Whether the check is not down.", lambda _check, seen, _now: float(seen != "down")),
    ("hc_check_started", "Whether a run is open.", lambda check, _seen, _now: float(bool(under_way(check)))),
    (
        "hc_check_grace",
        "Whether the check is late, within its grace.",
        lambda _check, seen, _now: float(seen == "grace"),
    ),
    ("hc_check_paused", "Whether the check is paused.", lambda _check, seen, _now: float(seen == "paused")),
    (
        "lastseen_check_seconds_to_deadline",
        "Seconds until the check goes down unless it is pinged; absent if it has no deadline.",
        _seconds_to_deadline,
    ),
    (
        "lastseen_check_last_ping_timestamp_seconds",
        "When the last success or failure came; absent if none did.",
        lambda check, _seen, _now: check.last_ping.timestamp() if check.last_ping else None,
    ),
    (
        "lastseen_check_last_duration_seconds",
        "How long the last run took; absent if that is not known.",
        lambda check, _seen, _now: check.last_duration.total_seconds() if check.last_duration is not None else None,
    ),
)


def text(checks: Sequence[Check], now: datetime) -> str:
    """Return the checks in Prometheus' text format."""
    ordered = sorted(checks, key=lambda check: (check.name.casefold(), check.id))
    return "".join(f"{line}\n" for line in _lines([(check, appearance(check, now)) for check in ordered], now))


def _lines(seen: Sequence[tuple[Check, str]], now: datetime) -> Iterator[str]:
    for name, says, value in GAUGES:
        yield from _head(name, says)
        for check, shown in seen:
            number = value(check, shown, now)
            if number is not None:
                labels = {"name": check.name, "tags": check.tags, "unique_key": unique_key(check.id)}
                yield _sample(name, labels, number)
    tags: dict[str, bool] = {}
    for check, shown in seen:
        tags |= {tag: tags.get(tag, True) and shown != "down" for tag in check.tags.split()}
    yield from _head("hc_tag_up", "Whether no check of the tag is down.")
    for tag in sorted(tags):
        yield _sample("hc_tag_up", {"tag": tag}, float(tags[tag]))
    yield from _head("hc_checks_total", "How many checks there are.")
    yield _sample("hc_checks_total", {}, len(seen))
    yield from _head("hc_checks_down_total", "How many checks are down.")
    yield _sample("hc_checks_down_total", {}, sum(shown == "down" for _, shown in seen))


def _head(name: str, says: str) -> Iterator[str]:
    yield f"# HELP {name} {says}"
    yield f"# TYPE {name} gauge"


def _sample(name: str, labels: dict[str, str], value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{shown}}} {value:.15g}" if shown else f"{name} {value:.15g}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
