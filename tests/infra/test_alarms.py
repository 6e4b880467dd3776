"""Each alarm and each graph stands on a metric that somebody emits, under that name, namespace and dimensions.

Ours are captured from the functions themselves, run with the environment that the template gives them; AWS's own are
held against a table copied by hand from its documentation.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import boto3
import pytest
from aws_lambda_powertools import Metrics
from moto import mock_aws

from infra.alarms import LOST_SWEEPS
from lastseen.alerting.sweep import LOOK_AHEAD
from lastseen.aws.deliveries import Delivery
from lastseen.core.channel import Channel, Via
from lastseen.core.check import Check, Run
from lastseen.core.moments import SLACK
from lastseen.delivery.deliver import LASTING
from lastseen.storage.documents import CHANNELS
from lastseen.storage.store import Store, TableStore
from lastseen.storage.tables import Tables
from tests import gallery
from tests.bench.money import LOG_EVENT_BYTES, SWEEP_LOG_BYTES
from tests.infra.test_stack import function, of_type
from tests.times import T0

NAMESPACE = "Lastseen"
"""Of our own metrics: the stack's name."""

Metric = tuple[str, str, frozenset[str]]
"""Namespace, name and names of dimensions."""

FUNCTIONS = Path(__file__).parents[2] / "functions"
REGION = "us-east-1"
CONTEXT = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:f",
    aws_request_id="1",
    get_remaining_time_in_millis=lambda: 60_000,
)

AWS_EMITS: dict[tuple[str, str], str] = {
    # docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", "Invocations"): "FunctionName",
    ("AWS/Lambda", "Errors"): "FunctionName",
    ("AWS/Lambda", "Throttles"): "FunctionName",
    ("AWS/Lambda", "Duration"): "FunctionName",
    ("AWS/Lambda", "ConcurrentExecutions"): "FunctionName",
    # docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): "QueueName",
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): "QueueName",
    ("AWS/SQS", "NumberOfMessagesSent"): "QueueName",  # not of what SQS itself moves to a queue of dead letters
    # docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
    ("AWS/SNS", "NumberOfNotificationsDelivered"): "TopicName",
    ("AWS/SNS", "NumberOfNotificationsFailed"): "TopicName",
    # docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html: not 5XXError, which is a REST API's
    ("AWS/ApiGateway", "4xx"): "ApiId",
    ("AWS/ApiGateway", "5xx"): "ApiId",
    ("AWS/ApiGateway", "Latency"): "ApiId",
    # docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits"): "TableName",
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"): "TableName",
}
BEARERS = {
    "FunctionName": "AWS::Lambda::Function",
    "QueueName": "AWS::SQS::Queue",
    "TopicName": "AWS::SNS::Topic",
    "ApiId": "AWS::ApiGatewayV2::Api",
    "TableName": "AWS::DynamoDB::GlobalTable",
}
"""Which resource of the stack the value of a dimension must name."""


def alarms(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name.removeprefix("Alarms")[:-8]: one for name, one in of_type(template, "AWS::CloudWatch::Alarm").items()}


