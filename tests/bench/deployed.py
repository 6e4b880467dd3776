"""The template as a bill sees it: what each of its resources costs by being there, and what the rest needs to know.

Every type of resource is listed, so a new one cannot be left out of the bill: it is refused until somebody says what it
costs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.bench.prices import Line, Price

ROOT = Path(__file__).parents[2]
SNAPSHOT = ROOT / "tests/infra/__snapshots__/test_stack/test_nothing_else_changed_by_accident.json"
"""The template, as a test holds it."""

MINUTES = 43_800  # a month of 730 hours
POLLS_A_MINUTE = 3  # of one poller: each waits 20 s
POLLERS = 5  # with a maximum of concurrency set, which keeps Lambda from going down to
POLLERS_AT_REST = 2  # this many ("Configuring scaling behavior for SQS event source mappings")

BY_USE = frozenset(
    {
        "AWS::ApiGatewayV2::Api",
        "AWS::ApiGatewayV2::Stage",
        "AWS::DynamoDB::GlobalTable",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
    }
)
"""Cost nothing by being there: money.py counts what is done with them."""

NOTHING = frozenset(
    {
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Route",
        "AWS::Events::Rule",  # of events of AWS's own services
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::Permission",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    }
)


class UnpricedError(Exception):
    """A resource of a type, or a form of it, of which nobody has said what it costs."""


@dataclass(frozen=True)
class Deployed:
    """A template, once deployed."""

    template: Mapping[str, Any]

    @classmethod
    def as_shipped(cls) -> Deployed:
        return cls(json.loads(SNAPSHOT.read_text()))

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        resources = self.template["Resources"].items()
        return {name: each.get("Properties", {}) for name, each in resources if each["Type"] == kind}

    def standing(self) -> Iterator[Line]:
        """Yield what costs something, used or not. Raises UnpricedError."""
        for name, resource in self.template["Resources"].items():
            kind, properties = resource["Type"], resource.get("Properties", {})
            match kind:
                case "AWS::CloudWatch::Alarm":
                    if "Metrics" in properties or properties["Period"] < 60:
                        raise UnpricedError(f"{name} is no alarm of the standard kind, which is all that is priced.")
                    yield Line("alarms", Price.ALARM, 1)
                case "AWS::CloudWatch::Dashboard":
                    yield Line("dashboard", Price.DASHBOARD, 1)
                case "AWS::Lambda::EventSourceMapping":
                    yield self._polling(properties)
                case "AWS::Scheduler::Schedule":
                    yield Line("schedule", Price.SCHEDULER, _runs(properties["ScheduleExpression"]))
                case _ if kind not in BY_USE | NOTHING:
                    raise UnpricedError(f"Nobody has said what {name} costs, a {kind}: tests/bench/deployed.py")

    def _polling(self, mapping: Mapping[str, Any]) -> Line:
        queue = self.template["Resources"][mapping["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        price = Price.SQS_FIFO_REQUEST if queue.get("FifoQueue") else Price.SQS_REQUEST
        is_limited = "MaximumConcurrency" in mapping.get("ScalingConfig", {})
        pollers = POLLERS if is_limited else POLLERS_AT_REST
        function = self.template["Resources"][mapping["FunctionName"]["Ref"]]["Properties"]["Handler"]
        is_on = mapping.get("Enabled", True)
        return Line(
            f"polling for {function.removesuffix('.handler')}", price, is_on * pollers * POLLS_A_MINUTE * MINUTES
        )

    @cached_property
    def memory_mb(self) -> dict[str, int]:
        """The memory of each function."""
        functions = self.of_type("AWS::Lambda::Function").values()
        return {each["Handler"].removesuffix(".handler"): each["MemorySize"] for each in functions}

    @property
    def history_days(self) -> int:
        [days] = {
            int(each["Environment"]["Variables"]["HISTORY_DAYS"])
            for each in self.of_type("AWS::Lambda::Function").values()
        }
        return days

    @property
    def has_backups(self) -> bool:
        """Whether the table of the history can be restored to any second."""
        [history] = [
            each
            for name, each in self.of_type("AWS::DynamoDB::GlobalTable").items()
            if name.startswith("TablesHistory")
        ]
        return any(
            replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] for replica in history["Replicas"]
        )

    @property
    def log_days(self) -> int:
        """How long the group that keeps its lines longest keeps them."""
        return max(int(each["RetentionInDays"]) for each in self.of_type("AWS::Logs::LogGroup").values())

    @property
    def access_log(self) -> dict[str, str]:
        """The fields of a line of the access log."""
        [stage] = self.of_type("AWS::ApiGatewayV2::Stage").values()
        fields: dict[str, str] = json.loads(stage["AccessLogSettings"]["Format"])
        return fields

    @property
    def pings_a_second(self) -> int:
        """What the throttle lets in."""
        [stage] = self.of_type("AWS::ApiGatewayV2::Stage").values()
        return int(stage["RouteSettings"]["ANY /ping/{proxy+}"]["ThrottlingRateLimit"])


def _runs(schedule: str) -> float:
    match = re.fullmatch(r"rate\((\d+) minutes?\)", schedule)
    if not match:
        raise UnpricedError(f"How often is {schedule}? tests/bench/deployed.py knows rates of minutes.")
    return MINUTES / int(match[1])


def metrics_of(function: str) -> set[str]:
    """Return the names of the metrics that a function sends."""
    text = (ROOT / "functions" / f"{function}.py").read_text("utf-8")
    return set(re.findall(r'add_metric\("(\w+)"', text))
