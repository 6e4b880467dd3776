"""AWS's prices in us-east-1, in USD, and what is always free of each in an account. As of November 2026.

Lives here: prices, and how a bill is made of amounts, in two columns: at list price, and in an account that uses
nothing else. Never here: what a deployment uses (money.py, deployed.py). Not counted: what is free for twelve months or
by credits.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, unique

MILLION = 1_000_000


@unique
class Free(Enum):
    """What is always free in a month, for all of an account together."""

    NOTHING = "nothing", 0
    LAMBDA_REQUESTS = "requests to Lambda", MILLION
    LAMBDA_GB_SECONDS = "GB-seconds of Lambda", 400_000
    SQS_REQUESTS = "requests to SQS", MILLION
    SCHEDULER = "calls of EventBridge Scheduler", 14 * MILLION
    ALARMS = "alarms", 10
    METRICS = "metrics", 10
    DASHBOARDS = "dashboards of up to fifty metrics", 3
    LOG_GB = "GB of logs, taken in and kept", 5
    TABLE_GB = "GB of tables", 25
    EGRESS_GB = "GB of egress", 100

    @property
    def amount(self) -> int:
        return self.value[1]


@unique
class Price(Enum):
    """Dollars for one, and which free amount it is counted on."""

    HTTP_API = 1.00 / MILLION, Free.NOTHING
    HTTP_API_ABOVE = 0.90 / MILLION, Free.NOTHING  # above 300 million a month
    LAMBDA_REQUEST = 0.20 / MILLION, Free.LAMBDA_REQUESTS
    LAMBDA_GB_SECOND = 0.0000133334, Free.LAMBDA_GB_SECONDS  # arm64
    WRITE_UNIT = 0.625 / MILLION, Free.NOTHING  # DynamoDB, on demand
    READ_UNIT = 0.125 / MILLION, Free.NOTHING
    TABLE_GB = 0.25, Free.TABLE_GB
    BACKUP_GB = 0.20, Free.NOTHING  # point-in-time recovery
    SQS_REQUEST = 0.40 / MILLION, Free.SQS_REQUESTS
    SQS_FIFO_REQUEST = 0.50 / MILLION, Free.SQS_REQUESTS
    SCHEDULER = 1.00 / MILLION, Free.SCHEDULER
    LOG_GB = 0.50, Free.LOG_GB
    LOG_KEPT_GB = 0.03, Free.LOG_GB
    EGRESS_GB = 0.09, Free.EGRESS_GB
    ALARM = 0.10, Free.ALARMS
    METRIC = 0.30, Free.METRICS
    DASHBOARD = 3.00, Free.DASHBOARDS

    @property
    def dollars(self) -> float:
        return self.value[0]

    @property
    def free(self) -> Free:
        return self.value[1]


HTTP_API_STEP = 300 * MILLION
"""Requests a month from which on they are cheaper."""


@dataclass(frozen=True, slots=True)
class Line:
    """So much of something in a month, and what for."""

    what: str
    price: Price
    amount: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars a month: at list price, and with what is always free in an account that uses nothing else."""

    listed: float = 0.0
    with_free: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.listed + other.listed, self.with_free + other.with_free)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.listed - other.listed, self.with_free - other.with_free)


@dataclass(frozen=True, slots=True)
class Bill:
    """What a month's lines cost. What is free of a kind is shared by its lines in proportion to their amounts."""

    lines: tuple[Line, ...]

    @property
    def total(self) -> Cost:
        return sum(self.by_what().values(), Cost())

    def by_what(self) -> dict[str, Cost]:
        """Return what each thing costs, in the order of the lines."""
        used: defaultdict[Free, float] = defaultdict(float)
        for line in self.lines:
            used[line.price.free] += line.amount
        costs: defaultdict[str, Cost] = defaultdict(Cost)
        for line in self.lines:
            dollars, free = line.amount * line.price.dollars, line.price.free
            paid_share = max(0.0, 1 - free.amount / used[free]) if used[free] else 1.0
            costs[line.what] += Cost(dollars, dollars * paid_share)
        return dict(costs)


def gateway_lines(what: str, requests: float) -> Iterable[Line]:
    """Return what so many requests to an HTTP API are."""
    below = min(requests, HTTP_API_STEP)
    yield Line(what, Price.HTTP_API, below)
    yield Line(what, Price.HTTP_API_ABOVE, requests - below)


def usd(dollars: float) -> str:
    """Return dollars as people write them."""
    return f"${dollars:,.2f}" if math.fabs(dollars) < MILLION else f"${dollars:,.0f}"
