"""What it costs: the template's resources, and what was counted and measured here, times AWS's prices.

Two columns: list price, and with what is always free in an account that uses nothing else. All that a healthy
deployment does is in it; alerts are not: an e-mail is $0.00002, and a thousand a month are free.

Two things cannot be measured outside of AWS and are assumed: how long a call takes on its network, and that a function
gets CPU in proportion to its memory (AWS's documentation: one CPU at 1,769 MB). Not known: whether AWS counts the bytes
of TLS handshakes as egress.

`python -m tests.bench.money` writes the README's rows anew, from the other figures of its table.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lastseen.aws.wakes import CHECKS
from tests.bench import table
from tests.bench.deployed import MINUTES, ROOT, Deployed, metrics_of
from tests.bench.prices import MILLION, Bill, Cost, Line, Price, gateway_lines, usd
from tests.bench.table import Figure, Section

FLOOR = 1.89
"""$ per million pings that no design of this shape can avoid: the request, the function, one write, the answer."""

ACCOUNT_PINGS_A_SECOND = 10_000  # API Gateway's quota of requests
CALL_MS = 4.0  # assumed: a DynamoDB call from Lambda, there and back
FULL_CPU_MB = 1769
SWEEP_SECONDS = 0.1  # of a sweep that finds nothing (assumed): four calls, the canary's ping, 5 ms of CPU
ALERT_MS = 15.0  # assumed: a batch of wakes none of which is due any more, one read of up to a hundred checks
ANSWER_BYTES = 300
SWEEP_LOG_BYTES = 1_000  # a test holds that a sweep writes no more
ALERT_LOG_BYTES = 700
LOG_EVENT_BYTES = 26  # that CloudWatch reckons for each line beside its text
ITEM_OVERHEAD_BYTES = 100  # that DynamoDB reckons for each item it keeps
MONTH_DAYS = 365 / 12
A_PING = {
    "$context.requestTimeEpoch": "1772452800000",
    "$context.requestId": "JKJaXmPLvHcESHA=",
    "$context.routeKey": "ANY /ping/{proxy+}",
    "$context.status": "200",
    "$context.responseLatency": "12",
    "$context.identity.sourceIp": "203.0.113.9",
    "$context.error.responseType": "-",
}
"""What the access log says of a ping."""

COLD_SHARE = ((0.1, 0.5), (10.0, 0.02), (math.inf, 0.002))
"""Share of cold starts by pings a second (assumed)."""

HEADS = ("list price", "with the always-free tiers")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run counted and measured."""

    ping_cpu_ms: float  # warm
    cold_cpu_ms: float
    write_units: float  # of a steady ping, history on
    write_units_bare: float  # history off
    item_bytes: int
    history_bytes: int
    sweep_cpu_ms_per_wake: float
    sweep_read_units: float  # of a sweep that finds nothing, its scan of one page included


def taken_from(figures: Mapping[str, float]) -> Measured:
    """Return what the other parts have measured. Raises KeyError if one of them did not run."""
    checks, due = "100,000 checks, 100.0% due", 100_000
    return Measured(
        ping_cpu_ms=figures["ping, steady"],
        cold_cpu_ms=figures["ping"],
        write_units=figures["steady ping, by UUID: write units"],
        write_units_bare=figures["steady ping, history off: write units"],
        item_bytes=int(figures["item of a typical check"]),
        history_bytes=int(figures["item of a ping in the history"]),
        sweep_cpu_ms_per_wake=figures[f"{checks}: CPU"] / due,
        sweep_read_units=figures["a sweep that finds nothing: read units"],
    )


def figures_of(sections: Sequence[Section]) -> dict[str, float]:
    """Return the values of sections by what they are."""
    return {figure.what: figure.value for section in sections for figure in section.figures}


@dataclass(frozen=True, slots=True)
class Load:
    """What a deployment has to do in a month: so many checks, each of which pings once in so many minutes."""

    checks: int = 0
    every_minutes: int = 60
    history: bool = True

    @property
    def pings(self) -> float:
        return self.checks * MINUTES / self.every_minutes

    @property
    def pings_a_second(self) -> float:
        return self.checks / self.every_minutes / 60

    @property
    def cold_share(self) -> float:
        return next(share for rate, share in COLD_SHARE if self.pings_a_second <= rate)

    @property
    def woken_a_minute(self) -> float:
        """With a grace that is longer than the look-ahead, only checks that are late are woken; by the minute, all."""
        return float(self.checks if self.every_minutes == 1 else 0)