def watched(template: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return the metric of each alarm: namespace, name, dimensions."""
    return {
        name: (alarm["Namespace"], alarm["MetricName"], {one["Name"]: one["Value"] for one in alarm["Dimensions"]})
        for name, alarm in alarms(template).items()
    }


def graphs(template: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the dashboard's widgets; what CloudFormation fills in stands there as "<logical id>"."""
    [board] = of_type(template, "AWS::CloudWatch::Dashboard").values()
    parts = board["DashboardBody"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else f"<{_named(part)}>" for part in parts)
    widgets: list[dict[str, Any]] = json.loads(text)["widgets"]
    return widgets


def shown(template: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the metrics on the dashboard."""
    rows = [row for widget in graphs(template) for row in widget["properties"].get("metrics", [])]
    found = []
    for row in rows:
        namespace, name, *rest = [part for part in row if isinstance(part, str)]
        found.append((namespace, name, dict(zip(rest[::2], rest[1::2], strict=True))))
    return found


def _named(reference: dict[str, Any]) -> str:
    return str(reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0])


def test_there_is_an_alarm_for_each_way_to_fall_silent(template: dict[str, Any]) -> None:
    assert set(alarms(template)) == {
        *("SweepMissing", "SweepErrors", "SweepsDeadLetters"),
        *("CanaryLost", "ServerErrors", "PingThrottles"),
        *("WakesOld", "AlertErrors", "WakesDeadLetters", "BrokenChecks"),
        *("NotificationsFailed", "ChannelNotificationsFailed"),
        *("DeliverErrors", "DeliveriesFailing", "DeliveriesDeadLetters", "EventsDeadLetters"),
    }


def test_only_the_missing_sweep_takes_silence_for_trouble(template: dict[str, Any]) -> None:
    treated = {name: alarm["TreatMissingData"] for name, alarm in alarms(template).items()}
    assert treated.pop("SweepMissing") == "breaching"
    assert set(treated.values()) == {"notBreaching"}
    sweep = alarms(template)["SweepMissing"]
    assert (sweep["Statistic"], sweep["Period"], sweep["EvaluationPeriods"]) == ("Sum", 60, 3)
    assert (sweep["ComparisonOperator"], sweep["Threshold"]) == ("LessThanThreshold", 1)


def test_no_alarm_stands_on_what_alarms_cannot_see_or_an_emulator_cannot_deploy(template: dict[str, Any]) -> None:
    for alarm in alarms(template).values():
        assert alarm["Namespace"] != "AWS/DynamoDB"  # there, missing data is ignored whatever the alarm says
        assert "Metrics" not in alarm  # metric math
    assert of_type(template, "AWS::CloudWatch::CompositeAlarm") == {}


def test_every_alarm_notifies_when_it_begins(template: dict[str, Any]) -> None:
    for alarm in alarms(template).values():
        [contact] = alarm["AlarmActions"]
        assert contact["Ref"].startswith("AlertsTopic")
        assert alarm["AlarmDescription"].endswith(".")


def test_every_alarm_that_rang_notifies_when_it_ends_and_a_new_one_that_becomes_ok_does_not(
    template: dict[str, Any],
) -> None:
    """An action of the alarm itself would run as well when it leaves INSUFFICIENT_DATA, at the first deployment."""
    assert not any(
        alarm.get("OKActions") or alarm.get("InsufficientDataActions") for alarm in alarms(template).values()
    )
    [rule] = of_type(template, "AWS::Events::Rule").values()
    pattern = rule["EventPattern"]
    assert {one["Fn::GetAtt"][0] for one in pattern["resources"]} == set(of_type(template, "AWS::CloudWatch::Alarm"))
    assert pattern["source"] == ["aws.cloudwatch"]
    assert pattern["detail-type"] == ["CloudWatch Alarm State Change"]
    assert pattern["detail"] == {"state": {"value": ["OK"]}, "previousState": {"value": ["ALARM"]}}
    [target] = rule["Targets"]
    assert target["Arn"]["Ref"].startswith("AlertsTopic")
    text = target["InputTransformer"]
    assert set(re.findall(r"<(\w+)>", text["InputTemplate"])) == set(text["InputPathsMap"])
    assert json.loads(text["InputTemplate"]).startswith("OK: <alarm>")


def test_a_few_failures_of_a_large_deployment_ring_no_alarm(
    template: dict[str, Any], synthesize: Callable[..., dict[str, Any]]
) -> None:
    for made, after in ((template, 5), (synthesize(alarm_after=40), 40)):
        thresholds = {name: alarm["Threshold"] for name, alarm in alarms(made).items()}
        assert thresholds["ServerErrors"] == thresholds["PingThrottles"] == after


def test_one_call_of_the_sweep_that_failed_rings_no_alarm_that_only_a_person_can_end(template: dict[str, Any]) -> None:
    alarm = alarms(template)["SweepsDeadLetters"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("NumberOfMessagesSent", "Sum")  # what arrives, not what lies
    assert alarm["Threshold"] == LOST_SWEEPS == 3


def test_a_wake_that_failed_once_is_not_old_yet(template: dict[str, Any]) -> None:
    [wakes] = [one for name, one in of_type(template, "AWS::SQS::Queue").items() if name.startswith("WakesQueue")]
    assert alarms(template)["WakesOld"]["Threshold"] > wakes["VisibilityTimeout"] + (LOOK_AHEAD + SLACK).total_seconds()


def test_the_manual_says_what_each_alarm_means_and_what_they_cost(template: dict[str, Any]) -> None:
    page = (FUNCTIONS.parent / "docs" / "monitoring.md").read_text()
    assert [name for name in alarms(template) if f"| `{name}` |" not in page] == []
    assert len(alarms(template)) == 16
    assert "the sixteen here are $0.60" in page


def test_a_second_contact_is_told_by_a_topic_of_its_own(synthesize: Callable[..., dict[str, Any]]) -> None:
    made = synthesize(ops_emails="ops@example.com", alert_emails="team@example.com")
    subscribed = [one for one in of_type(made, "AWS::SNS::Subscription").values() if one["Protocol"] == "email"]
    mails = {one["Endpoint"]: one["TopicArn"]["Ref"] for one in subscribed}
    assert mails["ops@example.com"] != mails["team@example.com"]
    for alarm in alarms(made).values():
        assert {action["Ref"] for action in alarm["AlarmActions"]} == set(mails.values())
    [rule] = of_type(made, "AWS::Events::Rule").values()
    assert {target["Arn"]["Ref"] for target in rule["Targets"]} == set(mails.values())


def test_the_outside_is_pinged_only_if_asked_and_by_the_sweep_alone(
    template: dict[str, Any], synthesize: Callable[..., dict[str, Any]]
) -> None:
    assert "HEARTBEAT_URL" not in json.dumps(template)
    made = synthesize(heartbeat_url="https://monitor.example.com/x")
    told = {name: function(made, name)["Environment"]["Variables"] for name in ("ping", "sweep", "alert", "api")}
    assert [name for name, variables in told.items() if "HEARTBEAT_URL" in variables] == ["sweep"]
    assert told["sweep"]["HEARTBEAT_URL"] == "https://monitor.example.com/x"


def test_metrics_of_aws_bear_its_names_and_name_resources_of_this_stack(with_dashboard: dict[str, Any]) -> None:
    for namespace, name, dimensions in [*watched(with_dashboard).values(), *shown(with_dashboard)]:
        if namespace == NAMESPACE:
            continue
        [(dimension, value)] = dimensions.items()
        assert AWS_EMITS[namespace, name] == dimension
        resource = value.strip("<>") if isinstance(value, str) else _named(value)
        assert with_dashboard["Resources"][resource]["Type"] == BEARERS[dimension]


def test_a_dashboard_is_made_only_if_asked_for_and_is_within_what_is_free(
    template: dict[str, Any], with_dashboard: dict[str, Any]
) -> None:
    """Three are free in an account, of fifty metrics each; a further one is $3 a month."""
    assert of_type(template, "AWS::CloudWatch::Dashboard") == {}
    assert 30 < len(shown(with_dashboard)) <= 50
    board = {name for name, one in with_dashboard["Resources"].items() if "Dashboard" in one["Type"]}
    assert set(with_dashboard["Resources"]) - set(template["Resources"]) == board


def test_the_dashboard_shows_every_alarm_and_every_metric_of_ours(
    with_dashboard: dict[str, Any], emitted: dict[str, set[Metric]]
) -> None:
    [status] = [widget for widget in graphs(with_dashboard) if widget["type"] == "alarm"]
    named = {one.strip("<>") for one in status["properties"]["alarms"]}
    assert named == set(of_type(with_dashboard, "AWS::CloudWatch::Alarm"))
    on_it = {name for namespace, name, _ in shown(with_dashboard) if namespace == NAMESPACE}
    assert on_it <= {name for metrics in emitted.values() for _, name, _ in metrics}
    assert {name for _, name, _ in emitted["sweep"]} <= on_it


def test_our_own_alarms_and_graphs_stand_on_what_the_functions_emit(
    with_dashboard: dict[str, Any], emitted: dict[str, set[Metric]]
) -> None:
    own = [one for one in [*watched(with_dashboard).values(), *shown(with_dashboard)] if one[0] == NAMESPACE]
    assert {name for _, name, _ in own} >= {"SweepCompleted", "CanaryLost", "BrokenChecks"}
    for namespace, name, dimensions in own:
        assert (namespace, name, frozenset(dimensions)) in emitted[dimensions["service"]], name


def test_our_metrics_cost_nothing_beside_ten_that_are_free(emitted: dict[str, set[Metric]]) -> None:
    steady = emitted["sweep"] | emitted["alert"]
    assert len(steady) <= 10


def test_a_sweep_logs_no_more_than_the_bench_reckons(functions: Callable[[str, str], Functions]) -> None:
    with _Listener() as listener:
        heard = functions(f"{listener.url}/ping", "")
        heard.run("sweep", {})
        written = [len(line.encode()) + LOG_EVENT_BYTES for line in heard.logged("sweep", {})]
    assert SWEEP_LOG_BYTES / 2 < sum(written) <= SWEEP_LOG_BYTES, written


def test_a_canary_that_is_not_heard_is_counted(quiet: Functions) -> None:
    assert quiet.measured("sweep", {})["CanaryLost"] == 1.0


def test_a_canary_that_is_heard_is_no_trouble_and_the_outside_is_pinged_last(
    functions: Callable[[str, str], Functions],
) -> None:
    with _Listener() as listener:
        ready = functions(f"{listener.url}/ping", f"{listener.url}/outside")
        assert ready.measured("sweep", {})["CanaryLost"] == 0.0
    assert [path.split("/")[1] for path in listener.heard] == ["ping", "outside"]


def test_with_a_custom_domain_the_canary_pings_the_apis_own_address_too_and_the_alarm_is_of_either(
    functions: Callable[[str, str], Functions], monkeypatch: pytest.MonkeyPatch
) -> None:
    with _Listener() as listener:
        ready = functions("http://127.0.0.1:1/not-yet-in-dns", "")
        monkeypatch.setenv("API_PING_URL", f"{listener.url}/ping")
        assert ready.measured("sweep", {})["CanaryLost"] == 1.0
        assert listener.heard == ["/ping/<id>"]
        both = functions(f"{listener.url}/domain", "")
        assert both.measured("sweep", {})["CanaryLost"] == 0.0
    assert listener.heard == ["/ping/<id>", "/ping/<id>", "/domain/<id>"]


def test_an_outside_that_does_not_answer_is_no_trouble_of_ours_and_its_url_is_in_no_log(
    functions: Callable[[str, str], Functions], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    ready = functions("http://127.0.0.1:1/ping", "http://127.0.0.1:1/secret-path")
    assert ready.measured("sweep", {})["SweepCompleted"] == 1.0
    ready.run("sweep", {})
    said = capsys.readouterr()
    assert "the monitor outside" in caplog.text
    assert "secret-path" not in said.out + said.err + caplog.text


@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_a_sweep_that_fails_does_not_count_as_completed(
    quiet: Functions, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quiet.modules["sweep"], "_store", None)
    with pytest.raises(AttributeError):
        quiet.run("sweep", {})
    assert "SweepCompleted" not in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_the_canary_pings_before_a_sweep_that_fails(quiet: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a sweep that dies each minute would look like time in which no job could be heard, and hold every alert."""
    sweep, pinged = quiet.modules["sweep"], []

    def is_answered(_url: str, *, whose: str) -> bool:
        pinged.append(whose)
        return True

    monkeypatch.setattr(sweep, "is_answered", is_answered)
    monkeypatch.setattr(sweep, "_wakes", None)
    monkeypatch.setattr(sweep, "run", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        quiet.run("sweep", {})
    assert "our public ping URL" in pinged


def test_a_broken_check_is_counted(quiet: Functions) -> None:
    assert quiet.measured("alert", _wakes(quiet.broken))["BrokenChecks"] == 1.0


# --- Running the functions ---


class Functions:
    """The functions that measure, as Lambda would run them, on tables in memory."""

    def __init__(self, modules: dict[str, ModuleType], capsys: pytest.CaptureFixture[str], broken: str) -> None:
        self.modules, self._capsys, self.broken = modules, capsys, broken

    def run(self, name: str, event: dict[str, Any]) -> None:
        module = self.modules[name]
        module.logger.registered_handler.stream = sys.stdout  # the one that pytest captures now
        module.handler(event, CONTEXT)

    def logged(self, name: str, event: dict[str, Any]) -> list[str]:
        """Run a function and return the lines that it writes into its log."""
        self._capsys.readouterr()
        self.run(name, event)
        return self._capsys.readouterr().out.splitlines()

    def emf(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        """Run a function and return what it gives CloudWatch to count: a line of the embedded metric format."""
        lines = self.logged(name, event)
        [line] = [json.loads(line) for line in lines if '"CloudWatchMetrics"' in line]
        found: dict[str, Any] = line
        return found

    def measured(self, name: str, event: dict[str, Any]) -> dict[str, float]:
        line = self.emf(name, event)
        return {metric: line[metric][0] for metric in line if isinstance(line[metric], list)}


@pytest.fixture
def functions(
    template: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str, str], Functions]]:
    """Return what loads the functions with the environment that the template gives them, for a ping and outside URL."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    with mock_aws():
        made = _made(template)
        broken = _with_a_broken_check(made)

        def load(ping_url: str, heartbeat_url: str) -> Functions:
            modules = {}
            for name in ("sweep", "alert", "deliver"):
                asked = function(template, name)["Environment"]["Variables"]
                told = {key: made.get(key, value) for key, value in asked.items()} | {"PING_URL": ping_url}
                for key, value in {**told, "SITE_URL": "https://x", "HEARTBEAT_URL": heartbeat_url}.items():
                    monkeypatch.setenv(key, str(value))
                modules[name] = _module(name)
            return Functions(modules, capsys, broken)

        yield load


@pytest.fixture
def quiet(functions: Callable[[str, str], Functions]) -> Functions:
    """The functions, where nobody answers a ping."""
    return functions("http://127.0.0.1:1/ping", "")


@pytest.fixture
def emitted(quiet: Functions) -> dict[str, set[Metric]]:
    """What each function emits, by function."""
    return {
        "sweep": _metrics(quiet.emf("sweep", {})),
        "alert": _metrics(quiet.emf("alert", _wakes(_late(quiet)))),
        "deliver": _metrics(quiet.emf("deliver", _delivery_in_vain(quiet))),
    }


def _metrics(line: dict[str, Any]) -> set[Metric]:
    [directive] = line["_aws"]["CloudWatchMetrics"]
    [dimensions] = directive["Dimensions"]
    return {(directive["Namespace"], metric["Name"], frozenset(dimensions)) for metric in directive["Metrics"]}


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"entry_{name}", FUNCTIONS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    Metrics._metrics = {}  # noqa: SLF001 - Powertools shares them between instances; a new environment has none
    spec.loader.exec_module(module)
    return module


def _made(template: dict[str, Any]) -> dict[str, str]:
    """Make the stack's tables, queue and topic; return their names by environment variable."""
    dynamodb = boto3.client("dynamodb", REGION)
    names = {}
    for logical, table in of_type(template, "AWS::DynamoDB::GlobalTable").items():
        name = logical.removeprefix("Tables")[:-8]
        keys = {key: table[key] for key in ("KeySchema", "AttributeDefinitions", "BillingMode")}
        dynamodb.create_table(TableName=name, **keys)
        names[f"{name.upper()}_TABLE"] = name
    queue = boto3.client("sqs", REGION).create_queue(QueueName="wakes")["QueueUrl"]
    sqs = boto3.client("sqs", REGION)
    deliveries = sqs.create_queue(QueueName="deliveries.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    topic = boto3.client("sns", REGION).create_topic(Name="alerts")["TopicArn"]
    return names | {
        "WAKES_QUEUE_URL": queue,
        "DELIVERIES_QUEUE_URL": deliveries,
        "TOPIC_ARN": topic,
        "CHANNELS_TOPIC_ARN": topic,
    }


def _with_a_broken_check(made: dict[str, str]) -> str:
    check = Check(id="0b9d5a52-8f3e-4b63-9c57-2d2a7c9a3f10", created=T0)
    _store(made).create(check)
    boto3.client("dynamodb", REGION).update_item(
        TableName=made["CHECKS_TABLE"],
        Key={"id": {"S": check.id}},
        UpdateExpression="SET st = :nonsense",
        ExpressionAttributeValues={":nonsense": {"S": "?"}},
    )
    return check.id


def _late(quiet: Functions) -> str:
    """Make a check whose run got stuck, and return its id."""
    check = Check(
        id="3f1d5a52-8f3e-4b63-9c57-2d2a7c9a3f11",
        created=T0,
        runs=(Run(T0),),
        grace=timedelta(minutes=1),
        wake_at=T0 + timedelta(minutes=1),
    )
    quiet.modules["alert"]._store.create(check)  # noqa: SLF001 - the function's own tables
    return check.id


def _delivery_in_vain(quiet: Functions) -> dict[str, Any]:
    """Return a delivery that has failed for some time, to a webhook at which nobody is."""
    chat = quiet.modules["deliver"]
    channel = Channel(id="c", project="default", name="away", via=Via.WEBHOOK, target="https://away.invalid/x")
    CHANNELS.write(chat._store, channel)  # noqa: SLF001 - the function's own
    delivery = Delivery(project="default", channel_id="c", event=gallery.flip_event("The job failed"))
    chat._deliveries.send([delivery])  # noqa: SLF001 - the same
    sqs = boto3.client("sqs", REGION)
    [message] = sqs.receive_message(QueueUrl=os.environ["DELIVERIES_QUEUE_URL"])["Messages"]  # noqa: TID251 - set here
    record = {"messageId": "m", "receiptHandle": message["ReceiptHandle"], "body": message["Body"]}
    return {"Records": [record | {"attributes": {"ApproximateReceiveCount": str(LASTING), "SentTimestamp": "0"}}]}


def _store(made: dict[str, str]) -> Store:
    tables = Tables(*(made[f"{name}_TABLE"] for name in ("CHECKS", "NAMES", "HISTORY", "SETTINGS")))
    return TableStore(boto3.client("dynamodb", REGION), tables)


def _wakes(*check_ids: str) -> dict[str, Any]:
    return {
        "Records": [{"messageId": check_id, "body": json.dumps({"ids": [check_id]})} for check_id in check_ids],
    }


class _Listener:
    """An HTTP server on loopback that remembers which paths it was asked for, without the secret part."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append(re.sub(r"[0-9a-f-]{36}", "<id>", self.path))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
