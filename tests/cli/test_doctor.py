"""`lastseen doctor`: what it says of a deployment in each state. AWS is moto where it knows the service, else canned
answers that botocore holds against AWS's own model of the service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from lastseen.core.channel import Channel, Via
from lastseen.core.check import Check
from lastseen.core.schedule import Cron
from lastseen.core.zones import rules_version
from lastseen.storage.documents import CANARY, CHANNELS
from lastseen.storage.records import CanaryRecord
from lastseen_cli import doctor, trial
from lastseen_cli.deployment import Deployment, Resource
from lastseen_cli.doctor import Finding, Level
from tests.lastseen.delivery.receiver import Reply, listening
from tests.times import T0, minutes, seconds

REGION = "us-east-1"
ARN = "arn:aws:sns:us-east-1:123456789012:alerts:00000000-0000-0000-0000-000000000001"
KEYS = {
    "ChecksTable": ("id",),
    "NamesTable": ("project", "slug"),
    "HistoryTable": ("id", "event"),
    "SettingsTable": ("kind", "name"),
}


@dataclass(frozen=True)
class Canned(Deployment):
    """A deployment whose services answer what a test says."""

    clients: dict[str, Any] = field(default_factory=dict)
    stubbers: dict[str, Stubber] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = boto3.client(service, REGION)  # type: ignore[call-overload] # a literal is wanted
        return self.clients[service]

    def answers(self, service: str, operation: str, answer: dict[str, Any]) -> None:
        self._stubber(service).add_response(operation, answer)

    def refuses(self, service: str, operation: str, code: str) -> None:
        self._stubber(service).add_client_error(operation, code, "said AWS")

    def _stubber(self, service: str) -> Stubber:
        if service not in self.stubbers:
            self.stubbers[service] = Stubber(self.client(service))
            self.stubbers[service].activate()
        return self.stubbers[service]


Make = Callable[..., Canned]


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make a deployment of some resources, given as (type, logical id, physical id); its tables are there."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    with mock_aws():
        dynamodb: Any = boto3.client("dynamodb", REGION)
        for name, keys in KEYS.items():
            schema = zip(keys, ("HASH", "RANGE"), strict=False)
            dynamodb.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in schema],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                BillingMode="PAY_PER_REQUEST",
            )

        def make(*resources: tuple[str, str, str], date: str = format_datetime(T0, usegmt=True)) -> Canned:
            return Canned(
                name="Lastseen",
                outputs={name: name for name in KEYS}
                | {"PingUrl": "http://127.0.0.1:1/ping", "ApiUrl": "http://127.0.0.1:1/api"},
                resources=tuple(Resource(logical, physical, kind) for kind, logical, physical in resources),
                clock_header=date,
            )

        yield make


def found(examination: doctor.Examination, deployment: Deployment) -> list[tuple[str, str]]:
    return [(str(finding.level), finding.says) for finding in examination(deployment, T0)]


def canary(deployment: Deployment, last_ping: Any) -> None:
    CANARY.write(deployment.store, CanaryRecord("c1"))
    deployment.store.create(Check(id="c1", project="_lastseen", last_ping=last_ping, n_pings=1))


# --- Sweeps ---


def test_a_canary_that_was_just_heard_is_fine(deployment: Make) -> None:
    made = deployment()
    canary(made, T0 - seconds(40))
    assert found(doctor.sweeps, made) == [("ok", "The last one pinged 40 s ago.")]


def test_an_old_or_missing_canary_is_trouble(deployment: Make) -> None:
    made = deployment()
    assert found(doctor.sweeps, made) == [("trouble", "No sweep has pinged yet.")]
    canary(made, T0 - minutes(9))
    assert found(doctor.sweeps, made) == [("trouble", "The last sweep pinged 9 min ago; one is expected each minute.")]


def test_a_schedule_that_is_switched_off_is_trouble(deployment: Make) -> None:
    made = deployment(("AWS::Scheduler::Schedule", "EachMinute", "Lastseen-EachMinute"))
    made.answers("scheduler", "get_schedule", {"State": "DISABLED"})
    assert ("trouble", "The schedule is switched off: nobody looks for silent jobs.") in found(doctor.sweeps, made)


# --- Alarms ---

ALARMS = [("AWS::CloudWatch::Alarm", f"Alarms{name}", name) for name in ("A", "B", "C")]


def test_quiet_alarms_are_fine(deployment: Make) -> None:
    made = deployment(*ALARMS)
    states = [{"AlarmName": name, "StateValue": "OK", "ActionsEnabled": True} for name in "ABC"]
    made.answers("cloudwatch", "describe_alarms", {"MetricAlarms": states})
    assert found(doctor.alarms, made) == [("ok", "All 3 are on and quiet.")]


def test_an_alarm_that_is_ringing_off_or_gone_is_trouble(deployment: Make) -> None:
    made = deployment(*ALARMS)
    states = [
        {"AlarmName": "A", "StateValue": "ALARM", "ActionsEnabled": True, "AlarmDescription": "No sweep."},
        {"AlarmName": "B", "StateValue": "OK", "ActionsEnabled": False},
    ]
    made.answers("cloudwatch", "describe_alarms", {"MetricAlarms": states})
    assert found(doctor.alarms, made) == [
        ("trouble", "A is in alarm. No sweep."),
        ("trouble", "B notifies nobody: its actions are switched off."),
        ("trouble", "C is gone."),
    ]


def test_a_stack_without_alarms_is_trouble(deployment: Make) -> None:
    assert found(doctor.alarms, deployment()) == [("trouble", "The stack has no alarms.")]


# --- Dead letters ---


def test_each_queue_of_dead_letters_is_looked_at_and_no_other(deployment: Make) -> None:
    sqs = boto3.client("sqs", REGION)
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("dead", "lost", "wakes")}
    made = deployment(
        ("AWS::SQS::Queue", "WakesDeadLetters1A", urls["dead"]),
        ("AWS::SQS::Queue", "DeliveriesLostEvents2B", urls["lost"]),
        ("AWS::SQS::Queue", "WakesQueue3C", urls["wakes"]),
    )
    sqs.send_message(QueueUrl=urls["wakes"], MessageBody="on its way")
    assert found(doctor.dead_letters, made) == [("ok", "None in 2 queues.")]
    sqs.send_message(QueueUrl=urls["lost"], MessageBody="given up")
    assert found(doctor.dead_letters, made) == [("trouble", "1 in lost.")]


# --- Subscriptions ---


def subscribed(deployment: Make, *listed: tuple[str, str, str], made: str = "") -> Canned:
    resources = [("AWS::SNS::Topic", "AlertsTopic", "arn:aws:sns:us-east-1:123456789012:alerts")]
    resources += [("AWS::SNS::Subscription", "AlertsMail", made)] if made else []
    canned = deployment(*resources)
    answer = [{"SubscriptionArn": arn, "Protocol": protocol, "Endpoint": where} for arn, protocol, where in listed]
    canned.answers("sns", "list_subscriptions_by_topic", {"Subscriptions": answer})
    return canned


def test_a_confirmed_address_is_fine(deployment: Make) -> None:
    made = subscribed(deployment, (ARN, "email", "a@example.com"), made=ARN)
    assert found(doctor.subscriptions, made) == [("ok", "1 confirmed.")]


def test_an_address_that_was_never_confirmed_is_trouble(deployment: Make) -> None:
    made = subscribed(deployment, ("PendingConfirmation", "email", "a@example.com"))
    assert found(doctor.subscriptions, made) == [
        ("trouble", "a@example.com was never confirmed, so nothing is sent there."),
        ("trouble", "Nobody would get an alert."),
    ]


def test_a_subscription_that_somebody_removed_is_trouble(deployment: Make) -> None:
    other = ARN[:-1] + "2"
    made = subscribed(deployment, (other, "email", "b@example.com"), made=ARN)
    assert found(doctor.subscriptions, made)[0][0] == "trouble"
    assert "was removed" in found(doctor.subscriptions, subscribed(deployment, (other, "email", "b@x"), made=ARN))[0][1]


def test_the_chat_function_alone_is_nobody_unless_there_are_channels(deployment: Make) -> None:
    made = subscribed(deployment, (ARN, "lambda", "arn:aws:lambda:chat"))
    assert found(doctor.subscriptions, made) == [("trouble", "Nobody would get an alert.")]
    made = subscribed(deployment, (ARN, "lambda", "arn:aws:lambda:chat"))
    made.store.put_setting("channel#default", "c", {"name": "ops"})
    assert found(doctor.subscriptions, made) == [("warning", "Only chats and webhooks get alerts.")]


# --- Tables ---


@pytest.mark.parametrize(
    ("sandbox", "limit", "levels"),
    [("in", "100", ["trouble"]), ("out", "1", ["warning"]), ("in", "", ["trouble", "warning"]), ("out", "100", ["ok"])],
)
def test_text_messages_that_cannot_arrive_are_told(
    deployment: Make, sandbox: str, limit: str, levels: list[str]
) -> None:
    made = deployment()
    assert found(doctor.text_messages, made) == []  # nobody asked for any
    CHANNELS.write(made.store, Channel(id="c", project="default", name="on-call", via=Via.SMS, target="+491701234567"))
    made.answers("sns", "get_sms_attributes", {"attributes": {"MonthlySpendLimit": limit} if limit else {}})
    made.answers("sns", "get_sms_sandbox_account_status", {"IsInSandbox": sandbox == "in"})
    assert [level for level, _ in found(doctor.text_messages, made)] == levels


def test_tables_without_a_net_are_trouble_and_those_with_one_are_fine(deployment: Make) -> None:
    made = deployment()
    assert found(doctor.tables, made) == [
        ("trouble", f"Point-in-time recovery is off: what is lost stays lost in {', '.join(KEYS)}."),
        ("trouble", f"Deletion protection is off: one call deletes {', '.join(KEYS)}."),
        ("trouble", "TTL is off: HistoryTable keeps everything forever."),
    ]
    dynamodb = boto3.client("dynamodb", REGION)
    for name in KEYS:
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    dynamodb.update_time_to_live(
        TableName="HistoryTable", TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
    )
    assert found(doctor.tables, made) == [("ok", "Restorable to any second, protected, and old history expires.")]


# --- Concurrency and throttle ---


@pytest.mark.parametrize(("limit", "level"), [(3, "trouble"), (10, "warning"), (1000, "ok")])
def test_the_quota_is_held_against_the_jobs_that_start_together(deployment: Make, limit: int, level: str) -> None:
    made = deployment()
    canary(made, T0)
    for number, cron in enumerate(("0 3 * * *", "0 3 * * *", "0 3 * * 1-7", "30 3 * * *", "61 * * * *")):
        made.store.create(Check(id=f"id-{number}", schedule=Cron(cron, "UTC")))
    made.store.create(Check(id="each-hour"))
    limits = {"ConcurrentExecutions": limit, "TotalCodeSize": 1}
    made.answers("lambda", "get_account_settings", {"AccountLimit": limits})
    says = f"3 of 6 checks expect a ping at 03:00 UTC; Lambda may run {limit} functions at once."
    assert found(doctor.concurrency, made) == [(level, says)]


@pytest.mark.parametrize(("requests", "level"), [(60 * 60, "trouble"), (30 * 60, "warning"), (60, "ok")])
def test_the_throttle_is_held_against_the_busiest_minute(deployment: Make, requests: int, level: str) -> None:
    made = deployment(("AWS::ApiGatewayV2::Api", "WebApi", "abc"))
    throttle = {"ThrottlingRateLimit": 50.0, "ThrottlingBurstLimit": 200}
    made.answers("apigatewayv2", "get_stages", {"Items": [{"StageName": "$default", "DefaultRouteSettings": throttle}]})
    made.answers("cloudwatch", "get_metric_statistics", {"Datapoints": [{"Sum": float(requests)}, {"Sum": 1.0}]})
    [(said, _)] = found(doctor.throttle, made)
    assert said == level


def test_the_throttle_of_pings_counts_where_they_have_one_of_their_own(deployment: Make) -> None:
    made = deployment(("AWS::ApiGatewayV2::Api", "WebApi", "abc"))
    stage = {
        "StageName": "$default",
        "DefaultRouteSettings": {"ThrottlingRateLimit": 5.0},
        "RouteSettings": {"ANY /ping/{proxy+}": {"ThrottlingRateLimit": 500.0}},
    }
    made.answers("apigatewayv2", "get_stages", {"Items": [stage]})
    made.answers("cloudwatch", "get_metric_statistics", {"Datapoints": [{"Sum": 60.0 * 60}]})
    says = "The busiest minute of the last day had 60.0 requests a second; the throttle lets 500 pass."
    assert found(doctor.throttle, made) == [("ok", says)]


# --- Runtime and clock ---


@pytest.mark.parametrize(("day", "level"), [("2029-07-01", "trouble"), ("2029-05-01", "warning"), ("2028-01-01", "ok")])
def test_a_runtime_is_told_before_its_end(deployment: Make, day: str, level: str) -> None:
    made = deployment(("AWS::Lambda::Function", "Ping", "ping"))
    made.answers("lambda", "get_function_configuration", {"Runtime": "python3.13"})
    [finding] = doctor.runtimes(made, T0.fromisoformat(f"{day}T00:00:00+00:00"))
    assert str(finding.level) == level


@pytest.mark.parametrize(
    ("off", "level"), [(seconds(2), "ok"), (minutes(2), "warning"), (-minutes(2), "warning"), (minutes(6), "trouble")]
)
def test_a_clock_that_is_wrong_is_told(deployment: Make, off: timedelta, level: str) -> None:
    assert found(doctor.clock, deployment(date=format_datetime(T0 + off, usegmt=True)))[0][0] == level


# --- Zone rules ---


def follows(make: Make, reply: Reply, *, year: int = T0.year) -> Finding:
    made = make()
    with listening() as api:
        api.will(reply)
        made.outputs["ApiUrl"] = f"{api.url}/api"
        [finding] = doctor.zone_rules(made, T0.replace(year=year))
        assert api.last.path == "/api/v3/status/"
    return finding


def test_zone_rules_of_this_version_are_fine_until_two_years_have_passed(deployment: Make) -> None:
    mine = rules_version()
    same = Reply(headers={"Zone-Rules": mine})
    fresh = follows(deployment, same, year=int(mine[:4]) + 1)
    assert (fresh.level, fresh.says) == (Level.OK, f"Schedules follow the rules of {mine}.")
    assert follows(deployment, same, year=int(mine[:4]) + 2).level is Level.WARNING


@pytest.mark.parametrize("headers", [{"Zone-Rules": "2019a"}, {}])
def test_other_zone_rules_than_this_versions_ask_for_a_deploy(deployment: Make, headers: dict[str, str]) -> None:
    finding = follows(deployment, Reply(headers=headers))
    assert finding.level is Level.WARNING
    assert finding.fix == f"Deploy the stack again: this version of Lastseen has {rules_version()}."


def test_an_api_that_does_not_answer_leaves_the_zone_rules_unknown(deployment: Make) -> None:
    finding = follows(deployment, Reply(503))
    assert finding.level is Level.WARNING
    assert "503" in finding.says


# --- What the caller may not see, and the report ---


def test_what_may_not_be_read_is_a_warning_that_names_the_right_and_stops_nothing_else(deployment: Make) -> None:
    made = deployment(*ALARMS)
    canary(made, T0)
    made.refuses("cloudwatch", "describe_alarms", "AccessDenied")
    made.refuses("lambda", "get_account_settings", "AccessDeniedException")
    findings = {finding.about: finding for finding in doctor.examine(made, T0)}
    assert findings["alarms"] == Finding(
        Level.WARNING, "alarms", "Your credentials may not read this.", "Allow it to look: DescribeAlarms."
    )
    assert findings["concurrency"].fix == "Allow it to look: GetAccountSettings."
    assert findings["clock"].level is Level.OK
    assert findings["sweeps"].level is Level.OK


def test_what_a_cloud_does_not_answer_is_a_warning(deployment: Make) -> None:
    made = deployment(*ALARMS)
    made.refuses("cloudwatch", "describe_alarms", "InternalFailure")
    [finding] = [one for one in doctor.examine(made, T0) if one.about == "alarms"]
    assert (finding.level, finding.says) == (Level.WARNING, "AWS did not answer DescribeAlarms: said AWS")


def test_only_trouble_makes_the_exit_status_one() -> None:
    fine, odd, bad = (Finding(level, "x", "y", "do z") for level in (Level.OK, Level.WARNING, Level.TROUBLE))
    assert [doctor.status(findings) for findings in ([], [fine, odd], [fine, bad])] == [0, 0, 1]
    assert doctor.document([bad]) == {
        "healthy": False,
        "findings": [{"level": "trouble", "about": "x", "says": "y", "fix": "do z"}],
    }


def test_the_report_says_the_mend_below_what_is_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    doctor.report(
        [Finding(Level.OK, "clock", "Right.", "unused"), Finding(Level.TROUBLE, "alarms", "Off.", "Turn on.")]
    )
    said = capfd.readouterr()
    assert [line.split() for line in said.out.splitlines()] == [
        ["ok", "clock", "Right."],
        ["trouble", "alarms", "Off."],
        ["->", "Turn", "on."],
    ]
    assert "1 wrong, 0 worth a look." in said.err
    json.dumps(doctor.document([]))


def test_a_test_alert_that_cannot_be_pinged_is_trouble_and_leaves_nothing_behind(deployment: Make) -> None:
    made = deployment()
    finding = trial.send_test_alert(made, "default", T0)
    assert (finding.level, finding.says) == (Level.TROUBLE, "The public URL did not take the ping.")
    assert made.store.project("default") == {}