@dataclass(frozen=True, slots=True)
class Books:
    """Who reckons: a template, and what was measured."""

    deployed: Deployed
    measured: Measured

    def bill(self, load: Load) -> Bill:
        """Return a month's bill of a healthy deployment."""
        return Bill(
            (
                *self.deployed.standing(),
                *self._metrics(load),
                *self._sweeps(load),
                *self._pings("the canary", MINUTES, history=load.history, cold_share=0.002),
                *self._pings("pings", load.pings, history=load.history, cold_share=load.cold_share),
                *self._alerting(load),
            )
        )

    def a_million_pings(self, *, history: bool) -> Cost:
        """Return what a million pings add to an idle deployment."""
        idle = self.bill(Load(history=history))
        more = (*idle.lines, *self._pings("pings", MILLION, history=history, cold_share=0.002))
        return Bill(more).total - idle.total

    def _metrics(self, load: Load) -> Iterator[Line]:
        """Yield the metrics of our own that are sent: a metric is paid for by the hour in which it is."""
        sent = metrics_of("sweep") | (metrics_of("alert") if load.woken_a_minute else set())
        yield Line("custom metrics", Price.METRIC, len(sent))

    def _sweeps(self, load: Load) -> Iterator[Line]:
        memory_mb = self.deployed.memory_mb["sweep"]
        cpu_seconds = load.woken_a_minute * self.measured.sweep_cpu_ms_per_wake / 1000
        seconds = SWEEP_SECONDS + cpu_seconds * FULL_CPU_MB / memory_mb
        yield from self._computing("sweeps", MINUTES, seconds, memory_mb)
        yield from self._logging("sweeps", MINUTES * SWEEP_LOG_BYTES)
        one_page = 0.5
        scan = max(one_page, math.ceil(load.checks * self.measured.item_bytes / 4096) / 2)
        yield Line("reads of sweeps", Price.READ_UNIT, MINUTES * (self.measured.sweep_read_units - one_page + scan))
        kept = load.checks * (self.measured.item_bytes + ITEM_OVERHEAD_BYTES)
        yield from self._keeping("storage and backups of checks", kept)

    def _pings(self, what: str, count: float, *, history: bool, cold_share: float) -> Iterator[Line]:
        measured, memory_mb = self.measured, self.deployed.memory_mb["ping"]
        calls = 3 if history else 2
        warm_ms = calls * CALL_MS + measured.ping_cpu_ms * FULL_CPU_MB / memory_mb
        yield from gateway_lines(what, count)
        yield from self._computing(what, count, (warm_ms + cold_share * measured.cold_cpu_ms) / 1000, memory_mb)
        units = measured.write_units if history else measured.write_units_bare
        yield Line(what, Price.WRITE_UNIT, count * units)
        yield Line(what, Price.READ_UNIT, count / 2)  # an eventual one
        yield Line(what, Price.EGRESS_GB, count * ANSWER_BYTES / 1e9)
        yield from self._logging(what, count * self.access_log_bytes)
        if history:
            kept = count / MONTH_DAYS * self.deployed.history_days * (measured.history_bytes + ITEM_OVERHEAD_BYTES)
            yield from self._keeping(what, kept)

    def _alerting(self, load: Load) -> Iterator[Line]:
        """Yield the looks at checks that are nearly due. Those of the same second share a message, and a message is
        assumed to be a batch of its own; ten are sent at once.
        """
        woken = load.woken_a_minute
        messages = MINUTES * (60 * (1 - math.exp(-woken / 60)) + woken / CHECKS)
        yield Line("looks at checks", Price.SQS_REQUEST, messages * 2.1)
        yield from self._computing("looks at checks", messages, ALERT_MS / 1000, self.deployed.memory_mb["alert"])
        yield from self._logging("looks at checks", messages * ALERT_LOG_BYTES)
        yield Line("looks at checks", Price.READ_UNIT, MINUTES * woken)

    @property
    def access_log_bytes(self) -> int:
        line = {name: A_PING[value] for name, value in self.deployed.access_log.items()}
        return LOG_EVENT_BYTES + len(json.dumps(line))

    def _computing(self, what: str, count: float, seconds: float, memory_mb: int) -> Iterator[Line]:
        yield Line(what, Price.LAMBDA_REQUEST, count)
        yield Line(what, Price.LAMBDA_GB_SECOND, count * seconds * memory_mb / 1024)

    def _logging(self, what: str, size: float) -> Iterator[Line]:
        yield Line(what, Price.LOG_GB, size / 1e9)
        yield Line(what, Price.LOG_KEPT_GB, size / 1e9 * self.deployed.log_days / MONTH_DAYS)

    def _keeping(self, what: str, size: float) -> Iterator[Line]:
        yield Line(what, Price.TABLE_GB, size / 1e9)
        if self.deployed.has_backups:
            yield Line(what, Price.BACKUP_GB, size / 1e9)

    def reachable(self, load: Load) -> str:
        """Return what stands in the way of a load, or ""."""
        if load.pings_a_second > ACCOUNT_PINGS_A_SECOND:
            return f"not reachable: API Gateway lets in {ACCOUNT_PINGS_A_SECOND:,} requests a second"
        if load.pings_a_second > self.deployed.pings_a_second:
            return f"needs ping_throttle_rate above {self.deployed.pings_a_second}"
        return ""


def section(measured: Measured, deployed: Deployed) -> Section:
    """Return what an idle deployment costs line by line, what a million pings do, and what a month does."""
    books = Books(deployed, measured)
    idle = books.bill(Load())
    figures = [_figure("a month, idle: no checks", idle.total, "$")]
    figures += [_figure(f"of it: {what}", cost, "$") for what, cost in idle.by_what().items() if cost.listed]
    figures += _a_million(books)
    for checks in (100, 10_000, MILLION):
        for every, word in ((60, "hourly"), (1, "each minute")):
            for history in (True, False):
                load = Load(checks, every, history)
                what = f"a month, {checks:,} checks {word}, history {'on' if history else 'off'}"
                figures.append(_figure(what, books.bill(load).total, "$", books.reachable(load)))
    dashboard = Bill((Line("dashboard", Price.DASHBOARD, 1),)).total
    figures.append(_figure("a CloudWatch dashboard, if you ask for it", dashboard, "$"))
    usual = Bill((Line("alarms", Price.ALARM, 100), Line("metrics", Price.METRIC, 100))).total
    figures.append(_figure("100 CloudWatch alarms on custom metrics", usual, "$", "the usual way"))
    return Section("Money", tuple(figures), HEADS)


def _a_million(books: Books) -> list[Figure]:
    on, off = (books.a_million_pings(history=history) for history in (True, False))
    default = f"as deployed by default: history, backups, access log; {on.listed / FLOOR - 1:+.0%} of the floor"
    return [
        _figure("a million pings", on, "$", default),
        _figure("a million pings, history off", off, "$", f"{off.listed / FLOOR - 1:+.0%} of the floor of ${FLOOR}"),
    ]


def _figure(what: str, cost: Cost, unit: str, note: str = "") -> Figure:
    return Figure(what, cost.listed, unit, note, second=cost.with_free)


README = ROOT / "README.md"
MONEY_ROWS = re.compile(r"^\| \*\*Money\*\* \|.*?(?=\n\n)", re.MULTILINE | re.DOTALL)


def readme_figures(text: str) -> dict[str, float]:
    """Return the values of the bench's table in the README."""
    rows = re.findall(r"^\| ([^|*]+) \| ([\d,.]+) \|", text, re.MULTILINE)
    return {what: float(value.replace(",", "")) for what, value in rows}


def with_money(text: str) -> str:
    """Return the README with its rows about money reckoned anew, from its other rows and the template."""
    reckoned = section(taken_from(readme_figures(text)), Deployed.as_shipped())
    rows = "\n".join(table.markdown([reckoned]).splitlines()[2:])
    return MONEY_ROWS.sub(lambda _: rows, text, count=1)


def main() -> int:
    """Write the README's rows, and print the idle bill."""
    text = README.read_text("utf-8")
    README.write_text(with_money(text), "utf-8")
    for figure in section(taken_from(readme_figures(text)), Deployed.as_shipped()).figures:
        print(f"{figure.what:55} {usd(figure.value):>14} {usd(figure.second or 0):>14}  {figure.note}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
